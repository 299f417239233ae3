"""What answers: built-in skills, a model server, a local language model; each streams text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duplex.models.interaction.contract import Answerer
    from duplex.streaming.pool import InferencePool


def load_answerer(
    llm: str | None = None,
    model: str | None = None,
    *,
    api_key: str | None = None,
    system_prompt: str | None = None,
    keep_skills: Collection[str] | None = None,
    connect_timeout: float = 5.0,
    first_token_timeout: float = 30.0,
    token_timeout: float = 10.0,
    options: Mapping[str, Any] | None = None,
    device: str = "cpu",
    pool: InferencePool | None = None,
) -> Answerer:
    """The answerer of a session.

    llm: None for the built-in skills alone; the address of an OpenAI-compatible server ("http://…/v1"); or a folder or
    Hugging Face id of a causal language model, which is loaded here (seconds). model: which of the server's models, by
    name; its first if None. keep_skills: titles of the skills that still answer beside a model; None for those that a
    model cannot stand in for. The timeouts and `options` are OpenAIServer's, `device` and `pool` are LocalLM's.
    Raises SettingsError for an address that is none, ModelError for a model that cannot be had.
    """
    from duplex.models.interaction.skills import Skills

    skills = Skills()
    if llm is None and model is None:
        return skills
    from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT
    from duplex.models.interaction.responders.router import Router

    prompt = SYSTEM_PROMPT if system_prompt is None else system_prompt
    if llm is not None and "://" in llm:
        from duplex.models.interaction.responders.openai_server import OpenAIServer

        server = OpenAIServer(
            llm,
            model,
            api_key=api_key,
            system_prompt=prompt,
            connect_timeout=connect_timeout,
            first_token_timeout=first_token_timeout,
            token_timeout=token_timeout,
            options=options,
        )
        return Router(skills, server, keep=keep_skills)
    from duplex.models.interaction.responders.local_lm import LocalLM

    local = LocalLM(llm or model or "", device=device, system_prompt=prompt, pool=pool)
    return Router(skills, local, keep=keep_skills)

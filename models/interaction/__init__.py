"""What answers: built-in skills, a model server, a local language model; each streams text."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from duplex.models.interaction.nano import NANO
from duplex.models.interaction.responders.model_servers import ModelServer, find_model_server, running_model_servers
from duplex.models.interaction.speech_lm import hears, open_speech_translator
from duplex.streaming.errors import SettingsError

if TYPE_CHECKING:
    from duplex.models.interaction.contract import Answerer
    from duplex.models.interaction.speech_lm.stream_uni import TranslatedSegment
    from duplex.models.interaction.tools.tool import Tool
    from duplex.models.interaction.tools.toolbox import Toolbox
    from duplex.streaming.pool import InferencePool


__all__ = [
    "AUTO",
    "ModelServer",
    "TranslatedSegment",
    "find_model_server",
    "hears",
    "load_answerer",
    "open_speech_translator",
    "remembering",
    "remote_tool",
    "running_model_servers",
]

AUTO = "auto"
"""The address that stands for a model server which is found on this machine."""

DEFAULT_NAME = "Duplex"
"""What the assistant is called unless it is told another name."""


def load_answerer(
    llm: str | None = None,
    model: str | None = None,
    *,
    api_key: str | None = None,
    name: str | None = None,
    system_prompt: str | None = None,
    typed: bool = False,
    keep_skills: Collection[str] | None = None,
    connect_timeout: float = 5.0,
    first_token_timeout: float = 30.0,
    token_timeout: float = 10.0,
    max_reply_tokens: int = 400,
    context_tokens: int = 4096,
    temperature: float | None = None,
    options: Mapping[str, Any] | None = None,
    device: str = "cpu",
    pool: InferencePool | None = None,
    tools: Sequence[Any] = (),
    mcp: Sequence[str] = (),
    thinking: bool = False,
) -> Answerer:
    """The answerer of a session.

    llm: None for the built-in skills alone; the address of an OpenAI-compatible server ("http://…/v1"); "auto" for the
    server that `find_model_server` finds, if any; or a local language model, which is loaded here (seconds): a GGUF
    file, a folder, a name of the store, or a Hugging Face id; or NANO, the bundled one, for what the skills do not
    understand. model: which of the server's models, by name; its first chat model if None. name: what the assistant is
    called. system_prompt: instructions to the model; typed: whether
    the default ones are for reading instead of for hearing. keep_skills: titles of the skills that still answer beside
    a model; None for those that a model cannot stand in for. max_reply_tokens, context_tokens: of one answer, and of
    all that the model sees. temperature: None for a server's own, and for the likeliest words of a local model. The
    timeouts and `options` are OpenAIServer's, `device` and `pool` are LocalLM's. tools: the user's functions, called
    by the model, or by rules where there is none; mcp: servers of more, each a command or an address. thinking: a local
    model makes notes for its answer while the user speaks.
    Raises SettingsError for an address that is none and for thinking without a local model, ModelError for a model that
    cannot be had, or cannot do what is asked.
    """
    from duplex.models.interaction.skills import Skills, builtin_skills

    chosen = llm or model or AUTO
    if thinking and (chosen in (AUTO, NANO) or "://" in chosen):
        raise SettingsError("thinking=listening is for a local language model (model); rules, nano and servers cannot")
    builtin = builtin_skills(name or DEFAULT_NAME)
    if llm == AUTO:
        found = find_model_server()
        llm, model = (found.url, model or found.model) if found else (None, None)
    if llm is None and model is None:
        return Skills(builtin, toolbox=_open_toolbox(tools, mcp, "none") if tools or mcp else None)
    small = (llm or model) == NANO
    skills, toolbox = Skills(builtin), _open_toolbox(tools, mcp, "all" if small else "offered")
    from duplex.models.interaction.responders.prompt import system_prompt_for
    from duplex.models.interaction.responders.router import Router

    prompt = system_prompt_for(name, system_prompt, typed=typed)
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
            max_tokens=max_reply_tokens,
            context_tokens=context_tokens,
            options={**({} if temperature is None else {"temperature": temperature}), **(options or {})},
            toolbox=toolbox,
        )
        return Router(skills, server, keep=keep_skills, toolbox=toolbox)
    if small:
        from duplex.models.interaction.nano import load_nano_answerer
        from duplex.models.interaction.tools.builtin import BUILTIN
        from duplex.models.interaction.tools.by_rule.caller import RuleCaller

        # What the rules understand they do; what they do not, the small model may.
        known = {skill.title for skill in skills.skills if skill.title} if keep_skills is None else keep_skills
        caller = RuleCaller(toolbox.without(BUILTIN))
        return Router(skills, load_nano_answerer(toolbox), keep=known, toolbox=toolbox, caller=caller)
    from duplex.models.interaction.responders.local_models import open_local_model

    local = open_local_model(
        llm or model or "",
        device=device,
        system_prompt=prompt,
        max_new_tokens=max_reply_tokens,
        context_tokens=context_tokens,
        temperature=temperature or 0.0,
        pool=pool,
        toolbox=toolbox,
        thinking=thinking,
    )
    return Router(skills, local, keep=keep_skills, toolbox=toolbox)


def _open_toolbox(tools: Sequence[Any], mcp: Sequence[str], abilities: Literal["all", "offered", "none"]) -> Toolbox:
    """The user's functions, those of servers, and the built-in abilities: all, those that are offered to language
    models, or none. Raises SettingsError."""
    from duplex.models.interaction.tools.builtin import BUILTIN, for_models
    from duplex.models.interaction.tools.tool import Tool
    from duplex.models.interaction.tools.toolbox import Toolbox

    own = [Tool.of(tool) for tool in tools]
    builtin = {"all": [*BUILTIN.values()], "offered": for_models(), "none": []}[abilities]
    if not mcp:
        return Toolbox([*own, *builtin])
    from duplex.models.interaction.tools.mcp_servers import McpServers

    servers = McpServers(mcp, taken=[tool.name for tool in (*own, *builtin)])
    return Toolbox([*own, *servers.tools, *builtin], lost=servers.lost, closing=servers.close)


def remote_tool(
    name: str,
    description: str,
    parameters: Mapping[str, Any],
    call: Callable[..., Awaitable[str]],
    time_limit: float,
) -> Tool:
    """A tool that somebody else carries out: `call(**arguments)` waits for its result, at most `time_limit` seconds.

    parameters: the JSON schema of the arguments, an object. Raises SettingsError for a name or schema that is none.
    """
    from duplex.models.interaction.tools.json_schema import BrokenSchema, resolved
    from duplex.models.interaction.tools.tool import Tool
    from duplex.models.interaction.tools.toolbox import NAME

    if not NAME.fullmatch(name):
        raise SettingsError(f"tool {name[:100]!r}: a name has letters, digits, _ and -, at most 64")
    try:
        schema = {"type": "object", "properties": {}, **resolved(parameters)}
    except BrokenSchema as error:
        raise SettingsError(f"tool {name}: {error}") from None
    if schema["type"] != "object":
        raise SettingsError(f"tool {name}: its parameters must be an object")
    return Tool(name, description, schema, call, time_limit=time_limit, remote=True)


def remembering(answerer: Answerer, file: str | os.PathLike[str]) -> Answerer:
    """The answerer with a long-term memory, in a file of notes. Raises InputError for a file that is something else,
    OutputError for one that cannot be written."""
    from duplex.models.interaction.memory.notes import Notes
    from duplex.models.interaction.memory.remembering import Remembering

    return Remembering(answerer, Notes(file))

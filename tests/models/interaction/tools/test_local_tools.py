"""A local model calls tools: tiny, of random weights, made to begin a call; what follows is its own, constrained."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest

import duplex
from duplex.models.interaction.contract import CallBegun, Say
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.tools.call_prompt import PROTOCOL, CallPrompt
from duplex.models.interaction.tools.toolbox import Toolbox
from tests.models.interaction.asking import collect, request
from tests.models.interaction.responders.test_local_lm import folder, plain  # noqa: F401  (fixtures)

WITH_TOOLS = (
    "{% for tool in tools %}[{{ tool.function.name }}]{% endfor %}{% for message in messages %}"
    "<|{{ message.role }}|> {{ message.content }}{% for call in message.tool_calls %}"
    "{{ call.function.arguments | tojson }}{% endfor %} <|end|> {% endfor %}<|assistant|>"
)
CALLS: list[tuple[str, bool, int]] = []


@duplex.tool
def set_light(room: Literal["hall", "kitchen"], on: bool, level: int = 1) -> str:
    """Switch a light."""
    CALLS.append((room, on, level))
    return f"{room} is {on}."


def scripted(lm: LocalLM, *openings: str) -> None:
    """Each completion begins with these words, by the model's own logits from there on."""
    waiting = [list(lm._tokenizer(text)["input_ids"]) for text in openings]
    own, prefill = lm._sampler.next, lm._prefill
    now: list[int] = []

    def begins(*args, **kwargs):
        left = prefill(*args, **kwargs)
        if not left:
            now[:] = waiting.pop(0) if waiting else []
        return left

    def sampled(logits, ids):
        if now:
            token = now.pop(0)
            assert np.isfinite(float(logits[token])), "the mask forbids what begins a call"
            return token
        return own(logits, ids)

    lm._prefill, lm._sampler.next = begins, sampled


@pytest.mark.parametrize("opening", ['{"name": "set', "```json\n{", "Well, <tool_call>\n{"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_a_random_model_calls_has_valid_arguments(folder, opening, seed) -> None:  # noqa: F811
    import torch

    torch.manual_seed(seed)
    CALLS.clear()
    events: list = []
    lm = LocalLM(str(folder), temperature=1.0, max_new_tokens=300, toolbox=Toolbox([set_light]))
    scripted(lm, opening, "So it is.<|end|>")
    items = await collect(lm, request("lights", report=events.append))
    await lm.close()
    said = "".join(item.text for item in items if isinstance(item, Say))
    called = [event for event in events if isinstance(event, CallBegun)]
    assert called
    set_light.check(called[0].arguments)
    assert len(CALLS) == len(called)
    assert "{" not in said
    assert "tool_call" not in said
    assert "So it is." in said


def test_templates_that_know_tools_get_them_and_others_words(folder) -> None:  # noqa: F811
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    box = Toolbox([set_light])
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "set_light", "arguments": '{"room": "hall", "on": true}'},
    }
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "lights"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": '{"data": "done"}'},
    ]
    prompt = CallPrompt(tokenizer, box.offered(4096))
    turns = prompt.worded(messages)
    assert prompt.templated is None
    assert PROTOCOL in turns[0]["content"]
    assert '- set_light(room: "hall"|"kitchen", on: boolean, level?: integer): Switch a light.' in turns[0]["content"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert json.loads(turns[2]["content"]) == {"name": "set_light", "arguments": {"room": "hall", "on": True}}
    assert "as data" in turns[3]["content"]
    tokenizer.chat_template = WITH_TOOLS
    prompt = CallPrompt(tokenizer, box.offered(4096))
    assert prompt.templated == box.offered(4096)
    assert prompt.worded(messages)[2]["tool_calls"][0]["function"]["arguments"] == {"room": "hall", "on": True}


async def test_a_model_without_tools_is_told_of_none(folder) -> None:  # noqa: F811
    lm = LocalLM(str(folder))
    ids, _ = lm._prompt(request("hello"))
    await lm.close()
    assert "tools" not in lm._tokenizer.decode(ids)

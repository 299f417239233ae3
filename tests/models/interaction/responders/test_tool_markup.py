from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.tool_markup import WithoutToolCalls

ANSWER = "It is ten."
CALLS = [
    '{"name": "get_time", "arguments": {"city": "Rome"}}\n',
    '{"name": "get_time", "parameters": {"note": "a } in \\"quotes\\""}}',
    '[{"name": "get_time", "arguments": {}}, {"name": "other", "arguments": {}}]\n',
    '{"type": "function", "function": {"name": "get_time", "parameters": {}}}',
    '```json\n{"name": "get_time", "arguments": {}}\n```\n',
    '```\n{"tool": "get_time", "args": []}\n```\n',
    '  {"action": "get_time", "action_input": "Rome"}\n',
    '[TOOL_CALLS][{"name": "get_time", "arguments": {}}][/TOOL_CALLS] ',
    '<|python_tag|>get_time.call(city="Rome")<|eom_id|>',
    '<function=get_time>{"city": "Rome"}</function>',
    "<|tool_call|>get_time<|/tool_call|>",
    "<|tool▁calls▁begin|>get_time<|tool▁calls▁end|>",
]
CUTS = st.lists(st.integers(0, 400), max_size=40)


def through(text: str, cuts: list[int]) -> tuple[str, str]:
    """(what is left, the tool)"""
    filter_, places = WithoutToolCalls(), sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    left = "".join(filter_.push(text[a:b]) for a, b in pairwise(places)) + filter_.flush()
    return left, filter_.tool


@pytest.mark.parametrize("call", CALLS)
@given(cuts=CUTS)
def test_calls_are_left_out_wherever_the_stream_is_cut(call, cuts):
    left, tool = through(call + ANSWER, cuts)
    assert left.strip() == ANSWER
    assert tool in ("get_time", "unnamed")


@pytest.mark.parametrize("call", CALLS)
@given(cuts=CUTS)
def test_calls_after_a_line_are_left_out(call, cuts):
    left, tool = through(f"Let me look.\n{call}", cuts)
    assert left.strip() == "Let me look."
    assert tool


@pytest.mark.parametrize("call", CALLS[:6])
def test_a_call_that_never_ends_is_not_spoken(call):
    for length in range(call.index('":') + 2, len(call)):
        left, tool = through(call[:length], list(range(length)))
        if tool:
            assert "get_time" not in left


PLAIN = [
    "It is ten [more or less], and {that} is it.",
    "[Laughs] Well.",
    "{",
    '{"age": 3, "name": "Ann"}',
    '{"name": "Ann", "age": 3} is what you asked for.',
    "```python\nprint({'name': 1})\n```\nThat prints it.",
    '```json\n{"age": 3}\n```',
    "An array:\n[1, 2, 3]\nand that is it.",
    "a <b and <function of time",
    "Use `[TOOL",
    "\n\n  {x} is a set.",
]


@pytest.mark.parametrize("text", PLAIN)
@given(cuts=CUTS)
def test_other_text_is_untouched(text, cuts):
    assert through(text, cuts) == (text, "")


@given(st.text(alphabet='[]{}":name arguments`\n<|>', max_size=80), CUTS)
def test_how_the_text_comes_in_changes_nothing(text, cuts):
    assert through(text, cuts) == through(text, [])


@given(st.text(max_size=60), CUTS)
def test_nothing_is_invented(text, cuts):
    left, tool = through(text, cuts)
    assert left == text or tool

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.thoughts import WithoutThoughts, opens_thought, reasons


def through(text: str, cuts: list[int], **options: bool) -> str:
    filter_, places = WithoutThoughts(**options), sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return "".join(filter_.push(text[a:b]) for a, b in pairwise(places)) + filter_.flush()


ANSWER = "It is ten, and 3 < 5."
THOUGHTS = [
    "<think>secret plan</think>\n\n",
    "<THINK>\nsecret < plan\n</THINK>",
    "<thinking>secret</thinking>",
    "<thinking>secret</think>",
    '<reasoning effort="high">secret</reasoning>',
    "<thought>secret</thought>",
    "<scratchpad>secret</scratchpad>",
    "<seed:think>secret</seed:think>",
    "[THINK]secret [plan][/THINK]",
    "◁think▷secret◁/think▷",
    "<|START_THINKING|>secret<|END_THINKING|>",
    "<|begin_of_thought|>secret<|end_of_thought|>",
    "<|channel>thought\nsecret<channel|>",
    "<|channel|>analysis<|message|>secret plan<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|start|>assistant<|channel|>commentary to=functions.f<|constrain|>json<|message|>{}<|call|>"
    "<|start|>assistant<|channel|>final<|message|>",
    '<tool_call>{"name": "secret"}</tool_call>\n',
    "<think>I use `</think>` at the end: secret</think>",
    "<think>secret <think>plan</think> secret</think>",
    "Okay, the user greets me. I should answer.\n</think>\n\n",
    "Okay the user wants a greeting. </think>\n\n",
    "We need to answer briefly. secret</think>",
    "嗯，用户问时间。</think>\n",
    "analysisThe user asks the time.assistantfinal",
]
CUTS = st.lists(st.integers(0, 400), max_size=40)


@pytest.mark.parametrize("thought", THOUGHTS)
def test_thoughts_are_left_out_one_character_at_a_time(thought):
    assert through(thought + ANSWER, list(range(400))) == ANSWER


@given(st.sampled_from(THOUGHTS), CUTS)
def test_thoughts_are_left_out_wherever_the_stream_is_cut(thought, cuts):
    assert through(thought + ANSWER, cuts) == ANSWER


PLAIN = [
    "I think so. Let us think again.",
    "a < b <thin air",
    "Write <b>bold</b> and [thin] ice.",
    "The tag `<think>` opens a thought and `</think>` closes it.",
    'It writes "<think>" first.',
    "Okay, it is ten.",
    "So the user interface is new.",
    "Let me think. It was Paris.",
    "A ◁ triangle [TH",
    "Analysis is a branch of mathematics.",
]


@given(st.sampled_from(PLAIN), CUTS)
def test_text_that_only_mentions_thoughts_is_untouched(text, cuts):
    assert through(text, cuts) == text


@given(st.sampled_from(["<think>secret", "[THINK]secret [/THIN", "<|channel|>analysis<|message|>secret"]), CUTS)
def test_an_unclosed_thought_is_never_spoken(text, cuts):
    assert through(text, cuts) == ""


def test_text_like_a_thought_is_not_spoken_if_it_is_cut_off():
    filter_ = WithoutThoughts()
    assert filter_.push("Okay, the user asks for the time and") == ""
    assert filter_.flush(cut=True) == ""
    assert filter_.hidden


@given(CUTS)
def test_a_doubtful_answer_is_held_until_it_is_closed_or_ends(cuts):
    assert through(f"secret plan</think>{ANSWER}", cuts, doubtful=True) == ANSWER
    assert through(ANSWER, cuts, doubtful=True) == ANSWER
    assert through(f"secret plan</think>{ANSWER}", cuts, thinking=True) == ANSWER


def test_plain_text_is_not_held():
    filter_ = WithoutThoughts()
    assert [filter_.push(piece) for piece in ("It is ", "ten", ".")] == ["It is ", "ten", "."]


def test_knows_models_and_prompts_that_begin_with_a_thought():
    assert reasons("deepseek-r1:8b")
    assert reasons("Qwen3-4B-Thinking-2507")
    assert not reasons("llama3.2")
    assert opens_thought("<|im_start|>assistant\n<think>\n")
    assert not opens_thought("<|im_start|>assistant\n<think>\n\n</think>\n\n")

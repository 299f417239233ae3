from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta
from tests.models.interaction.responders.test_thoughts import THOUGHTS
from tests.models.interaction.responders.test_tool_markup import CALLS

ANSWER = "It is ten."


def through(text: str, cuts: list[int], **options) -> tuple[str, AnswerText]:
    answer, places = AnswerText(2000, **options), sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    left = "".join(answer.push(Delta(text[a:b])) for a, b in pairwise(places))
    return left + answer.flush(), answer


@given(st.sampled_from(THOUGHTS), st.sampled_from(CALLS), st.lists(st.integers(0, 600), max_size=40))
def test_of_thoughts_and_calls_only_the_answer_is_left(thought, call, cuts):
    left, answer = through(f"{thought}{call}{ANSWER}", cuts)
    assert left.strip() == ANSWER
    assert answer.spoke


@given(
    st.text(alphabet="<|/>[]{}\"'`think_im: \n◁▷analysisfinal", max_size=120),
    st.lists(st.integers(0, 200), max_size=20),
)
def test_nothing_breaks_it(text, cuts):
    left, answer = through(text, cuts)
    assert answer.spoke == bool(left)
    assert "<think>" not in left or any(f"{quote}<think>" in text for quote in "`\"'")


@pytest.mark.parametrize("end", ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|im_start|>"])
def test_another_turn_is_not_spoken(end):
    left, answer = through(f"{ANSWER}{end}\nuser\nAnd then?", list(range(60)))
    assert left.strip() == ANSWER
    assert answer.done


def test_a_loop_within_a_thought_ends_the_answer():
    answer = AnswerText(400)
    for _ in range(200):
        assert (
            answer.push(Delta("<think>wait, " if not answer.spoke and not answer.completion.reasoned else "no, wait, "))
            == ""
        )
        if answer.done:
            break
    assert answer.done
    assert answer.flush() == ""
    assert "length limit" in answer.completion.silence()[1]


def test_reasoning_without_end_ends_the_answer():
    answer = AnswerText(10)
    for _ in range(100):
        answer.push(Delta(reasoning=True))
    assert answer.done


def test_a_call_without_an_answer_has_its_own_message():
    left, answer = through('{"name": "get_time", "arguments": {}}', [])
    assert left == ""
    assert "get_time" in answer.completion.silence()[0]
    assert "tool" in answer.completion.silence()[1]

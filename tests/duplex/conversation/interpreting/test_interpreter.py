"""What the interpreter says next: order, rate, and a delay that stays bounded, whatever comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.conversation.interpreting.interpreter import FASTEST, LIMIT, Interpreter, Rendition
from duplex.streaming.audio import SAMPLE_RATE

PACE = 15.0  # characters a second of the voice


def rendition(number: int, start: float, end: float, letters: int, known: float = 1.0) -> Rendition:
    text = "x" * letters
    at = [round(seconds * SAMPLE_RATE) for seconds in (start, end, end + known)]
    return Rendition(number, "user", text, at[0], at[1], at[2])


def speak(renditions: list[Rendition]) -> tuple[list[tuple[Rendition, float, float, float]], list[Rendition]]:
    """(sentence, start, end, rate) of all that is said, in seconds, and what is given up."""
    left_out: list[Rendition] = []
    interpreter = Interpreter(given_up=left_out.append)
    for each in renditions:
        interpreter.hear(each)
    said, now = [], 0
    while interpreter.next_known is not None:
        now = max(now, interpreter.next_known)
        taken = interpreter.take(now)
        if taken is None:
            continue
        each, rate = taken
        samples = round(len(each.text) / PACE / rate * SAMPLE_RATE)
        interpreter.spoke(each.text, samples, rate)
        said.append((each, now / SAMPLE_RATE, (now + samples) / SAMPLE_RATE, rate))
        now += samples
    return said, left_out


def monologue(seconds: float, sentence: float, letters: int) -> list[Rendition]:
    count = round(seconds / sentence)
    return [rendition(n, n * sentence, (n + 1) * sentence, letters) for n in range(count)]


def test_one_who_is_in_time_keeps_the_voice_s_own_rate() -> None:
    said, left_out = speak(monologue(60.0, 4.0, 45))
    assert [rate for *_, rate in said] == [1.0] * 15 and not left_out


def test_a_translation_that_takes_longer_than_the_original_is_caught_up_by_rate() -> None:
    said, left_out = speak(monologue(300.0, 4.0, 75))  # 5 s of speech for every 4 s
    delays = [start - each.end / SAMPLE_RATE for each, start, _, _ in said]
    assert not left_out and len(said) == 75
    assert max(delays) < 4.0 and delays[-1] == pytest.approx(delays[30], abs=1.0), "the delay does not grow"
    assert 1.2 < said[-1][3] <= FASTEST


def test_what_no_rate_can_catch_up_with_is_left_out_and_named_and_the_delay_stays_bounded() -> None:
    said, left_out = speak(monologue(300.0, 4.0, 120))  # 8 s of speech for every 4 s
    assert max(start - each.end / SAMPLE_RATE for each, start, _, _ in said) <= LIMIT
    assert 10 < len(left_out) < 40
    assert max(rate for *_, rate in said) == FASTEST


def test_nothing_is_said_before_it_can_be_known() -> None:
    said, _ = speak([rendition(0, 1.0, 2.0, 10, known=3.5)])
    assert said[0][1] == 5.5


def test_the_pace_of_the_voice_is_learned() -> None:
    quick, slow = Interpreter(), Interpreter()
    for _ in range(10):
        quick.spoke("x" * 60, 2 * SAMPLE_RATE, 1.0)
        slow.spoke("x" * 60, 12 * SAMPLE_RATE, 1.0)
    for interpreter in (quick, slow):
        for number in range(3):
            interpreter.hear(rendition(number, 0.0, 1.0, 40, known=0.0))
    now = 2 * SAMPLE_RATE
    (_, rate), (_, higher) = quick.take(now), slow.take(now)
    assert rate < higher == FASTEST, "a slow voice has more to catch up"


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.2, 15.0), st.integers(1, 400), st.floats(0.0, 5.0)), max_size=60))
def test_the_delay_is_bounded_whatever_is_said(sentences: list[tuple[float, int, float]]) -> None:
    renditions, at = [], 0.0
    for number, (seconds, letters, known) in enumerate(sentences):
        renditions.append(rendition(number, at, at + seconds, letters, known))
        at += seconds
    said, left_out = speak(renditions)
    assert sorted([each.caption for each, *_ in said] + [each.caption for each in left_out]) == list(
        range(len(said) + len(left_out))
    )
    assert len(said) + len(left_out) == len(renditions)
    for each, start, _, rate in said:
        earliest, latest = each.known / SAMPLE_RATE, each.end / SAMPLE_RATE + LIMIT
        assert earliest - 1e-6 <= start <= latest + 1e-6 and 1.0 <= rate <= FASTEST
    for (first, _, end, _), (second, start, _, _) in pairwise(said):
        assert first.caption < second.caption and end <= start

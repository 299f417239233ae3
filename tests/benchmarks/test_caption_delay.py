"""The delay of captions is measured as it is told."""

from __future__ import annotations

import pytest

from duplex import events as ev
from duplex.streaming.audio import SAMPLE_RATE
from tests.benchmarks.caption_delay import Delays, rows, stays


class Watch:
    time = 0.0

    def now(self) -> float:
        return self.time


def seconds(value: float) -> int:
    return round(value * SAMPLE_RATE)


def told(*moments: tuple[float, ev.Event]) -> Delays:
    watch = Watch()
    delays = Delays(watch)
    for watch.time, event in moments:
        delays.on_event(event)
    return delays


def caption(text: str, final: bool) -> ev.Translation:
    place = (0, seconds(2.0), "user", 0, "de", text, "well then", "en", 1, 0, 0, final, 1.0, False, (0, 1))
    return ev.Translation(*place)


def test_a_word_counts_from_when_it_came_to_stay():
    assert stays([(1.0, ("a",)), (2.0, ("a", "b")), (3.0, ("x",)), (4.0, ("a", "b"))]) == [4.0, 4.0]
    assert stays([(1.0, ("a",)), (2.0, ("a", "x")), (3.0, ("a", "b"))]) == [1.0, 3.0]


def test_source_words_are_timed_from_their_end_and_may_change_their_case():
    delays = told(
        (1.2, ev.Partial(0, seconds(1), "user", "well than", 0)),
        (1.8, ev.Partial(0, seconds(1), "user", "Well then", 0)),
        (2.5, ev.Word(0, seconds(0.5), "user", "Well,", 0.9)),
        (2.5, ev.Word(seconds(0.5), seconds(1.0), "user", "then.", 0.9)),
        (2.6, ev.Partial(seconds(3), seconds(3), "user", "so", 0)),
    )
    assert [delay for _, delay in delays.source] == pytest.approx([0.7, 0.8])


def test_target_words_are_timed_from_their_share_of_the_sentence():
    delays = told((1.5, caption("nun", False)), (2.5, caption("nun denn", True)))
    assert delays.target == [(1.0, pytest.approx(0.5)), (2.0, pytest.approx(0.5))]


def test_a_row_for_each_window_and_one_for_all():
    delays = told((1.5, caption("nun", False)), (2.5, caption("nun denn", True)))
    made = rows(delays, [(float(n), 100.0 + n) for n in range(1, 7)], 6.0)
    assert len(made) == 7 and made[0] == ["1 min", "-", "0.50 / 0.50", "1.00", "101"]
    assert made[-1] == ["all", "-", "0.50 / 0.50", "1.00", ""]

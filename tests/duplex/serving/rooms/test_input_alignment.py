"""Seats side by side on one clock: nothing waits for long, nothing is lost without need, drift is followed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.serving.rooms.input_alignment import BACKLOG, LEAD, InputAlignment
from duplex.streaming.audio import FRAME, SAMPLE_RATE

STEP = FRAME / SAMPLE_RATE


def frame(value: float) -> np.ndarray:
    return np.full(FRAME, value, np.float32)


def test_a_frame_goes_out_when_it_comes() -> None:
    lineup = InputAlignment(1)
    lineup.take_seat(0)
    for number in range(100):
        lineup.push(0, frame(number))
        (out,) = lineup.take((number + 1) * STEP)
        assert out.shape == (FRAME, 1) and out[0, 0] == number
    assert lineup.position == 100 * FRAME and lineup.missing == lineup.dropped == 0


def test_without_anybody_time_goes_on() -> None:
    lineup = InputAlignment(3)
    assert len(lineup.take(10.0)) == round(10.0 / STEP)
    assert lineup.due() == 10.0 + STEP


def test_a_late_seat_is_waited_for_and_then_not() -> None:
    lineup = InputAlignment(2, patience=0.1)
    lineup.take_seat(0)
    lineup.take_seat(1)
    lineup.push(0, frame(1))
    lineup.push(1, frame(2))
    (out,) = lineup.take(STEP)
    assert list(out[0]) == [1, 2]
    lineup.push(0, frame(3))
    assert lineup.take(2 * STEP) == [] and lineup.due() == 2 * STEP + 0.1
    out = lineup.take(2 * STEP + 0.1)
    assert list(out[0][0]) == [3, 0]
    assert lineup.position == (2 + 5) * FRAME  # at the present, so that what comes next is on time
    assert lineup.missing == 1 + 2 * 5


def test_a_burst_after_a_stall_is_kept_whole() -> None:
    lineup = InputAlignment(1, patience=0.3)
    lineup.take_seat(0)
    lineup.push(0, frame(1))
    lineup.take(STEP)
    assert lineup.take(12 * STEP) == []
    for number in range(11):
        lineup.push(0, frame(number))
    assert [out[0, 0] for out in lineup.take(12 * STEP)] == list(range(11)) and lineup.missing == 0


def test_a_seat_that_sends_too_fast_is_held_to_the_clock() -> None:
    lineup = InputAlignment(1)
    lineup.take_seat(0)
    for _ in range(1000):
        lineup.push(0, frame(1))
    assert len(lineup.take(0.0)) == LEAD // FRAME
    assert lineup.dropped == 1000 - BACKLOG


def test_an_empty_seat_is_silent_and_waited_for_by_nobody() -> None:
    lineup = InputAlignment(2)
    lineup.take_seat(0)
    lineup.push(1, frame(9))
    lineup.push(0, frame(1))
    (out,) = lineup.take(STEP)
    assert list(out[0]) == [1, 0]
    lineup.take_seat(1)  # has not spoken yet
    lineup.push(0, frame(2))
    assert len(lineup.take(2 * STEP)) == 1
    lineup.leave_seat(0)
    lineup.leave_seat(1)
    assert lineup.due() == 3 * STEP


def test_clock_drift_is_followed() -> None:
    """A browser whose clock is 0.05 % slow, for half an hour: the input stays within 60 ms of the time."""
    lineup, rate, sent = InputAlignment(1, patience=0.3), 1 - 5e-4, 0
    lineup.take_seat(0)
    lags: list[float] = []
    for tick in range(round(1800 / STEP)):
        now = (tick + 1) * STEP
        while sent * STEP <= now * rate - STEP:
            lineup.push(0, frame(1))
            sent += 1
        lineup.take(now)
        lags.append(now - lineup.position / SAMPLE_RATE)
    assert max(lags) < 0.1 and lineup.missing == 0
    assert sent - 5 <= lineup.position // FRAME - (lineup.position // FRAME - sent) <= sent


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["push0", "push1", "sit0", "sit1", "leave0", "leave1"]), st.floats(0, 0.2))))
def test_whatever_happens_the_input_keeps_to_the_clock(happened: list[tuple[str, float]]) -> None:
    lineup, now = InputAlignment(2, patience=0.12), 0.0
    for what, later in happened:
        now += later
        seat = int(what[-1])
        match what[:-1]:
            case "push":
                lineup.push(seat, frame(seat + 1))
            case "sit":
                lineup.take_seat(seat)
            case "leave":
                lineup.leave_seat(seat)
        before = lineup.position
        frames = lineup.take(now)
        assert lineup.position - before == len(frames) * FRAME
        time = now * SAMPLE_RATE
        assert time - (0.12 * SAMPLE_RATE + 2 * FRAME) <= lineup.position <= time + LEAD + FRAME

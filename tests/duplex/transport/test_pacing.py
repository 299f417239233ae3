from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.transport.pacing import FADE, LONGEST, PATIENCE, PERIOD, PacedOutput

Source = Callable[[PacedOutput, VirtualClock], Awaitable[None]]


def ramp(count: int, start: int = 1) -> np.ndarray:
    """Samples that say which they are; none is silent."""
    return (np.arange(start, start + count) / 65_536 + 0.1).astype(np.float32)


def number(samples: np.ndarray) -> np.ndarray:
    return np.round((samples - 0.1) * 65_536).astype(int)


def heard(source: Source, frames: int) -> list[tuple[float, np.ndarray]]:
    """(time, frame) of the first `frames` frames while `source` plays."""
    clock = VirtualClock()

    async def main() -> list[tuple[float, np.ndarray]]:
        output = PacedOutput(clock)
        out = [(clock.now(), await output.frame())]  # started
        playing = asyncio.create_task(source(output, clock))
        for _ in range(frames - 1):
            samples = await output.frame()
            out.append((clock.now(), samples))
        playing.cancel()
        return out

    return clock.run(main())


def live(chunk: int, phase: float, lateness: Callable[[int], float] = lambda _: 0.0) -> Source:
    """A source at the pace of the clock, `chunk` samples at a time."""

    async def play(output: PacedOutput, clock: VirtualClock) -> None:
        began = clock.now() + phase
        for index in range(10_000):
            await clock.sleep_until(began + (index + 1) * chunk / SAMPLE_RATE + lateness(index))
            output.play(ramp(chunk, 1 + index * chunk))

    return play


def sound(out: list[tuple[float, np.ndarray]]) -> np.ndarray:
    samples = np.concatenate([frame for _, frame in out])
    return number(samples[samples > 0.05])


def test_silence_leaves_at_the_pace_of_the_clock() -> None:
    async def nothing(output: PacedOutput, clock: VirtualClock) -> None:
        pass

    out = heard(nothing, 500)
    assert np.allclose([at for at, _ in out], np.arange(500) * PERIOD)
    assert not any(frame.any() for _, frame in out)


def test_a_bulk_of_audio_is_paced() -> None:
    async def bulk(output: PacedOutput, clock: VirtualClock) -> None:
        output.play(ramp(10 * FRAME + 7))

    out = heard(bulk, 60)
    assert (sound(out) == np.arange(1, 10 * FRAME + 8)).all()
    steps = np.diff([at for at, frame in out if frame.any()][:10])
    assert np.allclose(steps, PERIOD)


@pytest.mark.slow
@given(st.floats(0.0, PERIOD), st.sampled_from([160, 320, 480]))
@settings(max_examples=30, deadline=None)
def test_a_live_source_of_any_phase_waits_for_no_grid_after_half_a_second(phase, chunk) -> None:
    out = heard(live(chunk, phase), 200)
    numbers = sound(out)
    assert (numbers == np.arange(1, len(numbers) + 1)).all()
    for at, frame in out[60:]:
        complete = phase + np.ceil(number(frame)[-1] / chunk) * chunk / SAMPLE_RATE
        assert at - complete <= 0.003 + PERIOD * (chunk > FRAME)  # a long chunk ends two frames at once


@pytest.mark.slow
@given(st.lists(st.floats(0.0, 0.05), min_size=50, max_size=50))
@settings(max_examples=30, deadline=None)
def test_a_source_that_falters_within_patience_loses_nothing_and_gains_no_delay(lateness) -> None:
    out = heard(live(160, 0.0, lambda index: lateness[index - 100] if 100 <= index < 150 else 0.0), 200)
    numbers = sound(out)
    assert (numbers == np.arange(1, len(numbers) + 1)).all()
    assert all(frame.all() for _, frame in out[1:])  # no silence in between
    at, frame = out[-1]
    assert at - number(frame)[-1] / SAMPLE_RATE <= 0.003


def test_what_stands_in_the_way_after_a_stall_goes_with_the_next_silence() -> None:
    async def stalling(output: PacedOutput, clock: VirtualClock) -> None:
        for index in range(400):
            stalled = 100 <= index < 150  # half a second in which the source hangs; then it catches up
            await clock.sleep_until(1.51 if stalled else (index + 1) * 0.01)
            talking = index < 250
            output.play(ramp(160, 1 + index * 160) if talking else np.zeros(160, np.float32))
        output.play(ramp(FRAME, 1))

    clock = VirtualClock()

    async def main() -> PacedOutput:
        output = PacedOutput(clock)
        await output.frame()
        playing = asyncio.create_task(stalling(output, clock))
        while not playing.done():
            await output.frame()
        assert output.waiting <= 2 * FRAME
        return output

    output = clock.run(main())
    assert output.skipped >= 0.3 * SAMPLE_RATE


def test_a_live_source_without_any_silence_is_caught_up_with_too() -> None:
    """Half a second in which it hangs, then all of it at once: a second later nothing of that is left."""
    out = heard(live(160, 0.0, lambda index: max(0.0, 0.5 - 0.01 * (index - 100)) if 100 <= index < 150 else 0.0), 220)
    late = [at - number(frame)[-1] / SAMPLE_RATE for at, frame in out if frame.all()]
    assert max(late) > 0.3
    assert max(late[-50:]) <= 0.003
    steps = np.abs(np.diff(np.concatenate([frame for _, frame in out[150:]])))
    assert steps.max() < 0.01  # no click: the cut is cross-faded


def test_a_long_reply_given_in_one_go_is_never_cut() -> None:
    async def reply(output: PacedOutput, clock: VirtualClock) -> None:
        output.play(np.concatenate([ramp(50 * FRAME), np.zeros(50 * FRAME, np.float32), ramp(50 * FRAME)]))

    out = heard(reply, 170)
    played = np.concatenate([frame for _, frame in out if frame.any()])
    assert (number(played) == np.tile(np.arange(1, 50 * FRAME + 1), 2)).all()
    speaking = [n for n, (_, frame) in enumerate(out) if frame.any()]
    assert speaking[50] - speaking[49] == 51  # nor is a pause in it


def test_the_rate_is_kept_through_a_stall() -> None:
    """Silence takes the place of what does not come: as many frames as the time holds, whatever the source does."""

    async def stalling(output: PacedOutput, clock: VirtualClock) -> None:
        output.play(ramp(FRAME))
        await asyncio.sleep(1.0)
        output.play(ramp(FRAME))

    out = heard(stalling, 100)
    assert out[-1][0] == pytest.approx(99 * PERIOD, abs=PERIOD)
    gaps = np.diff([at for at, _ in out])
    assert gaps.max() <= PATIENCE + PERIOD + 1e-9


@pytest.mark.slow
@given(st.integers(0, 5 * FRAME), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_a_flush_leaves_a_fade_and_nothing_else(size, before) -> None:
    async def barge_in(output: PacedOutput, clock: VirtualClock) -> None:
        output.play(np.full(size, 0.5, np.float32))
        await asyncio.sleep(before * PERIOD)
        waiting.append(output.waiting)
        output.flush()
        waiting.append(output.waiting)

    waiting: list[int] = []
    out = heard(barge_in, 30)
    samples = np.concatenate([frame for _, frame in out])
    assert waiting[1] == (FRAME if waiting[0] else 0)
    total = np.count_nonzero(samples)
    assert size - waiting[0] <= total <= size - waiting[0] + FADE
    loud = samples[samples > 0]
    assert (np.diff(loud) <= 0).all()


def test_backlog_is_bounded() -> None:
    async def flood(output: PacedOutput, clock: VirtualClock) -> None:
        for _ in range(40):
            output.play(np.zeros(SAMPLE_RATE, np.float32))
        assert output.waiting == LONGEST * SAMPLE_RATE
        refused.append(output.refused)

    refused: list[int] = []
    heard(flood, 5)
    assert refused == [10 * SAMPLE_RATE]


def test_before_the_connection_is_up_nothing_is_kept() -> None:
    output = PacedOutput(VirtualClock())
    output.play(np.ones(FRAME, np.float32))
    assert output.waiting == 0

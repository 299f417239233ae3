"""Between device and session when things go wrong: too late, too little, too much."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.microphone.device_stream import HOP, InputLeg, OutputLeg
from duplex.streaming.audio import SAMPLE_RATE

STEP = HOP / SAMPLE_RATE
RATE = 48_000
BLOCK = RATE // 100


def ramp(number: int) -> np.ndarray:
    return np.full(BLOCK, 0.001 * number, np.float32)


def test_nothing_is_heard_before_the_microphone_has_begun() -> None:
    leg = InputLeg(RATE)
    assert leg.pull(0.0) is None and leg.pull(1.0) is None
    assert leg.last_callback is None and leg.dry == 0


def test_the_microphone_is_heard_a_buffer_later() -> None:
    leg = InputLeg(RATE, target=0.03)
    heard = []
    for tick in range(1, 200):
        leg.captured(np.full(BLOCK, 0.5, np.float32), tick * STEP)
        heard.append(leg.pull(tick * STEP))
    missing = sum(block is None for block in heard)
    assert 1 <= missing <= 4
    assert all(block is not None and block.shape == (HOP,) for block in heard[missing:])
    assert np.abs(np.concatenate(heard[missing + 5 :]) - 0.5).max() < 1e-3
    assert leg.last_callback == pytest.approx(199 * STEP)


def test_a_microphone_that_pauses_leaves_a_gap_and_a_deeper_buffer() -> None:
    leg = InputLeg(RATE, target=0.03)
    heard = []
    for tick in range(1, 600):
        if not 300 <= tick < 320:
            leg.captured(ramp(1), tick * STEP)
        heard.append(leg.pull(tick * STEP))
    gaps = sum(block is None for block in heard[50:])
    assert leg.dry >= 1 and leg.target == pytest.approx(0.03 + 0.01 * leg.dry)
    assert 15 <= gaps <= 25, "as long as the pause"
    assert all(block is not None for block in heard[330:])


def test_a_stall_of_the_session_loses_nothing_of_the_microphone() -> None:
    """The loop comes 300 ms late and then asks for each 10 ms as of when it was due."""
    leg = InputLeg(RATE, target=0.03)
    heard = []
    for tick in range(1, 500):
        leg.captured(ramp(1), tick * STEP)
        if 200 <= tick < 230:
            continue
        for due in range(200, 231) if tick == 230 else [tick]:
            heard.append(leg.pull(due * STEP))
    assert (leg.jumps, leg.dry) == (0, 0)
    assert sum(block is None for block in heard) <= 4


def test_sound_that_the_session_never_asked_for_is_let_go() -> None:
    leg = InputLeg(RATE, target=0.03)
    for tick in range(1, 500):
        leg.captured(ramp(1), tick * STEP)
        if not 200 <= tick < 250:  # chunks that the session dropped
            leg.pull(tick * STEP)
    assert leg.jumps == 1
    assert len(leg._ring) < 0.06 * RATE


def test_the_loudspeaker_is_silent_until_there_is_something() -> None:
    leg = OutputLeg(RATE)
    out = np.full(BLOCK, 9.0, np.float32)
    leg.render(out, 0.0)
    assert not out.any()


def play(leg: OutputLeg, ticks: int, stall: range = range(0)) -> np.ndarray:
    played = []
    for tick in range(1, ticks):
        out = np.empty(BLOCK, np.float32)
        leg.render(out, tick * STEP)
        played.append(out)
        if tick in stall:
            continue
        for _ in range(len(stall) + 1 if len(stall) and tick == stall.stop else 1):
            leg.push(np.full(HOP, 0.5, np.float32), tick * STEP)
    return np.concatenate(played)


def test_what_is_pushed_is_heard_a_buffer_later() -> None:
    leg = OutputLeg(RATE, target=0.04)
    played = play(leg, 300)
    first = int(np.flatnonzero(played > 0.4)[0]) / RATE
    assert 0.03 <= first <= 0.09
    assert np.abs(played[round((first + 0.01) * RATE) :] - 0.5).max() < 1e-3
    assert (leg.dry, leg.jumps) == (0, 0)


def test_after_a_stall_the_loudspeaker_is_as_late_as_before() -> None:
    leg = OutputLeg(RATE, target=0.04)
    played = play(leg, 600, range(200, 230))
    silent = np.flatnonzero(np.abs(played[round(1.0 * RATE) :]) < 0.1)
    assert 0.2 * RATE < len(silent) < 0.5 * RATE
    assert leg.dry == 1
    assert len(leg._ring) < (leg.target + 0.09) * RATE, "the delay of the echo path has grown"


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
def test_any_rate_will_do(rate: int) -> None:
    source, sink = InputLeg(rate), OutputLeg(rate)
    block = rate // 100
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate).astype(np.float32) * 0.5
    heard, played = [], []
    for tick in range(1, 290):
        source.captured(tone[(tick - 1) * block : tick * block], tick * STEP)
        pulled = source.pull(tick * STEP)
        if pulled is not None:
            heard.append(pulled)
            sink.push(pulled, tick * STEP)
        out = np.empty(block, np.float32)
        sink.render(out, tick * STEP)
        played.append(out)
    for signal in (np.concatenate(heard)[SAMPLE_RATE:], np.concatenate(played)[rate:]):
        assert np.sqrt(np.mean(np.square(signal))) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)

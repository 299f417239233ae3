"""Clocks that disagree: an hour at ±500 ppm in virtual time, with jitter, through the very legs that devices use."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
import pytest

from duplex.microphone.device_stream import HOP, InputLeg, OutputLeg
from duplex.microphone.drift import LIMIT_PPM, DeviceClock, DriftControl
from duplex.streaming.audio import SAMPLE_RATE

STEP = HOP / SAMPLE_RATE


def callbacks(rate: float, ppm: float, block: int, seconds: float, jitter: float, seed: int) -> Iterator[float]:
    """When a device calls: each block takes as long as its own clock says, and the call comes up to `jitter` late."""
    random = np.random.default_rng(seed)
    period = block / (rate * (1 + ppm * 1e-6))
    for number in range(1, int(seconds / period) + 1):
        yield number * period + float(random.exponential(jitter / 4)) % jitter


@pytest.mark.parametrize("ppm", [-500.0, -3.0, 0.0, 80.0, 500.0])
def test_the_clock_of_a_device_is_measured_to_a_few_ppm(ppm: float) -> None:
    rate, block = 48_000.0, 480
    clock = DeviceClock(rate)
    for number, time in enumerate(callbacks(rate, ppm, block, 300.0, 0.004, 1), 1):
        clock.update(time, number * block)
    assert clock.ppm == pytest.approx(ppm, abs=8.0)
    assert clock.samples_at(300.0) == pytest.approx(300.0 * rate * (1 + ppm * 1e-6), abs=0.003 * rate)


def test_a_clock_that_makes_no_sense_is_held_within_bounds() -> None:
    clock, control = DeviceClock(48_000.0), DriftControl()
    for number in range(6000):
        clock.update(number * STEP, number * 485)  # 1 % fast
    assert clock.ppm == pytest.approx(LIMIT_PPM)
    for _ in range(1000):
        assert abs(control.update(-0.5, clock.ppm, STEP) - 1.0) <= LIMIT_PPM * 1e-6 + 1e-12


def simulate_hour(ppm: float, seconds: float) -> tuple[np.ndarray, float]:
    """The control loops alone, no sound: seconds in the buffer at each 10 ms, and the ratio at the end.

    Reads at exact times from a device that writes 10 ms at a time by its own clock: the two beat slowly.
    """
    rate, block, target = 48_000.0, 480, 0.03
    clock, control = DeviceClock(rate), DriftControl()
    calls = callbacks(rate, ppm, block, seconds, 0.003, 2)
    taken = written = 0.0
    ratio, contents = 1.0, []
    call = next(calls)
    for number in range(1, int(seconds / STEP)):
        now = number * STEP
        while call <= now:
            written += block
            clock.update(call, int(written))
            call = next(calls, float("inf"))
        if not clock.started or (not taken and written < target * rate):
            continue
        content = (clock.samples_at(now) - taken) / rate
        ratio = control.update(content - target, clock.ppm, STEP)
        taken += STEP * rate * ratio
        contents.append((written - taken) / rate)
    return np.array(contents), ratio


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-500.0, 500.0])
def test_the_buffer_stays_at_its_target_for_an_hour(ppm: float) -> None:
    contents, ratio = simulate_hour(ppm, 3600.0)
    assert (ratio - 1.0) * 1e6 == pytest.approx(ppm, abs=15.0)
    settled = contents[6000:]  # a minute
    assert settled.min() > 0.004, "it is about to run dry"
    assert settled.max() < 0.035
    assert abs(settled[-6000:].mean() - settled[:6000].mean()) < 0.002, "latency creeps"


def run_legs(input_ppm: float, output_ppm: float, seconds: float) -> tuple[InputLeg, OutputLeg, np.ndarray, np.ndarray]:
    """A 1 kHz tone captured by one device and another played by a second, each by its own clock.

    Returns the legs, what the session heard and what the loudspeaker played.
    """
    rate = 48_000
    source, sink = InputLeg(rate), OutputLeg(rate)
    events = [(time, 0) for time in callbacks(rate, input_ppm, 480, seconds, 0.003, 3)]
    events += [(time, 1) for time in callbacks(rate, output_ppm, 480, seconds, 0.003, 4)]
    events += [(number * STEP, 2) for number in range(1, int(seconds / STEP))]
    heapq.heapify(events)
    heard: list[np.ndarray] = []
    played: list[np.ndarray] = []
    captured = said = 0
    while events:
        now, what = heapq.heappop(events)
        if what == 0:  # the air has 1 kHz; a fast device takes more samples of each second
            phase = (captured + np.arange(480)) / (rate * (1 + input_ppm * 1e-6))
            source.captured(np.sin(2 * np.pi * 1000 * phase).astype(np.float32) * 0.5, now)
            captured += 480
        elif what == 1:
            out = np.empty(480, np.float32)
            sink.render(out, now)
            played.append(out)
        else:
            block = source.pull(now)
            heard.append(np.zeros(HOP, np.float32) if block is None else block)
            tone = np.sin(2 * np.pi * 1000 * (said + np.arange(HOP)) / SAMPLE_RATE)
            sink.push(tone.astype(np.float32) * 0.5, now)
            said += HOP
    return source, sink, np.concatenate(heard), np.concatenate(played)


def frequency(signal: np.ndarray, rate: float) -> float:
    """Of a tone, from the phase of its analytic signal."""
    spectrum = np.fft.fft(signal * np.hanning(len(signal)))
    spectrum[len(signal) // 2 :] = 0
    phase = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    trim = len(signal) // 8
    return float((phase[-trim] - phase[trim]) / (2 * np.pi * (len(signal) - 2 * trim) / rate))


@pytest.mark.slow
@pytest.mark.parametrize("input_ppm,output_ppm", [(500.0, -500.0), (-120.0, 500.0)])
def test_sound_passes_whole_from_clock_to_clock(input_ppm: float, output_ppm: float) -> None:
    source, sink, heard, played = run_legs(input_ppm, output_ppm, 120.0)
    assert (source.dry, source.jumps, sink.dry, sink.jumps) == (0, 0, 0, 0)
    assert source.drift_ppm == pytest.approx(input_ppm, abs=25.0)
    assert sink.drift_ppm == pytest.approx(output_ppm, abs=25.0)
    last = heard[-20 * SAMPLE_RATE : -SAMPLE_RATE]
    assert frequency(last, SAMPLE_RATE) == pytest.approx(1000.0, abs=0.02), "not the session's clock"
    seconds_played = played[-20 * 48_000 : -48_000]
    assert frequency(seconds_played, 48_000 * (1 + output_ppm * 1e-6)) == pytest.approx(1000.0, abs=0.02)
    for signal in (last, seconds_played):
        jumps = np.abs(np.diff(signal))
        assert jumps.max() < 1.1 * 0.5 * 2 * np.pi * 1000 / (SAMPLE_RATE if signal is last else 48_000)

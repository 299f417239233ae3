"""Between a sound device and the session: a ring, the device's clock, and a resampler that follows its drift.

The device's side (`captured`, `render`) runs in PortAudio's callback: it copies into memory that is there already and
takes no lock. The session's side runs on the event loop, 10 ms at a time at the pace of the session's clock.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.microphone.drift import LIMIT_PPM, DeviceClock, DriftControl
from duplex.microphone.ring import SampleRing, TimeRing
from duplex.streaming.audio import SAMPLE_RATE

HOP = SAMPLE_RATE // 100
"""Samples of the session's clock that are moved at a time: 10 ms."""

_STEP = HOP / SAMPLE_RATE
_CAPACITY = 2.0  # seconds
_MOST = 0.25
"""Seconds that a buffer may grow to, where the machine is so busy that less runs dry."""
_GROWTH = 0.01
_SLACK = 0.06
"""Seconds over the target, at the least of the last _STALLED hops, that drift control is left to deal with. More than
that has been a stall; what bursts and jitter bring does not last."""
_STALLED = 50


class _Leg:
    def __init__(self, rate: float, target: float) -> None:
        self.rate = rate
        self.target = target
        """Seconds to keep in the buffer."""
        self.dry = 0
        """How often the buffer ran dry."""
        self.jumps = 0
        """How often so much was in the buffer that it was cut."""
        self.clock = DeviceClock(rate)
        self.control = DriftControl()
        self._ring = SampleRing(round(_CAPACITY * rate))
        self._times = TimeRing()
        self._fill = _Lowest(_STALLED)

    @property
    def drift_ppm(self) -> float:
        """How fast the device's clock runs against the session's, as measured."""
        return self.clock.ppm

    @property
    def last_callback(self) -> float | None:
        """When the device last called, on the session's clock; None before its first call."""
        self._hear_of_callbacks()
        return self._last

    _last: float | None = None

    def _hear_of_callbacks(self) -> None:
        for time, samples in self._times.read():
            self.clock.update(time, samples)
            self._last = time

    def _grow(self) -> None:
        self.dry += 1
        self.target = min(_MOST, self.target + _GROWTH)


class InputLeg(_Leg):
    """From the microphone: `captured` by its callback, `pull` by the session.

    rate: of the device, in Hz. target: seconds in the buffer, to be longer than the device's blocks.
    """

    def __init__(self, rate: float, target: float = 0.03) -> None:
        super().__init__(rate, target)
        self._resampler = _Resampler(rate, SAMPLE_RATE)
        self._made = np.zeros(0, np.float32)
        self._block = np.zeros(round(rate), np.float32)
        self._flowing = False

    def captured(self, samples: np.ndarray, now: float) -> None:
        """In the callback: (n,) at the device's rate, the last of them captured just now."""
        self._ring.write(samples)
        self._times.write(now, self._ring.written)

    def pull(self, now: float) -> np.ndarray | None:
        """(160,) at 16 kHz for the 10 ms that are due at `now` (when they were due, if that is long past); None while
        the device has nothing yet or has run dry."""
        self._hear_of_callbacks()
        if not self.clock.started:
            return None
        content = (self.clock.samples_at(now) - self._ring.taken) / self.rate
        if not self._flowing:
            if len(self._ring) < self.target * self.rate:
                return None
            self._flowing = True
        excess = self._fill.step(len(self._ring) / self.rate) - self.target
        if excess > _SLACK:
            self._ring.skip(round(excess * self.rate))
            self._fill.clear()
            self.control.restart()
            self.jumps += 1
            content -= excess
        ratio = self.control.update(content - self.target, self.clock.ppm, _STEP)
        if not self._make(ratio):
            self._flowing = False
            self._grow()
            return None
        out, self._made = self._made[:HOP], self._made[HOP:]
        return out

    def _make(self, ratio: float) -> bool:
        """Have 10 ms ready. Leaves the ring as it is if that is not to be had."""
        while (missing := HOP - len(self._made)) > 0:
            wanted = int(missing * self.rate * ratio / SAMPLE_RATE) + 1
            if len(self._ring) < wanted:
                return False
            block = self._block[:wanted]
            self._ring.read(block)
            self._made = np.concatenate([self._made, self._resampler.step(block, self.rate * ratio, SAMPLE_RATE)])
        return True


class OutputLeg(_Leg):
    """To the loudspeaker: `push` by the session, `render` by its callback.

    rate: of the device, in Hz. target: seconds in the buffer; what the event loop may be late by.
    """

    def __init__(self, rate: float, target: float = 0.04) -> None:
        super().__init__(rate, target)
        self._resampler = _Resampler(SAMPLE_RATE, rate)
        self._rendered = 0
        self._starved = 0
        self._was_starved = 0
        self._late = 0
        """Hops to be left out, because that much too much is waiting."""

    def render(self, out: np.ndarray, now: float) -> None:
        """In the callback: fills (n,) at the device's rate; silence where nothing is there."""
        count = self._ring.read(out)
        out[count:] = 0.0
        self._rendered += len(out)
        self._starved += len(out) - count
        self._times.write(now, self._rendered)

    def push(self, samples: np.ndarray, now: float) -> None:
        """(160,) at 16 kHz, to be heard as soon as what is before them has been."""
        self._hear_of_callbacks()
        if not self.clock.started:
            return
        starved = self._starved
        content = (self._ring.written + starved - self.clock.samples_at(now)) / self.rate
        if not self._ring.written or len(self._ring) == 0:
            if self._ring.written and starved > self._was_starved:
                self._grow()
            self._was_starved = starved
            self._ring.write(np.zeros(round(self.target * self.rate), np.float32))
            self.control.restart()
            content = self.target
        elif self._fill.step(len(self._ring) / self.rate) > self.target + _SLACK:
            # After a stall: what should have been heard meanwhile is not made up for, so that delays stay as they were.
            self._late = round((self._fill.value - self.target) / _STEP)
            self._fill.clear()
            self.jumps += 1
        if self._late:
            self._late -= 1
            return
        ratio = self.control.update(self.target - content, self.clock.ppm, _STEP)
        self._ring.write(self._resampler.step(samples, SAMPLE_RATE, self.rate * ratio))


class _Lowest:
    """The least of the last `count` values; 0 until there are as many."""

    def __init__(self, count: int) -> None:
        self._values: deque[float] = deque(maxlen=count)

    @property
    def value(self) -> float:
        return min(self._values) if len(self._values) == self._values.maxlen else 0.0

    def step(self, value: float) -> float:
        self._values.append(value)
        return self.value

    def clear(self) -> None:
        self._values.clear()


class _Resampler:
    """libsoxr's variable-rate resampler, filled with silence so that its delay (15 ms) is there from the beginning.

    rate_in, rate_out: nominal.
    """

    def __init__(self, rate_in: float, rate_out: float) -> None:
        import soxr

        most = 1 + LIMIT_PPM * 1e-6  # the stream is made for the greatest ratio that will be asked of it
        self._stream = soxr.ResampleStream(rate_in * most, rate_out, 1, dtype="float32", vr=True)
        self.step(np.zeros(round(0.03 * rate_in), np.float32), rate_in, rate_out)

    def step(self, samples: np.ndarray, rate_in: float, rate_out: float) -> np.ndarray:
        self._stream.set_io_ratio(rate_in, rate_out)
        out: np.ndarray = self._stream.resample_chunk(samples)
        return out

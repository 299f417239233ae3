"""The clock of a sound device against the session's: no two crystals agree, and in an hour 100 ppm are 0.36 s.

A delay-locked loop smooths the times of callbacks into a line from seconds to samples (F. Adriaensen, "Using a DLL to
filter time", Linux Audio Conference 2005); its slope is the device's true rate. A second loop, slower, holds the
buffer between both clocks at its target by resampling a little more or less ("Controlling adaptive resampling", 2012).
"""

from __future__ import annotations

import math

LIMIT_PPM = 1000.0
"""No working device is further off; whatever asks for more is a mistake or a jump."""

_SMOOTHING = 1.0
"""Seconds over which the content of a buffer is averaged."""
_JUMP = 0.1
_SETTLED = 2.0
_BURST = 0.002
"""Seconds; a callback that is further off says something of the machine's load and nothing of the crystal."""
_HASTE_PPM = 300.0
"""How much faster or slower than the device a buffer is brought back to its target. An echo canceller has to follow."""


class DeviceClock:
    """Seconds to samples of one device. rate: its nominal one. bandwidth: of the loop, in Hz.

    Callbacks come in bursts, most of all when a stream begins. So the place of the line settles within a second or
    two, and its slope only over the loop's own time: no crystal is far off, and a slope that follows bursts would be.
    """

    def __init__(self, rate: float, bandwidth: float = 0.02) -> None:
        self.nominal = float(rate)
        self.rate = float(rate)
        """Samples per second as measured."""
        self._omega = 2.0 * math.pi * bandwidth
        self._began = 0.0
        self._time: float | None = None
        self._samples = 0.0

    @property
    def started(self) -> bool:
        return self._time is not None

    def update(self, time: float, samples: int) -> None:
        """At `time` the device had come to `samples` in all."""
        if self._time is None:
            self._began, self._time, self._samples = time, time, float(samples)
            return
        step = time - self._time
        if step < 0.0:
            return
        predicted = self._samples + self.rate * step
        error = samples - predicted
        self._time = time
        if abs(error) > _JUMP * self.nominal:  # the stream has stood still, or a buffer was lost: another line
            self._began, self._samples = time, float(samples)
            return
        settling = max(math.sqrt(2.0) * self._omega, 2.0 / (0.5 + time - self._began))
        self._samples = predicted + min(settling * step, 0.5) * error
        if time - self._began < _SETTLED:
            return
        late = min(max(error, -_BURST * self.nominal), _BURST * self.nominal)
        rate = self.rate + self._omega**2 * step * late
        limit = self.nominal * LIMIT_PPM * 1e-6
        self.rate = min(max(rate, self.nominal - limit), self.nominal + limit)

    def samples_at(self, time: float) -> float:
        """Where the device is at `time`, between callbacks too."""
        return self._samples if self._time is None else self._samples + self.rate * (time - self._time)

    @property
    def ppm(self) -> float:
        return (self.rate / self.nominal - 1.0) * 1e6


class DriftControl:
    """How many samples of the device to make or use up for each nominal one, so that the buffer stays at its target."""

    def __init__(self, time_constant: float = 8.0) -> None:
        self.correction_ppm = 0.0
        self._time_constant = time_constant
        self._excess: float | None = None

    def restart(self) -> None:
        """The buffer has been set to its target by other means."""
        self._excess = None

    def update(self, excess: float, device_ppm: float, step: float) -> float:
        """excess: seconds by which too many samples are used up too late (or made too few). step: seconds since the
        last call. Returns device samples per nominal sample, within LIMIT_PPM of 1.

        Buffers are to be measured by the device's clock, not as the last callback left them: that jumps by a whole
        block and beats against the reader.
        """
        if self._excess is None:
            self._excess = excess
        self._excess += min(1.0, step / _SMOOTHING) * (excess - self._excess)
        haste = self._excess / self._time_constant * 1e6
        correction = device_ppm + min(max(haste, -_HASTE_PPM), _HASTE_PPM)
        self.correction_ppm = min(max(correction, -LIMIT_PPM), LIMIT_PPM)
        return 1.0 + self.correction_ppm * 1e-6

"""The loudspeaker alone, for a program that only speaks: blocking, and started with the first sound."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Any

import numpy as np

from duplex.microphone.devices import choose_device, portaudio
from duplex.streaming.errors import DeviceError
from duplex.streaming.resample import StreamResampler

AHEAD = 20.0
"""Seconds that may wait to be played; whoever makes more than that waits."""
_BLOCK = 0.1


class Loudspeaker:
    """Plays what is written to it, in a thread of its own; leaving the `with` block waits for the last sound, or, after
    an error, ends at once. device: as `choose_device` takes it. Raises DeviceError."""

    def __init__(self, device: str = "", *, sample_rate: int) -> None:
        sd = portaudio()
        self.device = choose_device("output", device)
        rate = round(self.device.rate)
        self._resampler = StreamResampler(sample_rate, rate)
        self._block = round(_BLOCK * rate)
        self._waiting: queue.Queue[np.ndarray | None] = queue.Queue(round(AHEAD / _BLOCK))
        self._errors = (sd.PortAudioError, ValueError)
        self._failure: Exception | None = None
        self._stop = threading.Event()
        try:
            self._stream: Any = sd.OutputStream(
                device=self.device.index, channels=1, samplerate=rate, dtype="float32", latency="high"
            )
            self._stream.start()
        except self._errors as error:
            raise DeviceError(f"{self.device.name!r} cannot be opened: {str(error).splitlines()[0]}") from None
        self._thread = threading.Thread(target=self._play, name="loudspeaker", daemon=True)
        self._thread.start()

    def __enter__(self) -> Loudspeaker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._put(self._resampler.flush())
                self._queue(None)
                while self._thread.is_alive():  # in short waits, so that Ctrl-C is heard
                    self._thread.join(0.1)
                self._check()
        finally:
            self._stop.set()
            self._stream.close(ignore_errors=True)

    def write(self, samples: np.ndarray) -> None:
        """samples: (n,) float32 at `sample_rate`. Waits while AHEAD seconds are to be played."""
        self._put(self._resampler.push(samples))

    def _put(self, samples: np.ndarray) -> None:
        for start in range(0, len(samples), self._block):
            self._queue(samples[start : start + self._block])

    def _queue(self, block: np.ndarray | None) -> None:
        while True:
            self._check()
            try:
                self._waiting.put(block, timeout=0.2)
                return
            except queue.Full:
                continue

    def _check(self) -> None:
        if self._failure is not None:
            raise DeviceError(f"{self.device.name!r} failed: {str(self._failure).splitlines()[0]}") from None

    def _play(self) -> None:
        try:
            while not self._stop.is_set() and (block := self._waiting.get()) is not None:
                self._stream.write(np.ascontiguousarray(block[:, None], np.float32))
            if not self._stop.is_set():
                self._stream.stop()  # when everything has been played
        except self._errors as error:
            self._failure = error

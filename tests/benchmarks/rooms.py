"""A loudspeaker and a microphone in a room, simulated: what the assistant says comes back as an echo.

The room is an image-source simulation (pyroomacoustics). The loudspeaker is band-limited and clips softly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

_BLOCK = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class Loudspeaker:
    """drive: how far it is driven into soft clipping (tanh), 0: linear. low, high: its band in Hz."""

    drive: float = 0.0
    low: float = 0.0
    high: float = 8000.0


@dataclass(frozen=True, slots=True)
class Room:
    """size: metres. rt60: seconds. distance: metres from loudspeaker to microphone. delay: seconds that devices and
    buffers add. echo_db: level of the echo at the microphone relative to what the loudspeaker is sent."""

    size: tuple[float, float, float] = (4.2, 3.4, 2.6)
    rt60: float = 0.3
    distance: float = 0.5
    delay: float = 0.08
    echo_db: float = -6.0

    def response(self) -> np.ndarray:
        """(n,) impulse response from loudspeaker to microphone, of the energy that `echo_db` says."""
        import pyroomacoustics

        absorption, order = pyroomacoustics.inverse_sabine(self.rt60, self.size)
        room = pyroomacoustics.ShoeBox(
            self.size, fs=SAMPLE_RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 40)
        )
        source = np.array([0.43, 0.46, 0.31]) * self.size
        room.add_source(source)
        room.add_microphone(source + self.distance * np.array([0.8, 0.55, 0.24]))
        room.compute_rir()
        response = room.rir[0][0]
        response *= 10 ** (self.echo_db / 20) / np.sqrt(np.sum(np.square(response)))
        return np.concatenate([np.zeros(round(self.delay * SAMPLE_RATE)), response]).astype(np.float32)


class EchoLoop:
    """The echo of what is played, 10 ms at a time (uniformly partitioned convolution)."""

    def __init__(self, room: Room, loudspeaker: Loudspeaker | None = None) -> None:
        self._loudspeaker = loudspeaker or Loudspeaker()
        self.change(room)
        frequencies = np.fft.rfftfreq(2 * _BLOCK, 1 / SAMPLE_RATE)
        speaker = self._loudspeaker
        taps = np.fft.irfft(((frequencies >= speaker.low) & (frequencies <= speaker.high)).astype(float))
        self._band = np.fft.fftshift(taps) * np.hanning(2 * _BLOCK)
        self._sent = np.zeros(3 * _BLOCK - 1)

    def change(self, room: Room) -> None:
        """Somebody moves the microphone, or a device is another one."""
        response = room.response()
        parts = -(-len(response) // _BLOCK)
        padded = np.zeros(parts * _BLOCK)
        padded[: len(response)] = response
        self._filters = np.fft.rfft(padded.reshape(parts, _BLOCK), 2 * _BLOCK, axis=1)
        self._spectra = np.zeros((parts, _BLOCK + 1), np.complex128)
        self._last = np.zeros(_BLOCK)

    def step(self, played: np.ndarray) -> np.ndarray:
        """(160,) to (160,) of the same time: the echo begins after the room's delay."""
        self._sent = np.concatenate([self._sent[_BLOCK:], played])
        sound = np.convolve(self._sent, self._band, "valid")
        if self._loudspeaker.drive:
            sound = np.tanh(self._loudspeaker.drive * sound) / self._loudspeaker.drive
        self._spectra = np.roll(self._spectra, 1, axis=0)
        self._spectra[0] = np.fft.rfft(np.concatenate([self._last, sound]))
        self._last = sound
        spectrum = np.einsum("pf,pf->f", self._spectra, self._filters)
        return np.fft.irfft(spectrum)[_BLOCK:].astype(np.float32)

"""Speech as it is made, in the format that a program asks for: each piece can be sent as soon as it is there."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from duplex.streaming.resample import StreamResampler

RATE = 24_000
"""Sample rate of everything that is sent. Raw PCM says nothing of its own, and the API has it so."""

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

_CODECS: dict[str, tuple[str, str, dict[str, str]]] = {
    "mp3": ("libmp3lame", "mp3", {"write_xing": "0"}),
    "opus": ("libopus", "ogg", {"page_duration": "100000"}),  # microseconds: pages leave as they are made
    "aac": ("aac", "adts", {}),
    "flac": ("flac", "flac", {}),
}
"""Encoder, container, and the container's options. None goes back to its beginning: what is sent is sent."""

_BIT_RATES = {"mp3": 64_000, "opus": 32_000, "aac": 64_000}
_UNKNOWN = 0xFFFFFFFF


class SpeechEncoder:
    """One speech, 16 bit or what the codec makes of it. format: of MEDIA_TYPES. sample_rate: of what is pushed."""

    def __init__(self, format: str, sample_rate: int) -> None:
        self._resampler = StreamResampler(sample_rate, RATE)
        self._made: _Sink | _Raw = _Raw(header=format == "wav") if format in ("wav", "pcm") else _Sink(format)

    def push(self, samples: np.ndarray) -> bytes:
        """samples: (n,) float32. The bytes that are ready, often none."""
        return self._made.add(self._resampler.push(samples))

    def finish(self) -> bytes:
        """The rest."""
        return self._made.add(self._resampler.flush()) + self._made.end()


def _pcm(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2")


class _Raw:
    def __init__(self, *, header: bool) -> None:
        self._header = header

    def add(self, samples: np.ndarray) -> bytes:
        data = _pcm(samples).tobytes()
        if self._header and data:
            self._header = False
            return _wav_header() + data
        return data

    def end(self) -> bytes:
        return b""


def _wav_header() -> bytes:
    """Of a file whose length is not known yet."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE") + form + struct.pack("<4sI", b"data", _UNKNOWN)


class _Sink:
    """A codec's container that is written to memory. It has no `seek`, so the library never goes back."""

    def __init__(self, format: str) -> None:
        import av

        codec, container, options = _CODECS[format]
        self._bytes = bytearray()
        self._position = 0
        self._container: Any = av.open(self, "w", format=container, options=options)
        self._stream: Any = self._container.add_stream(codec, rate=RATE, layout="mono")
        if format in _BIT_RATES:
            self._stream.bit_rate = _BIT_RATES[format]

    def write(self, data: bytes) -> int:
        """For the container."""
        self._bytes += data
        return len(data)

    def add(self, samples: np.ndarray) -> bytes:
        import av

        if len(samples):
            frame = av.AudioFrame.from_ndarray(_pcm(samples)[None, :], "s16", "mono")
            frame.sample_rate = RATE
            frame.pts = self._position
            self._position += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._taken()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken

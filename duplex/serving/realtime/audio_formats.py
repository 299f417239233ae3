"""The sound formats of the API: 16-bit PCM at 24 kHz, and G.711 µ-law and A-law at 8 kHz.

Source: ITU-T G.711 (1988), tables 1a and 2a; the logarithmic codes are computed by segment.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np

from duplex.serving.realtime.wire import ClientError

_BIAS = 33 << 2
"""Of µ-law, at 16 bits."""
_CLIP = 32635
_SEGMENTS = 1 << np.arange(8, 15)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """type: as the API names it. rate: Hz. width: bytes of a sample."""

    type: str
    rate: int
    width: int

    def as_dict(self) -> dict[str, object]:
        return {"type": self.type, "rate": self.rate} if self.type == PCM.type else {"type": self.type}

    def decode(self, text: object) -> np.ndarray:
        """Base64 to (n,) int16 at `rate`. Raises ClientError on what is none, or ends within a sample."""
        if not isinstance(text, str):
            raise ClientError("audio: must be a text, in base64", "invalid_type", "audio")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ClientError("audio: is not valid base64", "invalid_value", "audio") from None
        if len(data) % self.width:
            raise ClientError(
                f"audio: has {len(data)} bytes; {self.type} has {self.width} a sample", "invalid_value", "audio"
            )
        if self.type == PCM.type:
            return np.frombuffer(data, "<i2").astype(np.int16)
        return _TABLES[self.type][np.frombuffer(data, np.uint8)]

    def encode(self, samples: np.ndarray) -> bytes:
        """(n,) float32 in [-1, 1] at `rate` to the format's bytes."""
        whole = np.round(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int32)
        if self.type == PCM.type:
            return whole.astype("<i2").tobytes()
        return (_ulaw if self.type == PCMU.type else _alaw)(whole).tobytes()


PCM = AudioFormat("audio/pcm", 24_000, 2)
PCMU = AudioFormat("audio/pcmu", 8000, 1)
PCMA = AudioFormat("audio/pcma", 8000, 1)
FORMATS = {each.type: each for each in (PCM, PCMU, PCMA)}


def parse_format(given: object, param: str) -> AudioFormat:
    """{"type": ..., "rate": 24000}. Raises ClientError."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or kind not in FORMATS:
        raise ClientError(f"{param}: must have one of the types {', '.join(FORMATS)}", "invalid_value", f"{param}.type")
    found = FORMATS[kind]
    if given.get("rate") not in (None, found.rate):
        raise ClientError(f"{param}: {kind} has {found.rate} samples a second", "invalid_value", f"{param}.rate")
    return found


def _ulaw(whole: np.ndarray) -> np.ndarray:
    size = np.minimum(np.abs(whole), _CLIP) + _BIAS
    segment = np.searchsorted(_SEGMENTS, size, side="right")
    mantissa = (size >> (segment + 3)) & 0x0F
    return (~((whole < 0) * 0x80 | segment << 4 | mantissa) & 0xFF).astype(np.uint8)


def _alaw(whole: np.ndarray) -> np.ndarray:
    size = np.minimum(np.where(whole < 0, ~whole, whole), 32767)
    segment = np.searchsorted(_SEGMENTS, size, side="right")
    mantissa = (size >> np.where(segment > 0, segment + 3, 4)) & 0x0F
    return (((whole >= 0) * 0x80 | segment << 4 | mantissa) ^ 0x55).astype(np.uint8)


def _ulaw_table() -> np.ndarray:
    code = ~np.arange(256) & 0xFF
    size = (((code & 0x0F) << 3) + _BIAS << ((code >> 4) & 7)) - _BIAS
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _alaw_table() -> np.ndarray:
    code = np.arange(256) ^ 0x55
    segment = (code >> 4) & 7
    size = ((code & 0x0F) << 4) + 8 + np.where(segment > 0, 0x100, 0) << np.maximum(segment - 1, 0)
    return np.where(code & 0x80, size, -size).astype(np.int16)


_TABLES = {PCMU.type: _ulaw_table(), PCMA.type: _alaw_table()}

"""G.711 against the values of its tables, and every format there and back."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from duplex.serving.realtime.audio_formats import FORMATS, PCM, PCMA, PCMU, AudioFormat
from duplex.serving.realtime.wire import ClientError


def _decoded(format: AudioFormat, codes: bytes) -> list[int]:
    return list(format.decode(base64.b64encode(codes).decode()))


def test_the_tables() -> None:
    # The ends of the ranges and some values between, as the reference implementation of G.711 has them, at 16 bits.
    assert _decoded(PCMU, b"\x00\x80\xff\x7f\xef\x9f\x8f") == [-32124, 32124, 0, 0, 132, 8316, 16764]
    assert _decoded(PCMA, b"\xd5\x55\xaa\x2a\x80\x00\xc5") == [8, -8, 32256, -32256, 5504, -5504, 264]


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_there_and_back(format: AudioFormat) -> None:
    signal = np.sin(np.arange(4000) / 7).astype(np.float32) * np.linspace(0, 1, 4000, dtype=np.float32)
    back = format.decode(base64.b64encode(format.encode(signal)).decode()) / 32767
    noise = np.mean((back - signal) ** 2)
    assert 10 * np.log10(np.mean(signal**2) / noise) > (90 if format is PCM else 35)
    assert np.abs(back).max() <= 1.0


@pytest.mark.parametrize("format", (PCMU, PCMA), ids=("pcmu", "pcma"))
def test_every_code_is_its_own(format: AudioFormat) -> None:
    codes = bytes(range(256))
    values = np.array(_decoded(format, codes))
    again = format.encode(values / 32767)
    assert list(np.array(_decoded(format, again))) == list(values)


@pytest.mark.parametrize("audio", (None, 7, "%%%", "QUI", base64.b64encode(b"123").decode(), "Ä" * 8))
def test_sound_that_is_none(audio: object) -> None:
    with pytest.raises(ClientError):
        PCM.decode(audio)

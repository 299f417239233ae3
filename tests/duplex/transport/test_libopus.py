from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.errors import TransportError
from duplex.transport import libopus
from duplex.transport.libopus import OpusDecoder, OpusEncoder, is_dtx, packet_duration

FRAME = 320
LOOKAHEAD = 104


@cache
def voice(seconds: float = 2.0) -> np.ndarray:
    """The loudest part of the bundled recording."""
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as path:
        samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    length = round(seconds * rate)
    start = max(range(0, len(samples) - length, rate // 2), key=lambda at: samples[at : at + length].std())
    return samples[start : start + length]


def packets(signal: np.ndarray, encoder: OpusEncoder) -> list[bytes]:
    return [encoder.encode(signal[at : at + FRAME]) for at in range(0, len(signal) - FRAME + 1, FRAME)]


def error_db(signal: np.ndarray, decoded: np.ndarray, first: int, last: int) -> float:
    """Error over signal of frames first to last, in dB."""
    a = signal[first * FRAME - LOOKAHEAD : last * FRAME - LOOKAHEAD]
    b = decoded[first * FRAME : last * FRAME]
    return float(10 * np.log10(np.sum((a - b) ** 2) / np.sum(a**2)))


def test_what_is_encoded_is_decoded() -> None:
    signal, decoder = voice(), OpusDecoder()
    decoded = np.concatenate([decoder.decode(p) for p in packets(signal, OpusEncoder())])
    assert len(decoded) == len(signal)
    assert error_db(signal, decoded, 5, 95) < -3


def test_a_lost_frame_is_recovered_from_the_copy_in_the_next_packet() -> None:
    signal = voice()
    encoder = OpusEncoder()
    encoder.expect_loss(0.2)
    sent = packets(signal, encoder)
    recovered, concealed = [], []
    for lost in range(20, 80):
        if signal[lost * FRAME : (lost + 1) * FRAME].std() < 0.02:
            continue
        for fill, errors in ((True, recovered), (False, concealed)):
            decoder = OpusDecoder()
            out = [decoder.decode(p) for p in sent[:lost]]
            assert decoder.has_copy(sent[lost + 1])
            out.append(decoder.recover(sent[lost + 1], 960) if fill else decoder.conceal(960))
            errors.append(error_db(signal, np.concatenate(out), lost, lost + 1))
    assert np.mean(recovered) < np.mean(concealed) - 2


def test_without_expected_loss_there_are_no_copies() -> None:
    decoder = OpusDecoder()
    assert not any(decoder.has_copy(p) for p in packets(voice(0.5), OpusEncoder()))


def test_concealment_goes_on_with_the_sound_and_then_fades() -> None:
    signal, decoder = voice(), OpusDecoder()
    loudest = max(range(20, 90), key=lambda n: signal[n * FRAME : (n + 1) * FRAME].std())
    for packet in packets(signal, OpusEncoder())[: loudest + 1]:
        last = decoder.decode(packet)
    made_up = [decoder.conceal(960).std() for _ in range(50)]
    assert made_up[0] > 0.3 * last.std()
    assert made_up[-1] < 0.1 * made_up[0]


@given(st.integers(0, 6000))
@settings(deadline=None)
def test_concealment_has_the_length_of_the_gap(ticks) -> None:
    assert len(OpusDecoder().conceal(ticks)) == ticks // 3


@given(st.binary(min_size=1, max_size=200))
@settings(deadline=None, max_examples=300)
def test_damaged_packets_decode_to_something_finite_or_to_nothing(payload) -> None:
    decoder = OpusDecoder()
    samples = decoder.decode(payload)
    assert samples is None or np.isfinite(samples).all()
    decoder.has_copy(payload)
    assert np.isfinite(decoder.recover(payload, 960)).all()
    if packet_duration(payload) == 0:
        assert samples is None
    elif samples is not None:
        assert len(samples) == packet_duration(payload) // 3


def test_silence_with_dtx_is_one_or_two_bytes() -> None:
    silence = np.zeros(16_000, np.float32)
    assert any(is_dtx(p) for p in packets(silence, OpusEncoder(dtx=True))[20:])
    assert not any(is_dtx(p) for p in packets(voice(1.0), OpusEncoder(dtx=True)))


@pytest.mark.parametrize(("size", "ticks"), [(40, 120), (160, 480), (320, 960), (960, 2880)])
def test_duration_by_the_table_of_contents(size, ticks) -> None:
    assert packet_duration(OpusEncoder().encode(np.zeros(size, np.float32))) == ticks


def test_a_frame_that_opus_does_not_know_is_refused() -> None:
    with pytest.raises(TransportError, match="321 samples"):
        OpusEncoder().encode(np.zeros(321, np.float32))


def test_without_a_library_the_message_says_what_to_install(monkeypatch) -> None:
    libopus._library.cache_clear()
    monkeypatch.setattr(libopus, "_candidates", lambda: ["/nowhere/libopus.so"])
    try:
        with pytest.raises(TransportError, match=r"no libopus.*libopus0"):
            OpusDecoder()
    finally:
        libopus._library.cache_clear()

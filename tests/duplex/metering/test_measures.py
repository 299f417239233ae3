"""Figures without a reference: against their definitions, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.metering.loudness import ActiveLevel, Loudness, StreamingFir
from duplex.metering.measures import _WADA, _WADA_SNR, MEASURES, Measures


def measure(sound: np.ndarray, rate: int) -> dict[str, float | None]:
    sound = sound if sound.ndim == 2 else sound[:, None]
    measures = Measures(rate, sound.shape[1])
    for at in range(0, len(sound), rate):
        measures.add(sound[at : at + rate])
    return measures.result()


def sine(rate: int, seconds: float, hertz: float, amplitude: float = 1.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=12), taps=st.integers(1, 300))
def test_convolution_of_a_stream(sizes, taps):
    rng = np.random.default_rng(taps)
    sound, response = rng.standard_normal((sum(sizes), 2)), rng.standard_normal(taps)
    fir = StreamingFir(response, 2)
    out = np.concatenate([fir.step(block) for block in np.split(sound, np.cumsum(sizes)[:-1])])
    expected = np.stack([np.convolve(sound[:, at], response)[: len(sound)] for at in range(2)], axis=1)
    assert np.allclose(out, expected, atol=1e-9)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_loudness_of_the_standards_reference_tone(rate):
    """A full-scale sine of 997 Hz in one channel reads -3.01 LKFS (BS.1770-4, Annex 1)."""
    assert measure(sine(rate, 3, 997), rate)["loudness_lufs"] == pytest.approx(-3.01, abs=0.05)
    stereo = np.stack([sine(rate, 3, 997, 10 ** (-23 / 20))] * 2, axis=1)
    assert measure(stereo, rate)["loudness_lufs"] == pytest.approx(-23.0, abs=0.1)


def test_loudness_is_gated():
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS in stereo read -23 LUFS."""
    rate = 16_000
    loudness = Loudness(rate, 2)
    for seconds, level in ((10, -36), (60, -23), (10, -36)):
        loudness.add(np.stack([sine(rate, seconds, 1000, 10 ** (level / 20))] * 2, axis=1))
    assert loudness.result() == pytest.approx(-23.0, abs=0.15)


def test_active_level_leaves_out_the_pauses():
    """Bursts of 4 s in 8 s: the level is that of the bursts with 0.2 s of hangover, whatever the pauses' length."""
    rate = 16_000
    tone = sine(rate, 32, 500, 0.1) * (np.arange(32 * rate) // (4 * rate) % 2 == 0)
    level = ActiveLevel(rate)
    for block in np.split(tone, 32):
        level.add(block)
    found, activity = level.result()
    assert found == pytest.approx(-23.01, abs=0.4) and activity == pytest.approx(0.53, abs=0.04)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(-50, -1))
def test_levels_follow_the_gain(gain):
    rate = 8_000
    sound = 0.3 * np.random.default_rng(0).standard_normal(2 * rate).clip(-3, 3)
    before, after = measure(sound, rate), measure(sound * 10 ** (gain / 20), rate)
    for name in ("peak_dbfs", "loudness_lufs", "speech_level_dbov", "noise_floor_dbfs"):
        assert after[name] - before[name] == pytest.approx(gain, abs=0.3) or (name == "loudness_lufs" and gain < -40)
    for name in ("wada_snr_db", "rolloff_hz", "bandwidth_hz"):
        assert after[name] == pytest.approx(before[name], abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("snr", [-10.0, 0.0, 10.0, 20.0, 40.0])
def test_wada_table_against_its_definition(snr):
    rng = np.random.default_rng(0)
    speech = rng.gamma(0.4, size=2_000_000) * rng.choice([-1.0, 1.0], 2_000_000)
    noise = rng.standard_normal(2_000_000) * np.sqrt(0.4 * 1.4) * 10 ** (-snr / 20)
    level = np.abs(speech + noise)
    assert np.log(level.mean()) - np.log(level).mean() == pytest.approx(np.interp(snr, _WADA_SNR, _WADA), abs=4e-3)
    assert measure((speech + noise)[:400_000] / 30, 16_000)["wada_snr_db"] == pytest.approx(snr, abs=2.0)


def test_noise_floor_is_the_quiet_tenths_level():
    rate = 16_000
    noise = 1e-3 * np.random.default_rng(0).standard_normal(20 * rate)
    speech = sine(rate, 20, 300, 0.5) * (np.arange(20 * rate) // rate % 4 != 0)
    assert measure(noise + speech, rate)["noise_floor_dbfs"] == pytest.approx(-60.0, abs=0.6)


@pytest.mark.parametrize("cut", [1_000, 3_400, 7_000])
def test_bandwidth_and_rolloff_find_a_cut(cut):
    rate = 16_000
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(4 * rate))
    spectrum[np.fft.rfftfreq(4 * rate, 1 / rate) > cut] = 0
    figures = measure(0.1 * np.fft.irfft(spectrum), rate)
    assert figures["bandwidth_hz"] == pytest.approx(cut, abs=100)
    assert figures["rolloff_hz"] == pytest.approx(cut, abs=80)


def test_clipping_is_runs_at_full_scale():
    rate = 16_000
    tone = sine(rate, 1, 100, 0.999)
    assert measure(tone, rate)["clipped_share"] == 0.0
    clipped = np.clip(2 * tone, -1, 1)
    assert measure(clipped, rate)["clipped_share"] == pytest.approx(2 / 3, abs=0.02)


def test_an_offset_is_told_and_changes_nothing_else():
    rate = 16_000
    sound = 0.05 * np.random.default_rng(0).standard_normal(3 * rate)
    before, after = measure(sound, rate), measure(sound + 0.2, rate)
    assert after["dc_offset"] == pytest.approx(0.2, abs=1e-3)
    for name in ("speech_level_dbov", "noise_floor_dbfs", "wada_snr_db", "rolloff_hz"):
        assert after[name] == pytest.approx(before[name], abs=0.2)


@pytest.mark.parametrize("length", [0, 1, 100, 16_000])
def test_silence_and_very_short_sounds(length):
    figures = measure(np.zeros(length), 16_000)
    assert set(figures) == set(MEASURES)
    assert figures["loudness_lufs"] is None and figures["wada_snr_db"] is None and figures["clipped_share"] == 0.0
    noise = measure(0.1 * np.random.default_rng(0).standard_normal(length), 16_000)
    assert all(value is None or np.isfinite(value) for value in noise.values())

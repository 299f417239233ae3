"""Figures against a clean recording."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.batch.restore import restore
from duplex.metering import metrics
from tests.duplex.batch.restore.recordings import encode, speechlike, write
from tests.duplex.batch.restore.stages import half, identity


def noisy(sound: np.ndarray, snr: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(sound.shape)
    return sound + noise * np.sqrt(np.mean(sound**2) / np.mean(noise**2)) * 10 ** (-snr / 20)


@pytest.mark.slow
def test_less_noise_scores_better_everywhere(tmp_path):
    pytest.importorskip("pesq")
    pytest.importorskip("pystoi")
    clean = speechlike(4.0, 16_000)
    paths = {"clean": clean, "worse": noisy(clean, 5), "better": noisy(clean, 20)}
    for name, sound in paths.items():
        write(tmp_path / f"{name}.wav", np.clip(sound, -1, 1), 16_000)
    result, notes = metrics.compare(*(str(tmp_path / f"{name}.wav") for name in ("worse", "better", "clean")))
    assert not notes and result["segments"] == 1
    assert result["before"]["si_sdr"] == pytest.approx(5, abs=0.5)
    assert result["after"]["si_sdr"] == pytest.approx(20, abs=0.5)
    for name in ("pesq", "estoi"):
        assert result["after"][name] > result["before"][name]
    assert result["after"]["lsd"] < result["before"]["lsd"]


def test_a_long_recording_is_scored_in_segments_spread_over_it(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "SEGMENT", 16_000)
    monkeypatch.setattr(metrics, "MOST_SEGMENTS", 4)
    monkeypatch.setattr(metrics, "missing_packages", lambda: ["pesq"])
    clean = speechlike(10.0, 16_000)
    before = clean.copy()
    before[8 * 16_000 :] = noisy(before[8 * 16_000 :], 0)
    write(tmp_path / "clean.wav", clean, 16_000, "FLOAT")
    write(tmp_path / "before.wav", before, 16_000, "FLOAT")
    paths = [str(tmp_path / f"{name}.wav") for name in ("before", "clean", "clean")]
    result, _ = metrics.compare(*paths)
    assert result["segments"] == 4
    # Three of the four segments are clean, the last one is at 0 dB.
    assert result["after"]["si_sdr"] * 0.75 == pytest.approx(result["before"]["si_sdr"], abs=8)


@pytest.mark.parametrize(
    ("total", "starts"), [(0.5, [0.0]), (2.0, [0.0, 1.0]), (2.5, [0.0, 0.75, 1.5]), (9.0, [0, 4, 8])]
)
def test_segments_lie_where_they_should(tmp_path, monkeypatch, total, starts):
    monkeypatch.setattr(metrics, "SEGMENT", 16_000)
    ramp = np.arange(round(total * 16_000))[:, None] / 200_000
    path = write(tmp_path / "ramp.wav", ramp, 16_000, "DOUBLE")
    found = list(metrics._segments(str(path), [round(at * 16_000) for at in starts]))
    assert [round(segment[0] * 200_000) for segment in found] == [at * 16_000 for at in starts]
    assert [len(segment) for segment in found] == [min(16_000, len(ramp))] * len(starts)


def test_rates_channels_and_lengths_may_differ(tmp_path):
    write(tmp_path / "ref" / "x.flac", speechlike(2.0, 48_000), 48_000)
    source = encode(tmp_path / "in" / "x.mp3", speechlike(1.5, 32_000, 2), 32_000, "mp3", "libmp3lame", 128_000)
    result = restore(source, tmp_path / "out", stage_factory=identity, reference=tmp_path / "ref")[0]
    assert result.reference["reference"].endswith("x.flac") and result.reference["after"]["lsd"] > 0
    assert any("2.00 s long" in note for note in result.notes)


def test_a_silent_reference(tmp_path):
    write(tmp_path / "ref" / "x.wav", np.zeros((16_000, 1)), 16_000)
    source = write(tmp_path / "x.wav", speechlike(1.0, 16_000), 16_000)
    result = restore(source, tmp_path / "out", stage_factory=half, reference=tmp_path / "ref")[0]
    assert result.status == "restored" and result.reference["after"]["si_sdr"] is None
    assert any("silent" in note for note in result.notes)


def test_no_reference_of_that_name_is_told(tmp_path):
    (tmp_path / "ref").mkdir()
    source = write(tmp_path / "x.wav", speechlike(0.5, 16_000), 16_000)
    result = restore(source, tmp_path / "out", stage_factory=half, reference=tmp_path / "ref")[0]
    assert result.reference is None and any("no reference" in note for note in result.notes)


def test_without_pesq_the_others_are_computed_and_the_reader_told(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "missing_packages", lambda: ["pesq"])
    source = write(tmp_path / "in" / "x.wav", speechlike(1.0, 16_000), 16_000)
    result = restore(source, tmp_path / "out", stage_factory=half, reference=tmp_path / "in")[0]
    assert result.reference["after"]["pesq"] is None and result.reference["after"]["si_sdr"] > 40
    assert any("pip install pesq" in note for note in result.notes)

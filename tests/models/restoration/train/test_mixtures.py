"""Mixtures: what was asked for, the same for the same seed, held-out voices kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duplex.models.corpora.bank import Bank
from duplex.models.corpora.manifest import data_folder, rows
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.metrics import si_sdr
from duplex.models.restoration.train.coded import synthesized
from duplex.models.restoration.train.mixture_cache import build_cache
from duplex.models.restoration.train.mixtures import TASK_SHARES, Mixer
from duplex.streaming.errors import InputError
from tests.models.restoration import signals


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = signals.data_folder(tmp_path_factory.mktemp("data"))
    cache = tmp_path_factory.mktemp("cache")
    build_cache(folder, cache, rooms=6, coded=6)
    return cache


@pytest.mark.parametrize("task", [*TASK_SHARES, "vocode"])
def test_every_task_gives_finite_pairs(cache: Path, task: str) -> None:
    mixer = Mixer(cache)
    for seed in range(8):
        degraded, clean = mixer.draw(task, np.random.default_rng(seed), 24_000)
        assert degraded.shape == clean.shape == (24_000,)
        assert degraded.dtype == clean.dtype == np.float32
        assert np.isfinite(degraded).all() and np.isfinite(clean).all() and np.abs(clean).max() > 1e-4


def test_the_same_seed_draws_the_same(cache: Path) -> None:
    batches = [Mixer(cache).batch(np.random.default_rng(5), 4, 16_000) for _ in range(2)]
    for one, other in zip(*batches, strict=True):
        np.testing.assert_array_equal(one, other)


def test_noise_has_the_ratio_asked_for(cache: Path) -> None:
    mixer = Mixer(cache)
    rng = np.random.default_rng(3)
    clean, speaker = mixer.speech(rng, 32_000)
    for wanted in (-5.0, 5.0, 20.0):
        noisy = mixer.add_noise(clean, rng, speaker, wanted, wanted)
        # The ratio is over active speech, so over everything it is lower by the share of pauses.
        assert wanted - 6 < si_sdr(clean, noisy) < wanted + 1


def test_labels_are_tasks_and_auto_is_among_them(cache: Path) -> None:
    _, _, labels = Mixer(cache).batch(np.random.default_rng(0), 64, 4_000)
    assert {TASKS[label] for label in labels} == set(TASK_SHARES)
    _, _, labels = Mixer(cache).batch(np.random.default_rng(0), 4, 4_000, {"vocode": 1.0})
    assert {TASKS[label] for label in labels} == {"vocode"}


def test_splits_share_no_recording(tmp_path: Path) -> None:
    folder = signals.data_folder(tmp_path)
    train, valid = ({row["speaker"] for row in rows(folder, ("ljspeech_part1",), s)} for s in ("train", "valid"))
    assert train and valid and not train & valid


def test_validation_hears_kinds_of_noise_that_training_does_not(cache: Path) -> None:
    train, valid = (Bank.load(cache / f"noise-{split}") for split in ("train", "valid"))
    assert len(train) == 1 and len(valid) == 2  # rain; the doors of both splits, no dog of esc10
    assert len(Bank.load(cache / "music-train")) == 1


def test_rooms_are_simulated_and_measured(cache: Path) -> None:
    rooms = np.load(cache / "rooms-train.npz")["rooms"]
    assert len(rooms) == 7
    assert rooms[-1, 0] == 1 and rooms[-1, 800] == pytest.approx(0.25, abs=0.01)


def test_synthesized_speech_keeps_its_length_and_envelope_but_not_its_wave() -> None:
    speech = signals.speech_like(2)
    coded = synthesized(speech, np.random.default_rng(1))
    assert coded.shape == speech.shape and coded.dtype == np.float32
    assert si_sdr(speech, coded) < 10
    power, other = ((x[:31_744].reshape(-1, 512) ** 2).mean(1) for x in (speech, coded))
    assert np.corrcoef(power, other)[0, 1] > 0.8


def test_what_cannot_be_done_is_said(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="manifest"):
        data_folder(tmp_path)
    with pytest.raises(InputError, match="karaoke"):
        Mixer(cache).draw("karaoke", np.random.default_rng(0), 1000)

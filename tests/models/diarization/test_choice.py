"""Which diarizer a name stands for, with and without its weights."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import duplex
import duplex.batch.diarize
from duplex.models import store
from duplex.models.diarization import load_diarizer
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.segmentation import ENTRY
from duplex.streaming.errors import ModelError, SettingsError


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")


@pytest.mark.usefixtures("no_weights")
def test_without_weights_the_shipped_one_takes_its_place_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        diarizer = load_diarizer(None, name="auto")
    assert diarizer.name == "ls-eend" and "DUPLEX_OFFLINE" in caplog.text
    with pytest.raises(ModelError, match="DUPLEX_OFFLINE"):
        load_diarizer(None, name="segmentation")


def test_live_auto_never_pulls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.setattr(store, "fetch", lambda *_, **__: pytest.fail("pulled"))
    assert load_diarizer(0.4, name="auto").name == "ls-eend"


@pytest.mark.slow
def test_live_auto_takes_the_better_one_where_it_is() -> None:
    if store.find(ENTRY) is None:
        pytest.skip(f"{ENTRY} is not in the store: duplex models pull {ENTRY}")
    assert [load_diarizer(latency, name="auto").name for latency in (0.0, 0.4, 1.0)] == [
        "ls-eend",
        "segmentation",
        "segmentation",
    ]


def test_a_name_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="auto, ls-eend, segmentation, not 'best'"):
        duplex.batch.diarize.open_diarizer(None, 8, "best")
    with pytest.raises(SettingsError, match="diarizer"):
        duplex.Settings(diarizer="best")


@pytest.mark.slow
@pytest.mark.parametrize("latency", [None, 0.4])
def test_nobody_speaks_in_silence_and_hiss(latency: float | None) -> None:
    if store.find(ENTRY) is None:
        pytest.skip(f"{ENTRY} is not in the store: duplex models pull {ENTRY}")
    diarizer = load_diarizer(latency, name="segmentation")
    hiss = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * 1e-3
    found = probabilities(diarizer, np.concatenate([np.zeros(48_000, np.float32), hiss]))
    assert found.shape == (60, 8) and found.max() < 0.5

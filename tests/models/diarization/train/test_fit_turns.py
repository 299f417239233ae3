"""The quick error rate that turn settings are chosen by agrees with the field's."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train import evaluate, fit_turns
from duplex.models.diarization.train import scoring as sc
from duplex.models.diarization.train.eval_scenes import Scene
from duplex.models.diarization.turns import TurnSettings


def test_rates_by_kind() -> None:
    rng = np.random.default_rng(0)
    truth = [Turn(0.5, 6.0, "a"), Turn(5.0, 9.0, "b")]
    scene = Scene("2 speakers", np.zeros(16_000 * 10, np.float32), truth)
    said = np.full((100, 3), 0.1, np.float32)
    said[5:60, 1] = said[50:85, 0] = 0.8
    said += rng.normal(0, 0.15, said.shape).astype(np.float32)
    for settings in (TurnSettings(), TurnSettings(0.6, 0.6, 5, 3, 1)):
        exact = sc.error_times(truth, evaluate.turns_from(said, 10.0, settings), 10.0).rate
        found = fit_turns.rates([scene, scene], [said, said], settings)
        assert found == {"2 speakers": pytest.approx(exact, abs=1.0)} and exact > 0


def test_the_defaults_are_among_the_candidates() -> None:
    assert TurnSettings() in list(fit_turns.candidates())

"""Virtual time charges what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from duplex.settings import Settings
from duplex.testing import Answer, UserSpeech, scripted_engines
from duplex.testing.fakes import UserScript
from tests.benchmarks.costs import QUANTILES, TABLE, hold, measured_costs


def write(folder: Path, quantiles: list[float]) -> Path:
    path = folder / "costs.json"
    path.write_text(json.dumps({"machine": "a test", "steps": {"speak": {"quantiles": quantiles}}}))
    return path


def test_every_quantile_is_charged_once_in_a_round_and_early_rounds_are_fair(tmp_path: Path) -> None:
    quantiles = [float(number) for number in range(QUANTILES)]
    cost = measured_costs(write(tmp_path, quantiles))
    charged = [cost("speak") for _ in range(2 * QUANTILES)]
    assert sorted(charged[:QUANTILES]) == quantiles and charged[:QUANTILES] == charged[QUANTILES:]
    assert np.mean(charged[:8]) == pytest.approx(np.mean(quantiles), rel=0.15)


def test_a_step_that_was_not_measured_is_not_free_in_silence(tmp_path: Path) -> None:
    cost = measured_costs(write(tmp_path, [0.0] * QUANTILES))
    assert cost("load") == 0.0
    with pytest.warns(UserWarning, match="'endpoint' is not in"):
        assert cost("endpoint") == 0.0


def test_a_conversation_is_slower_by_what_is_charged() -> None:
    ask = UserSpeech(0.5, 1.5, "what time is it")

    def first_sound(cost: object) -> int:
        audio = UserScript((ask,)).audio(6.0)
        engines = scripted_engines([ask], [Answer("half past nine")])
        return hold(audio, engines, Settings(), cost)[0].of("reply")[0].first_audible  # type: ignore[arg-type]

    free, charged = first_sound(None), first_sound(lambda name: 0.25 if name == "speak" else 0.0)
    assert charged - free == pytest.approx(0.25 * 16_000, abs=320)


def test_the_table_of_the_repository_has_the_steps_of_a_session() -> None:
    steps = json.loads(TABLE.read_text())["steps"]
    assert {"recognize", "speak", "diarize", "restore"} <= set(steps)
    assert all(len(step["quantiles"]) == QUANTILES and step["p50"] > 0 for step in steps.values())

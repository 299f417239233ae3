"""Figures of known outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.interaction.nano.train.scoring import delays, responding, share, yielding
from duplex.models.interaction.nano.train.world import Outcome


def test_precision_recall_and_balance() -> None:
    found = [
        *[Outcome("turn", "respond", True, 0.5)] * 6,
        *[Outcome("turn", "respond", False)] * 2,
        *[Outcome("pause", "silent", True)] * 2,
        *[Outcome("side speech", "silent", False)] * 6,
    ]
    figures = responding(found)
    assert figures == pytest.approx({"precision": 0.75, "recall": 0.75, "f1": 0.75, "balanced": 0.75})
    assert share(found, ("pause",)) == 1.0 and np.isnan(share(found, ("noise",)))
    assert delays(found, "turn").tolist() == [0.5] * 6


def test_yielding_is_told_by_echo() -> None:
    found = [
        Outcome("barge-in", "yield", True, 0.8),
        Outcome("reply", "silent", False),
        Outcome("barge-in", "yield", False, echo=1.0),
        Outcome("echo", "silent", True, echo=1.0),
    ]
    assert yielding(found, 0.0)["f1"] == 1.0
    assert yielding(found, 1.0)["f1"] == 0.0
    assert yielding(found)["f1"] == 0.5

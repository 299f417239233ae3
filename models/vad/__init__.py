"""Voice activity detection: is somebody speaking in this frame?"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from duplex.models.vad.contract import ActivityFrame, VoiceActivityDetector
from duplex.streaming.errors import ModelError, SettingsError

__all__ = ["DETECTORS", "ActivityFrame", "VoiceActivityDetector", "at_threshold", "load_vad"]

DETECTORS = {
    "silero": ("duplex.models.vad.silero", "SileroVad"),
    "webrtc": ("duplex.models.vad.webrtc", "WebRtcVad"),
}
"""Name of each detector, the best one first, and the module and class that a first use imports."""


def at_threshold(detector: VoiceActivityDetector[Any], threshold: float) -> VoiceActivityDetector[Any] | None:
    """The same detector, harder (above 0.5, up to 1) or easier to convince that somebody speaks; at 0.5 as it is. None
    if it cannot be told so."""
    if threshold == 0.5:
        return detector
    moved = getattr(detector, "at", None)
    return None if moved is None else moved(threshold)


def load_vad(name: str = "auto", **settings: Any) -> VoiceActivityDetector[Any]:
    """The detector of that name; "auto": the best one that is installed.

    Raises ModelError for an unknown name or a detector that is not installed, SettingsError for settings that it does
    not have.
    """
    if name == "auto":
        *better, least = DETECTORS
        for each in better:
            with suppress(ModelError):
                return load_vad(each, **settings)
        return load_vad(least, **settings)
    if name not in DETECTORS:
        raise ModelError(f"there is no voice activity detector {name!r}; choose one of auto, {', '.join(DETECTORS)}")
    module, factory = DETECTORS[name]
    try:
        return getattr(import_module(module), factory)(**settings)
    except ImportError as error:
        raise ModelError(f"voice activity detector {name!r} needs a package that is not installed: {error}") from error
    except TypeError as error:
        raise SettingsError(f"voice activity detector {name!r}: {error}") from error

"""The API's turn detection, and the pauses, thresholds and limits of a session that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from duplex.floor_settings import FloorSettings
from duplex.serving.realtime.wire import ClientError, number_of, object_of, unsupported

SERVER_VAD = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500, "idle_timeout_ms": None}
EAGERNESS = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.6}
"""Of semantic_vad: by how much the pauses that end a turn are longer."""

IDLE = (5000, 30_000)
"""Milliseconds of silence after which a client may want the user to be prompted."""


def floor_with(floor: FloorSettings, detection: Mapping[str, Any]) -> FloorSettings:
    """The floor's pauses as the turn detection asks for them."""
    names = ("pause_sure", "pause_short", "pause_medium", "pause_long")
    if detection["type"] == "server_vad":
        pauses = dict.fromkeys(names, detection["silence_duration_ms"] / 1000)
    else:
        slower = EAGERNESS[detection["eagerness"]]
        pauses = {name: slower * getattr(floor, name) for name in names}
    return replace(floor, interruptions=bool(detection["interrupt_response"]), **pauses)


def padding(detection: Mapping[str, Any] | None) -> float:
    """Seconds of sound before speech that belong to it."""
    return (detection or {}).get("prefix_padding_ms", 0) / 1000


def parse_detection(given: object, kind: str = "realtime") -> dict[str, Any] | None:
    """kind: of session. None: the client says when a turn ends. Raises ClientError."""
    param = "session.audio.input.turn_detection"
    if given is None:
        return None
    asked = object_of(given, param)
    answers = {"create_response": kind == "realtime", "interrupt_response": True}
    whole: dict[str, Any]
    match asked.get("type"):
        case "server_vad":
            whole = {"type": "server_vad", **SERVER_VAD, **answers}
        case "semantic_vad":
            whole = {"type": "semantic_vad", "eagerness": "auto", **answers}
        case _:
            raise ClientError(f"{param}.type: must be server_vad or semantic_vad", "invalid_value", f"{param}.type")
    for name, value in asked.items():
        if name not in whole:
            raise ClientError(f"{param} has no field {name[:100]!r}", "unknown_parameter", f"{param}.{name[:100]}")
        if name == "idle_timeout_ms" and value is not None and kind == "transcription":
            raise unsupported("idle_timeout_ms", f"{param}.{name}", "a transcription session has no responses")
        if value is not None:
            whole[name] = _CHECKS[name](value, f"{param}.{name}")
    return whole


def _eagerness(value: object, param: str) -> str:
    if not isinstance(value, str) or value not in EAGERNESS:
        raise ClientError(f"{param}: must be one of {', '.join(EAGERNESS)}", "invalid_value", param)
    return value


def _idle(value: object, param: str) -> float:
    return number_of(value, param, *IDLE)


_CHECKS: dict[str, Callable[[Any, str], object]] = {
    "type": lambda value, param: value,
    "threshold": lambda value, param: number_of(value, param, 0.0, 1.0),
    "prefix_padding_ms": lambda value, param: number_of(value, param, 0, 5000),
    "silence_duration_ms": lambda value, param: number_of(value, param, 100, 10_000),
    "idle_timeout_ms": _idle,
    "create_response": flag_of,
    "interrupt_response": flag_of,
    "eagerness": _eagerness,
}

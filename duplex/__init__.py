"""Duplex: full-duplex speech in Python. It hears while it speaks.

Blocking functions for files, a stage for live arrays, an async session for conversations:

    words = duplex.transcribe("meeting.wav")
    turns = duplex.diarize("meeting.wav")

    async with duplex.Session(duplex.Settings()) as session:
        session.feed(block)
        async for event in session.events():
            ...

Importing this package is cheap; what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "AudioChunk": "streaming.audio",
    "DeviceError": "streaming.errors",
    "DuplexError": "streaming.errors",
    "EndpointError": "streaming.errors",
    "InputError": "streaming.errors",
    "ModelError": "streaming.errors",
    "OutputError": "streaming.errors",
    "Microphone": "duplex.microphone.microphone",
    "Restorer": "duplex.restoration",
    "Session": "duplex.session",
    "Settings": "duplex.settings",
    "SettingsError": "streaming.errors",
    "SystemClock": "streaming.clock",
    "VirtualClock": "streaming.clock",
    "diarize": "duplex.diarizing",
    "restore": "duplex.restoration",
    "run": "duplex.running",
    "serve": "duplex.serving.serve",
    "transcribe": "duplex.transcribing",
}

__all__ = [
    "AudioChunk",
    "DeviceError",
    "DuplexError",
    "EndpointError",
    "InputError",
    "Microphone",
    "ModelError",
    "OutputError",
    "Restorer",
    "Session",
    "Settings",
    "SettingsError",
    "SystemClock",
    "VirtualClock",
    "__version__",
    "diarize",
    "restore",
    "run",
    "serve",
    "transcribe",
]

if TYPE_CHECKING:
    from duplex.diarizing import diarize
    from duplex.microphone.microphone import Microphone
    from duplex.restoration import Restorer, restore
    from duplex.running import run
    from duplex.serving.serve import serve
    from duplex.session import Session
    from duplex.settings import Settings
    from duplex.transcribing import transcribe
    from streaming.audio import AudioChunk
    from streaming.clock import SystemClock, VirtualClock
    from streaming.errors import (
        DeviceError,
        DuplexError,
        EndpointError,
        InputError,
        ModelError,
        OutputError,
        SettingsError,
    )


def _check_floors() -> None:
    """`streaming` and `models` are generic names: say so if another package of that name is found first."""
    home = Path(__file__).resolve().parent.parent
    for name in ("streaming", "models"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or Path(spec.origin).resolve().parent.parent != home:
            found = "nothing" if spec is None else (spec.origin or "a namespace package")
            raise ImportError(
                f"duplex needs its own package {name!r}, in {home}, but Python finds {found} under that name: "
                f"rename or move the other one, or start Python elsewhere"
            )


_check_floors()


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'duplex' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

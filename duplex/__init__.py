"""Duplex: full-duplex speech in Python. It hears while it speaks.

Blocking functions for files, a stage for live arrays, an async session for conversations:

    words = duplex.transcribe("meeting.wav")
    turns = duplex.diarize("meeting.wav")
    lines = duplex.translate("meeting.wav", to="de")

    async with duplex.Session(duplex.Settings()) as session:
        session.feed(block)
        async for event in session.events():
            ...

Importing this package is cheap; what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "AudioChunk": "duplex.streaming.audio",
    "DeviceError": "duplex.streaming.errors",
    "DuplexError": "duplex.streaming.errors",
    "EndpointError": "duplex.streaming.errors",
    "InputError": "duplex.streaming.errors",
    "ModelError": "duplex.streaming.errors",
    "OutputError": "duplex.streaming.errors",
    "Microphone": "duplex.microphone.microphone",
    "Restorer": "duplex.models.restoration.restorer",
    "Session": "duplex.conversation.session",
    "Settings": "duplex.settings",
    "SettingsError": "duplex.streaming.errors",
    "SystemClock": "duplex.streaming.clock",
    "ToolError": "duplex.models.interaction.tools.tool",
    "VirtualClock": "duplex.streaming.clock",
    "diarize": "duplex.batch.diarize",
    "restore": "duplex.batch.restore",
    "run": "duplex.batch.run",
    "say": "duplex.batch.say",
    "serve": "duplex.serving.serve",
    "tool": "duplex.models.interaction.tools.tool",
    "transcribe": "duplex.batch.transcribe",
    "translate": "duplex.batch.translate",
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
    "ToolError",
    "VirtualClock",
    "__version__",
    "diarize",
    "restore",
    "run",
    "say",
    "serve",
    "tool",
    "transcribe",
    "translate",
]

if TYPE_CHECKING:
    from duplex.batch.diarize import diarize
    from duplex.batch.restore import restore
    from duplex.batch.run import run
    from duplex.batch.say import say
    from duplex.batch.transcribe import transcribe
    from duplex.batch.translate import translate
    from duplex.conversation.session import Session
    from duplex.microphone.microphone import Microphone
    from duplex.models.interaction.tools.tool import ToolError, tool
    from duplex.models.restoration.restorer import Restorer
    from duplex.serving.serve import serve
    from duplex.settings import Settings
    from duplex.streaming.audio import AudioChunk
    from duplex.streaming.clock import SystemClock, VirtualClock
    from duplex.streaming.errors import (
        DeviceError,
        DuplexError,
        EndpointError,
        InputError,
        ModelError,
        OutputError,
        SettingsError,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'duplex' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})

"""What the people in a room can switch, and what the server pauses under load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from duplex.conversation.session import Session
from duplex.serving.hosts.shedding import Step


class RoomSwitches:
    """Restoration and assistant of one session. diarizes: whether it tells people on one channel apart.

    restoration: the task that was asked for; it may be paused.
    """

    def __init__(self, restoration: str, assistant: bool, *, diarizes: bool, session: Callable[[], Session | None]):
        self.restoration = restoration
        self.assistant = assistant
        self.paused = False
        """Whether restoration is paused under load."""
        self._diarizes = diarizes
        self._session = session
        self._shed: list[Step] = []
        self._switching = asyncio.Lock()

    def as_dict(self) -> dict[str, Any]:
        return {"restoration": self.restoration, "paused": self.paused, "assistant": self.assistant}

    def load(self) -> dict[str, Any]:
        """The message about load: whether the server is overloaded, and what this room does without."""
        concerned = [step for step in self._shed if self.concerned(step)]
        return {
            "type": "load",
            "overloaded": bool(self._shed),
            "shed": [step.name for step in concerned],
            "text": " ".join(step.told for step in concerned),
        }

    @property
    def given_up(self) -> tuple[Step, ...]:
        """Steps of load shedding that hold now."""
        return tuple(self._shed)

    def assist(self, on: bool) -> None:
        self.assistant = on
        if (session := self._session()) is not None:
            session.assist(on)

    async def restore(self, task: str) -> None:
        """Switch restoration, unless it is paused: then when it is back. Raises ModelError."""
        async with self._switching:
            session = self._session()
            if not self.paused and session is not None:
                await session.restore(task)
            self.restoration = task

    def concerned(self, step: Step) -> bool:
        """Whether giving up that step changes anything here."""
        match step.name:
            case "restoration":
                return self.restoration != ""
            case "diarization":
                return self._diarizes
        return False

    async def shed(self, step: Step, on: bool) -> None:
        """Give a step up for a while (True), or take it up again. Raises ModelError."""
        self._shed = [each for each in self._shed if each != step] + ([step] if on else [])
        session = self._session()
        match step.name:
            case "restoration":
                async with self._switching:
                    self.paused = on
                    if self.restoration and session is not None:
                        await session.restore("" if on else self.restoration)
            case "diarization" if session is not None:
                session.host.diarize(not on)

"""What the assistant is doing, in one word, from the events of its session."""

from __future__ import annotations

from typing import Any

from duplex import events as ev
from duplex.streaming.audio import SAMPLE_RATE


class AssistantStatus:
    """`update` with every event; what it returns is for the page."""

    def __init__(self) -> None:
        self.state = "listening"
        self.word = ""
        self.latency_ms: float | None = None
        """End of the user's speech to the first audible sample of the last reply."""
        self._silent_since: dict[int, int] = {}

    def as_dict(self) -> dict[str, Any]:
        told = {"type": "state", "assistant": self.state}
        return told | {"word": self.word} if self.word else told

    def update(self, event: ev.Event) -> dict[str, Any] | None:
        """The new state as a message, if it has changed."""
        before = (self.state, self.word)
        match event:
            case ev.Decision(kind="endpoint" | "turn_limit" | "announce", start=since, epoch=epoch):
                self.state, self.word = "thinking", ""
                self._silent_since = {epoch: since}
            case ev.Decision(kind="withdraw" | "nothing_said"):
                self.state, self.word = "listening", ""
            case ev.ReplyStarted(start=start, epoch=epoch):
                self.state, self.word = "speaking", ""
                if epoch in self._silent_since:
                    self.latency_ms = 1000.0 * (start - self._silent_since.pop(epoch)) / SAMPLE_RATE
            case ev.Resumed():
                self.state, self.word = "speaking", ""
            case ev.Suspended():
                self.state, self.word = "listening", ""
            case ev.Interrupted(heard=heard):
                self.state, self.word = "interrupted", heard.split()[-1] if heard.split() else ""
            case ev.SpeechStarted() if self.state in ("interrupted", "thinking"):
                self.state, self.word = "listening", ""
            case ev.Controlled(action="stop"):  # an answer without words
                self.state, self.word = "listening", ""
            case ev.Reply(interrupted=False):
                self.state, self.word = "listening", ""
        return self.as_dict() if (self.state, self.word) != before else None

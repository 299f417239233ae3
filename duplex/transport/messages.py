"""The data channel's messages: JSON objects both ways, with limits on what one page may send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from duplex.streaming.clock import Clock
from duplex.streaming.queues import BoundedQueue

LONGEST = 262_144
"""Bytes of an incoming message, as our session descriptions have them (`max-message-size`)."""

RATE = 50.0
"""Messages per second that a page may send for long; BURST at once."""

BURST = 100.0

UNREAD = 256
"""Messages that wait to be read; the oldest give way."""


def encode(message: Mapping[str, Any]) -> str:
    """Compact JSON. NaN and infinity, which JSON has not, are refused with ValueError, like anything unserialisable."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Inbox:
    """Messages of one page. What is too large, too frequent or no JSON object is counted and dropped."""

    def __init__(self, clock: Clock) -> None:
        self.refused: Callable[[str], None] | None = None
        """Told of each message that is dropped, why."""
        self.taken = 0
        self.oversize = 0
        self.flooded = 0
        self.malformed = 0
        self._clock = clock
        self._tokens = BURST
        self._filled = clock.now()
        self._messages: BoundedQueue[dict[str, Any]] = BoundedQueue(UNREAD, "drop_oldest", "messages")

    @property
    def dropped(self) -> int:
        return self.oversize + self.flooded + self.malformed + self._messages.dropped

    def receive(self, text: str | bytes) -> None:
        """A message, now. Never raises on what the page sends."""
        if self._messages.closed:
            return
        if not self._allowed():
            self.flooded += 1
            self._refuse("there are too many messages: wait a little")
            return
        if len(text) > LONGEST or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > LONGEST):
            self.oversize += 1
            self._refuse(f"a message may have {LONGEST} bytes")
            return
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.malformed += 1
            self._refuse("a message must be a JSON object")
            return
        self.taken += 1
        self._messages.put_nowait(message)

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return aiter(self._messages)

    def close(self) -> None:
        self._messages.close()

    def _refuse(self, why: str) -> None:
        if self.refused is not None:
            self.refused(why)

    def _allowed(self) -> bool:
        now = self._clock.now()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

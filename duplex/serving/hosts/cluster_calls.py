"""What a cluster's front end knows of rooms and calls, whichever worker holds them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from duplex.serving.hosts.cluster_workers import WorkerHandle
from duplex.serving.hosts.contract import News
from duplex.serving.http.call_request import CallRequest
from duplex.serving.rooms.event_log import MOST


@dataclass(eq=False)
class PlacedRoom:
    """What the front end knows of a room. worker: None while it has none. key: its name, or its one call's id."""

    key: str
    began: float
    worker: WorkerHandle | None = None
    id: str = ""
    """As its worker knows it; empty before the first news."""
    events: list[dict[str, Any]] = field(default_factory=list)
    end: int = 0
    """The number of events there have been."""
    placing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def page(self, since: int, most: int | None) -> dict[str, Any]:
        """As `EventLog.page`, of the front end's copy."""
        oldest = self.end - len(self.events)
        first = min(max(since, oldest), self.end)
        last = self.end if most is None else min(self.end, first + most)
        return {"events": self.events[first - oldest : last - oldest], "next": last, "end": self.end}

    def follow(self, news: News, since: int) -> None:
        """Add what was said since event number `since` to the copy."""
        if self.id and news.room != self.id:  # an earlier room of that name: the copy begins anew
            self.id, self.events, self.end = news.room, [], 0
        elif self.end == since:
            self.id = news.room
            self.events.extend(news.events)
            del self.events[:-MOST]
            self.end = news.end


@dataclass(eq=False)
class PlacedCall:
    id: str
    request: CallRequest
    room: PlacedRoom
    made: dict[str, Any]
    """What `create` said of it."""
    worker: WorkerHandle | None = None
    """Where it is; another than the room's if the room has moved on without it."""
    captions: str = ""
    """The language in which the person reads them; empty: none."""
    lost_since: float | None = None
    over: bool = False
    own_wire: bool = False
    """Whether it is held on a wire of its own, which does not outlive its worker."""

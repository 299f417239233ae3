"""The items of a conversation, as the API shows them, and where each lies in the session's history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from duplex.serving.realtime.wire import ClientError, new_id, unsupported

MOST = 1000
"""Items that are kept, as many as utterances of a session's history; the oldest are forgotten."""


ROOT = "root"
"""Stands for the item before the first."""

APART = 64
"""Samples between the places of items that are written at one time: others may be put between them."""


@dataclass(slots=True)
class Item:
    """role: "user", "assistant" or "system". content: the API's parts. start: sample of the session at which its
    utterance begins in the history; None while it is not there. words: of speech, (milliseconds of sound, characters of
    the transcript) up to the end of each. kind: the API's type; of what is no message, fields has the API's own."""

    role: str
    content: list[dict[str, Any]]
    id: str = field(default_factory=lambda: new_id("item"))
    status: str = "completed"
    start: int | None = None
    words: list[tuple[int, int]] = field(default_factory=list)
    sent: int = 0
    """Milliseconds of its sound that were sent."""
    heard: str = ""
    """What its sound says, whether or not the client wants to see that."""
    before: str = ""
    """What the same utterance of the history says before it."""
    kind: str = "message"
    fields: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        whole = {"id": self.id, "object": "realtime.item", "type": self.kind, "status": self.status}
        if self.kind != "message":
            return {**whole, **self.fields}
        return {
            **whole,
            "role": self.role,
            "content": [dict(part) for part in self.content],
        }

    @property
    def text(self) -> str:
        """What it says."""
        return self.heard or "\n".join(part.get("text") or part.get("transcript") or "" for part in self.content)

    @property
    def spoken(self) -> bool:
        """Whether it is sound of the user."""
        return any(part.get("type") == "input_audio" for part in self.content)

    def characters_until(self, end: int) -> int:
        """Of the transcript, up to the last word that ends within the first `end` milliseconds of sound."""
        return max((characters for at, characters in self.words if at <= end), default=0)

    def heard_until(self, end: int) -> str:
        """What of its speech is heard in the first `end` milliseconds."""
        return self.text if end >= self.sent else self.text[: self.characters_until(end)]


def function_call(name: str, arguments: str, call_id: str = "", id: str = "") -> Item:
    """arguments: JSON."""
    fields = {"name": name, "call_id": call_id or new_id("call"), "arguments": arguments}
    return Item("", [], id or new_id("item"), kind="function_call", fields=fields)


class Items:
    """In the order of the conversation."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items.values()))

    @property
    def last(self) -> str | None:
        return next(reversed(self._items), None)

    def start_after(self, id: str | None, now: int) -> int:
        """The sample at which an item that is put after this one begins in the history; after the last: now, or as soon
        as another has not begun yet. Raises ClientError if there is no room."""
        ids = list(self._items)
        split = 0 if id in (None, ROOT) else ids.index(id) + 1
        starts = [self._items[each].start for each in ids]
        before = [start for start in starts[:split] if start is not None]
        behind = [start for start in starts[split:] if start is not None]
        if not behind:
            return max([now, *(start + APART for start in before)])
        if not before:
            return min(behind) - APART
        place = (max(before) + min(behind)) // 2
        if not max(before) < place < min(behind):
            raise unsupported("an item between these two", "previous_item_id", "nothing more fits there")
        return place

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts it after the item of this id, or at the end. Returns the id of the item before it. Raises ClientError if
        there is one of its id."""
        if item.id in self._items:
            raise ClientError(f"there is an item {item.id!r} already", "item_already_exists", "item.id")
        last = self.last
        before = last if after is None else None if after == ROOT else after
        if before == last:
            self._items[item.id] = item
        else:
            whole = list(self._items.values())
            place = 0 if before is None else list(self._items).index(before) + 1
            self._items = {each.id: each for each in (*whole[:place], item, *whole[place:])}
        if len(self._items) > MOST:
            del self._items[next(iter(self._items))]
        return before

    def before(self, item: Item) -> str | None:
        """The id of the item before this one."""
        ids = list(self._items)
        place = ids.index(item.id) if item.id in self._items else 0
        return ids[place - 1] if place else None

    def find(self, id: object) -> Item:
        """Raises ClientError."""
        found = self._items.get(id) if isinstance(id, str) else None
        if found is None:
            raise ClientError("there is no item of this id in the conversation", "item_not_found", "item_id")
        return found

    def call(self, call_id: object) -> Item | None:
        """The call of a function that has this id."""
        calls = (item for item in self._items.values() if item.kind == "function_call")
        return next((item for item in calls if item.fields["call_id"] == call_id), None)

    def remove(self, item: Item) -> None:
        self._items.pop(item.id, None)

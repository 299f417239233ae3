"""Lists by name ("my shopping list").

What is on one follows from what was said, like memory; nothing is stored here. "The list" is the one named last.
"""

from __future__ import annotations

import re
from collections import defaultdict

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.words import sentences

_ADDING = (
    "(put|add|write) {items} (on|to|onto|in) [the|my|our] {name} list",
    "(put|add|write) {items} (on|to|onto) [the|my|our] list",
)
_TAKING = (
    "(remove|delete|take|cross|strike|scratch) {items} (from|off) [of] [the|my|our] {name} list",
    "(remove|delete|take|cross|strike|scratch) {items} (from|off) [of] [the|my|our] list",
)
_CLEARING = (
    "(clear|empty|delete|erase) [the|my|our] {name} list",
    "(clear|empty|delete|erase) [the|my|our] list",
)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|some|my)\s+", re.IGNORECASE)


class Lists(Skill):
    title = "lists"
    offer = "keep lists"

    @phrases(*_ADDING)
    def add(self, slots: Slots, request: Request) -> Reply | None:
        items = _items(slots)
        if not items:
            return None
        return Reply.say(f"{_joined(items)} {_are(items)} on your {_name(slots) or _kept(request)[1]} list.")

    @phrases(*_TAKING)
    def take(self, slots: Slots, request: Request) -> Reply:
        lists, last = _kept(request)
        name = _name(slots) or last
        gone = [item for item in _items(slots) if item.casefold() in lists[name]]
        if not gone:
            return Reply.say(f"That is not on your {name} list.")
        return Reply.say(f"{_joined(gone)} {_are(gone)} off your {name} list.")

    @phrases(*_CLEARING)
    def clear(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"Your {_name(slots) or _kept(request)[1]} list is empty now.")

    @phrases(
        "[read me|tell me] (what is|what do i have|what have i got|what have i) on [the|my|our] {name} list",
        "[read me|tell me] (what is|what do i have|what have i got|what have i) on [the|my|our] list",
        "(read|show|tell) [me] [the|my|our] {name} list",
        "(read|show|tell) [me] (the|my|our) list",
    )
    def read(self, slots: Slots, request: Request) -> Reply:
        return _told(_name(slots), request)

    @phrases("(what do|what should) (i|we) [need|have] to buy")
    def read_shopping(self, slots: Slots, request: Request) -> Reply:
        return _told("shopping", request)


def _told(name: str, request: Request) -> Reply:
    lists, last = _kept(request)
    name = name or last
    items = lists[name].values()
    return Reply.say(f"On your {name} list: {', '.join(items)}." if items else f"Your {name} list is empty.")


def _kept(request: Request) -> tuple[dict[str, dict[str, str]], str]:
    """(the lists by name, the name of the last one), after everything that was said so far."""
    lists: dict[str, dict[str, str]] = defaultdict(dict)
    last = "shopping"
    for heard in request.history:
        if heard.party != request.party:
            continue
        for words in sentences(heard.text):
            for wordings, change in ((_ADDING, _put), (_TAKING, _drop), (_CLEARING, _empty)):
                slots = next(
                    (slots for text in wordings for slots in template(text).matches(tuple(words), heard.text)), None
                )
                if slots is not None:
                    last = _name(slots) or last
                    change(lists[last], slots)
                    break
    return lists, last


def _put(items: dict[str, str], slots: Slots) -> None:
    items.update({item.casefold(): item for item in _items(slots)})


def _drop(items: dict[str, str], slots: Slots) -> None:
    for item in _items(slots):
        items.pop(item.casefold(), None)


def _empty(items: dict[str, str], slots: Slots) -> None:
    items.clear()


def _items(slots: Slots) -> list[str]:
    parts = (_ARTICLE.sub("", part.strip()) for part in _AND.split(slots.quote("items")))
    return [part for part in parts if part]


def _name(slots: Slots) -> str:
    name = slots["name"] if "name" in slots else ""  # noqa: SIM401 (no mapping)
    return "" if name in ("the", "my", "our", "a") else name


def _are(items: list[str]) -> str:
    return "is" if len(items) == 1 else "are"


def _joined(items: list[str]) -> str:
    text = items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
    return text[0].upper() + text[1:]

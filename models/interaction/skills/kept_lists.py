"""What lists hold, after everything that was said: nothing is stored but the conversation itself.

A list changes by what its owner asked for, and by what the assistant said that it did ("Milk is on your shopping
list."), which counts the same when a model understood the request and no wording here does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.words import Word, sentences

FIRST = "shopping"
"""The list that is meant where none was named."""

ADDING = (
    "(put|add|write) {items} (on|to|onto|in) [the|my|our] {name} list",
    "(put|add|write) {items} (on|to|onto) [the|my|our] list",
    "(on|to) (the|my|our) {name} list (put|add|write) {items}",
    "(on|to) (the|my|our) list (put|add|write) {items}",
)
ADDING_WANTED = (
    "(we|i) (need|still need|also need|need to buy|need to get|want|are out of|ran out of|have no) {items} "
    "(put|add|write) (it|them|that|those) (on|to|onto) [the|my|our] {name} list",
    "(we|i) (need|still need|also need|need to buy|need to get|want|are out of|ran out of|have no) {items} "
    "(put|add|write) (it|them|that|those) (on|to|onto) [the|my|our] list",
)
"""The thing is named before the order, which only points to it."""
TAKING = (
    "(remove|delete|take|cross|strike|scratch) {items} (from|off) [of] [the|my|our] {name} list",
    "(remove|delete|take|cross|strike|scratch) {items} (from|off) [of] [the|my|our] list",
    "i (already have|have already|have|already bought|bought|got|do not need) [the] {items} [any more|anymore] "
    "(remove|delete|take|cross|strike|scratch) (it|them|that|those) (from|off) [of] [the|my|our] {name} list",
    "i (already have|have already|have|already bought|bought|got|do not need) [the] {items} [any more|anymore] "
    "(remove|delete|take|cross|strike|scratch) (it|them|that|those) (from|off) [of] [the|my|our] list",
)
CLEARING = (
    "(clear|empty|delete|erase|wipe|reset|throw away|discard) [the|my|our] {name} list",
    "(clear|empty|delete|erase|wipe|reset|throw away|discard) [the|my|our] list",
    "(remove|delete|take|cross|erase) (everything|all|all items|all things) (from|off) [of] [the|my|our] {name} list",
    "(remove|delete|take|cross|erase) (everything|all|all items|all things) (from|off) [of] [the|my|our] list",
)
_ADDED = ("{items} (is|are) on your {name} list",)
_TAKEN = ("{items} (is|are) off your {name} list",)
_CLEARED = ("your {name} list is empty now",)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|some|my)\s+", re.IGNORECASE)


def kept_lists(request: Request) -> tuple[dict[str, dict[str, str]], str]:
    """(items by name of their list, each by its casefolded text; the name of the list that was spoken of last)."""
    lists: dict[str, dict[str, str]] = defaultdict(dict)
    last = FIRST
    owner = ""
    for heard in request.history:
        asked = heard.party != "assistant"
        owner = heard.party if asked else owner
        if owner != request.party:
            continue
        wordings = ((CLEARING, _empty), ((*ADDING_WANTED, *ADDING), _put), (TAKING, _drop))
        confirmed = ((_ADDED, _put), (_TAKEN, _drop), (_CLEARED, _empty))
        for words in sentences(heard.text):
            for texts, change in wordings if asked else confirmed:
                slots = _matching(texts, words, heard.text)
                if slots is not None:
                    last = list_name(slots) or last
                    change(lists[last], slots)
                    break
    return lists, last


def listed_items(slots: Slots) -> list[str]:
    """The single things of "milk, some eggs and bread"."""
    return split_items(slots.quote("items"))


def split_items(text: str) -> list[str]:
    """The same of a text."""
    parts = (_ARTICLE.sub("", part.strip()) for part in _AND.split(text))
    return [part for part in parts if part]


def list_name(slots: Slots) -> str:
    """Which list is meant; empty for the one spoken of last."""
    name = slots.get("name")
    return "" if name in ("the", "my", "our", "a") else name


def _matching(texts: Sequence[str], words: Sequence[Word], source: str) -> Slots | None:
    return next((slots for text in texts for slots in template(text).matches(tuple(words), source)), None)


def _put(items: dict[str, str], slots: Slots) -> None:
    for item in listed_items(slots):
        items.setdefault(item.casefold(), item)


def _drop(items: dict[str, str], slots: Slots) -> None:
    for item in listed_items(slots):
        items.pop(item.casefold(), None)


def _empty(items: dict[str, str], slots: Slots) -> None:
    items.clear()

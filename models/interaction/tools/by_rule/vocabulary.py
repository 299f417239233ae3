"""What a tool is called by: its verb, its nouns, and the words of its description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from duplex.models.interaction.skills.subjects import content, stem
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.tool import Tool
from duplex.models.turn_taking.word_lists import word_set

_KINDS: dict[str, frozenset[str]] = {
    "get": word_set("get show list find search read check tell look fetch give query lookup describe count what say"),
    "set": word_set(
        "set turn switch put change adjust make dim control toggle brighten activate deactivate enable disable"
    ),
    "open": word_set("open unlock raise lift"),
    "close": word_set("close shut lock"),
    "start": word_set("start begin launch run resume"),
    "stop": word_set("stop end quit halt pause"),
    "add": word_set("add create make put insert schedule save store log record new enter"),
    "delete": word_set("delete remove erase clear cancel drop"),
    "send": word_set("send write text message mail email tell post"),
    "play": word_set("play listen hear put"),
    "call": word_set("call phone ring dial"),
    "order": word_set("book reserve order buy get"),
    "convert": word_set("convert change translate turn"),
    "translate": word_set("translate say"),
    "feed": word_set("feed water"),
    "move": word_set("move go drive"),
}
"""Verbs that ask for the same kind of deed."""
ASKING_KIND = "get"
"""What only tells something; all other kinds do something, which no question asks for."""
NAMING_KINDS = frozenset(["play", "translate", "call"])
"""What is ordered by its verb and what it is done to alone: "play Yesterday"."""
_ALIKE = (
    word_set("light lamp bulb"),
    word_set("mail email"),
    word_set("music song track"),
    word_set("calendar appointment meeting event schedule"),
    word_set("message text sms"),
    word_set("film movie"),
    word_set("heating thermostat temperature heat"),
    word_set("blind shutter curtain"),
    word_set("weather forecast"),
    word_set("stock share"),
    word_set("picture photo image"),
)
"""Nouns that people use for one another."""
_GENERIC = word_set(
    "the a an of for in by to from with and or at on my new all current now tool api value data info information "
    "status state specific given between user it its do"
)
_ASKED = word_set("what which who where when how tell like give get say one something somebody")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Called:
    """verbs: kinds of what the tool does, empty if its name has no verb; verb: that word. nouns: stems of what it does
    it to. told: stems of its description."""

    verb: str
    verbs: frozenset[str]
    nouns: tuple[str, ...]
    told: frozenset[str]

    @classmethod
    def of(cls, tool: Tool) -> Called:
        return _called(tool.name, tool.description, tuple(tool.parameters.get("properties", ())))

    @property
    def does(self) -> bool:
        """Whether it changes something, so that only an order calls it."""
        return bool(self.verbs) and ASKING_KIND not in self.verbs


def kinds(verb: str) -> frozenset[str]:
    """The kinds of deed that a verb asks for."""
    return frozenset(kind for kind, verbs in _KINDS.items() if verb in verbs)


def alike(one: str, other: str) -> bool:
    """Whether two stems name the same thing."""
    return one == other or any(one in stems and other in stems for stems in _alike_stems())


def name_words(name: str) -> Iterator[str]:
    """ "set_roomLight2" → set, room, light."""
    for part in _PARTS.finditer(name):
        yield part[0].lower()


@lru_cache(maxsize=1)
def _alike_stems() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(stem, words)) for words in _ALIKE)


@lru_cache(maxsize=1024)
def _called(name: str, description: str, parameters: tuple[str, ...]) -> Called:
    words = [word for word in name_words(name) if word not in _GENERIC] or [*name_words(name)]
    verb = words[0] if words and kinds(words[0]) else ""
    nouns = [stem(word) for word in words[1 if verb else 0 :]]
    given = {stem(word) for parameter in parameters for word in name_words(parameter)}
    # "set_room_temperature(room, ...)": the room is an argument, which need not be called a room.
    nouns = [noun for noun in nouns if noun not in given] or nouns
    first = re.split(r"(?<=[.;])\s|\n", description)[0]
    told = content([word for word in plain(first).split() if word not in _GENERIC | _ASKED])
    return Called(verb, kinds(verb), tuple(nouns), frozenset(told))

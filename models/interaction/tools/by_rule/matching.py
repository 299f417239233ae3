"""Which tool a turn asks for, if any. In doubt none: a tool that nobody wanted does more harm than another question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from duplex.models.interaction.skills.beyond import is_question
from duplex.models.interaction.skills.phonetic_match import likeness, sounds
from duplex.models.interaction.skills.subjects import stem
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.by_rule.arguments import Parameters
from duplex.models.interaction.tools.by_rule.utterance import Utterance
from duplex.models.interaction.tools.by_rule.values import LEAST_LETTERS, SOUNDS_ALIKE, plain_schema
from duplex.models.interaction.tools.by_rule.vocabulary import ASKING_KIND, NAMING_KINDS, Called, alike, kinds
from duplex.models.interaction.tools.tool import Tool
from duplex.models.turn_taking.word_lists import word_set

MOST_WORDS = 30
"""A longer turn is a story."""
MOST_UNEXPLAINED = 0.34
"""Of the words with a meaning, beside what the tool and its arguments account for."""
FEW_UNEXPLAINED = 0.2
"""The same of what is no order with a verb of the tool's kind."""
MOST_ELLIPTIC = 5
"""Words of an order without a verb: "kitchen light off"."""
LEAST_TOLD = 2
"""Words of its description that call a tool whose name is not said."""
_NOT = word_set("not never nobody nothing don't no")
_PAST = word_set("was were did had went said told")


@dataclass(slots=True)
class Wanted:
    """A call that a turn asks for. missing: required arguments that were not said. score: how surely it is meant."""

    tool: Tool
    arguments: dict[str, Any]
    missing: list[str] = field(default_factory=list)
    score: float = 0.0


def wanted(text: str, tools: Iterable[Tool], now: datetime) -> Wanted | None:
    """The tool that the turn asks for, with the arguments that it names; the first of those that fit best."""
    if not (words := plain(text).split()) or len(words) > MOST_WORDS:
        return None
    asking = is_question(text, words)
    found = [each for tool in tools if (each := _wanted(text, tool, now, asking=asking)) is not None]
    return max(found, key=lambda each: each.score, default=None)


def nearest(text: str, tool: Tool, now: datetime) -> Wanted:
    """The call of this tool with what the turn has for it: a text that nothing else tells is the rest of the turn, or
    all of it."""
    said, parameters = Utterance(text, now), Parameters(tool.parameters)
    called = Called.of(tool)
    if said.texts:
        _use_verb(called, said)
        nouns = _use_nouns(called, said)
        parameters.fill_exact(said)
        parameters.fill_phrases(said, nouns, ordered=True)
    for name in parameters.missing:
        schema = plain_schema(tool.parameters["properties"][name])
        free = schema.get("type", "string") == "string" and not schema.keys() & {"enum", "format", "pattern"}
        if not parameters.take(name, Utterance(text, now)) and free and text.strip():
            parameters.found[name] = text.strip()
    return Wanted(tool, parameters.found, parameters.missing)


def _wanted(text: str, tool: Tool, now: datetime, *, asking: bool) -> Wanted | None:
    said, called = Utterance(text, now), Called.of(tool)
    if not said.texts or any(word in _NOT for word in said.texts):
        return None
    asked = kinds(said.texts[0])
    if not _may_be_meant(called, said, asked, asking=asking):
        return None
    parameters = Parameters(tool.parameters)
    verb = _use_verb(called, said)
    nouns = _use_nouns(called, said)
    parameters.fill_exact(said)
    ordered = verb or (bool(nouns) and bool(asked & called.verbs) and not asking)
    named = len(nouns) / len(called.nouns) if called.nouns else float(verb)
    named += _named_by_values(called, parameters, nouns) if verb else 0.0
    told = 0.0
    if not _is_named(called, said, nouns, named) and not (verb and called.verbs & NAMING_KINDS):
        told = _told(called, said)
        if not told:
            return None
    parameters.fill_phrases(said, nouns, ordered=ordered)
    telling = len(said.unexplained())
    explained = sum(said.used)
    if not parameters.found and (not (nouns or told) or (called.does and not asked)):
        return None
    if telling > (MOST_UNEXPLAINED if asked & called.verbs else FEW_UNEXPLAINED) * (telling + explained):
        return None
    if not verb and not asking and not asked & called.verbs and len(said.texts) > MOST_ELLIPTIC:
        return None
    if any(plain_schema(tool.parameters["properties"][name]).get("type") == "object" for name in parameters.missing):
        return None  # which nobody says in a sentence
    full = 1.0 - len(parameters.missing) / max(1, len(parameters.found) + len(parameters.missing))
    score = 2.0 * min(1.0, named) + told + verb + 0.5 * bool(asked & called.verbs) + 0.5 * full - 0.1 * telling
    return Wanted(tool, parameters.found, parameters.missing, score)


def _may_be_meant(called: Called, said: Utterance, asked: frozenset[str], *, asking: bool) -> bool:
    """Whether the turn has the form of a call: an order for what does something, a question for what only tells."""
    question = asking and not asked
    if called.does:
        # "Did you open the door?" asks about it, "close the door" wants another thing.
        return not question and (bool(asked & called.verbs) or (not asked and _PAST.isdisjoint(said.texts)))
    if called.verbs and asked and not asked & called.verbs:
        return False
    return question or bool(asked & (called.verbs or {ASKING_KIND})) or len(said.texts) <= MOST_ELLIPTIC


def _use_verb(called: Called, said: Utterance) -> bool:
    """Whether the turn begins with a verb of the tool's kind; the verb is accounted for."""
    if not called.verb or not kinds(said.texts[0]) & called.verbs:
        return False
    said.use(0, 1)
    # The word itself, not only one of its kind.
    return said.texts[0] == called.verb


def _use_nouns(called: Called, said: Utterance) -> list[int]:
    """The places of the tool's nouns in the turn; they are accounted for."""
    places = []
    for noun in called.nouns:
        for place, word in enumerate(said.stems):
            near = (
                min(len(word), len(noun)) >= LEAST_LETTERS and likeness(sounds([word]), sounds([noun])) >= SOUNDS_ALIKE
            )
            # "Text Anna" has the message in its verb.
            if (not said.used[place] or place == 0) and (alike(word, noun) or near):
                said.use(place, place + 1)
                places.append(place)
                break
    return places


def _named_by_values(called: Called, parameters: Parameters, nouns: list[int]) -> float:
    """What a value says of the noun that it is one of: "3 pm" is the time of `convert_time`."""
    if not called.nouns or len(nouns) == len(called.nouns):
        return 0.0
    found = {stem(name) for name in parameters.found}
    return sum(noun in found for noun in called.nouns) / len(called.nouns)


def _is_named(called: Called, said: Utterance, nouns: list[int], named: float) -> bool:
    """Whether enough of the name is said: all of its nouns, or the first, which tells the others apart."""
    if not called.nouns:
        return named >= 1.0
    if named >= 0.99:
        return True
    return bool(nouns) and named >= 0.5 and alike(said.stems[nouns[0]], called.nouns[0])


def _told(called: Called, said: Utterance) -> float:
    """How much of what is said the description has: nearly all, and enough of it, or nothing."""
    places = [place for place, word in enumerate(said.stems) if word in called.told]
    if len({said.stems[place] for place in places}) < LEAST_TOLD:
        return 0.0
    for place in places:
        said.use(place, place + 1)
    return 1.0

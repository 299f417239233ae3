"""A tool's arguments out of what was said, by its JSON schema: numbers, times, choices, yes and no, phrases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from duplex.models.interaction.skills.kept_lists import split_items
from duplex.models.interaction.skills.subjects import stem
from duplex.models.interaction.tools.by_rule.utterance import EMPTY, Utterance
from duplex.models.interaction.tools.by_rule.values import exact_value, form_of, known_openings, plain_schema
from duplex.models.interaction.tools.by_rule.vocabulary import name_words
from duplex.models.turn_taking.word_lists import word_set

MOST_TEXT = 30
MOST_REST = 6
"""Words of a phrase that nothing but its place says to be an argument."""

_ANY_OPENING = word_set("in at to for of from with about on named called")
_TEXTS = word_set("text message content body note msg description reminder")
_SAYING = word_set("saying says")
_PEOPLE = word_set("recipient contact receiver person to name")


class Parameters:
    """The parameters of a tool, and those of an utterance that were found for them.

    found: arguments as the schema wants them. missing: required ones that were not said, in the schema's order.
    loose: whether one was taken by its place alone, from the rest of what was said.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
        self._required = [name for name in self._properties if name in schema.get("required", ())]
        self.found: dict[str, Any] = {}
        self.loose = False

    @property
    def missing(self) -> list[str]:
        return [name for name in self._required if name not in self.found]

    def fill_exact(self, said: Utterance) -> None:
        """What the words themselves tell: choices, times, numbers, yes and no."""
        every = [(name, plain_schema(schema)) for name, schema in self._properties.items()]
        for choice in (True, False):  # "the blue one": a choice is surer than a number that may be part of it
            for name, schema in every:
                if name not in self.found and ("enum" in schema) is choice:
                    self._keep(name, exact_value(name, schema, said))

    def fill_phrases(self, said: Utterance, nouns: Sequence[int], *, ordered: bool) -> None:
        """Texts by what opens them, by what stands beside the tool's noun (nouns: places), or, if ordered, the rest."""
        texts = [name for name, schema in self._texts() if name not in self.found]
        opened = sorted(texts, key=lambda name: _is_text(name))  # a message runs to the end: the recipient comes first
        for name in opened:
            self._keep_phrase(name, _opened(name, said) or (_addressed(name, said) if ordered else None))
        for name in [name for name in texts if name not in self.found]:
            place = next((found for noun in nouns if (found := said.beside(noun)) is not None), None)
            self.loose |= place is not None
            if place is None and ordered and (place := said.rest(trimmed=not _is_text(name))) is not None:
                place = place if _is_text(name) or place[1] - place[0] <= MOST_REST else None
                self.loose |= place is not None
            self._keep_phrase(name, place and (*place, said))
            if place is not None:
                break
        for name, schema in self._properties.items():
            if name not in self.found and plain_schema(schema).get("type") == "array" and ordered:
                self._keep(name, _listed(said))

    def take(self, name: str, said: Utterance) -> bool:
        """The whole utterance as the answer to the question for this argument; False if it is none."""
        schema = plain_schema(self._properties[name])
        value = exact_value(name, schema, said)
        if (
            value is None
            and schema.get("type", "string") == "string"
            and "enum" not in schema
            and not form_of(name, schema)
        ):
            words = said.rest()
            if _is_text(name):
                words = 0, len(said.texts)
            value = (
                said.quote(*words)
                if words and words[1] - words[0] <= (MOST_TEXT if _is_text(name) else MOST_REST)
                else None
            )
        self._keep(name, value)
        return value is not None

    def question(self, name: str) -> str:
        """What asks for a missing argument."""
        schema = plain_schema(self._properties[name])
        spoken = " ".join(name_words(name)) or name
        if "enum" in schema:
            choices = [str(choice).replace("_", " ") for choice in schema["enum"]]
            return f"Which {spoken}: {', '.join(choices[:-1])} or {choices[-1]}?" if len(choices) > 1 else f"{spoken}?"
        if schema.get("type") == "boolean":
            return (
                "On or off?"
                if stem(spoken) in ("on", "enabl", "activ", "state")
                else f"{spoken.capitalize()}: yes or no?"
            )
        if (kind := form_of(name, schema)) in ("time", "moment"):
            return "At what time?"
        if kind == "date":
            return "For which day?"
        if schema.get("type") in ("number", "integer"):
            return f"How many {spoken}?" if spoken.endswith("s") else f"What {spoken}?"
        if _is_text(name):
            return "What should it say?"
        return "To whom?" if spoken in ("recipient", "contact", "to") else f"For which {spoken}?"

    def _texts(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, schema in self._properties.items():
            inner = plain_schema(schema)
            if inner.get("type", "string") == "string" and "enum" not in inner and not form_of(name, inner):
                yield name, inner

    def _keep(self, name: str, value: Any) -> None:
        if value is not None:
            self.found[name] = value

    def _keep_phrase(self, name: str, phrase: tuple[int, int, Utterance] | None) -> None:
        if phrase is not None:
            start, end, said = phrase
            said.use(max(0, start - 1) if start and said.texts[start - 1] in EMPTY else start, end)
            self.found[name] = said.quote(start, end)


def _listed(said: Utterance) -> list[str] | None:
    words = said.rest()
    if words is None:
        return None
    said.use(*words)
    return split_items(said.quote(*words))


def _is_text(name: str) -> bool:
    return not _TEXTS.isdisjoint(name_words(name))


def _opened(name: str, said: Utterance) -> tuple[int, int, Utterance] | None:
    """The phrase that a preposition opens for a parameter of this name, or quotation marks hold."""
    words = set(name_words(name))
    if _is_text(name):
        place = said.quoted() or said.phrase_after(_SAYING, to_end=True) or said.phrase_after(["that"], to_end=True)
        return (*place, said) if place else None
    place = said.phrase_after(known_openings(name) or _ANY_OPENING)
    if place is not None and words & _PEOPLE:
        place = place[0], _end_of_name(said, *place)
    return (*place, said) if place else None


def _addressed(name: str, said: Utterance) -> tuple[int, int, Utterance] | None:
    """Who is named directly after the verb: "send Anna a message", "call my mother"."""
    place = 1 + (said.texts[1:2] == ["my"])
    if (
        _PEOPLE.isdisjoint(name_words(name))
        or place >= len(said.texts)
        or said.used[place]
        or said.texts[place] in EMPTY
    ):
        return None
    end = place
    while end < len(said.texts) and not said.used[end] and said.texts[end] not in EMPTY:
        end += 1
    return (place, _end_of_name(said, place, end), said)


def _end_of_name(said: Utterance, start: int, end: int) -> int:
    """Where a person's name ends: with its capitals, where the words have such, else with its first word."""
    first = start + (said.texts[start] in ("my", "the", "our"))
    last = first + 1
    while (
        last < end and said.source[said.words[last].start].isupper() and said.source[said.words[first].start].isupper()
    ):
        last += 1
    return min(last, end)

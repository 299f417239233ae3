"""How a request can be worded: templates and cues.

A template, in the notation of Home Assistant's intents: `[word]` may be left out, `(a|b)` is a choice, `{slot}` is one
or more words that the skill itself makes sense of. "set [a|the] timer for {duration}" is a template. Of choices that
begin alike the longer comes first.

A cue is for requests without slots that have too many wordings: words that must all be there, in any order, among
words that carry nothing. "volume|sound up|raise" takes "could you turn the volume up a bit".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce

from duplex.models.interaction.skills.words import Word
from duplex.models.turn_taking.word_lists import word_set

_PART = re.compile(r"\[|\]|\(|\)|\||\{[a-z_]+\}|[^\s\[\](){}|]+")
LONGEST_FIRST_SLOT = 24
"""Words that the first of several slots may hold."""
_MEANING = {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}


# Words that change nothing about what is asked for. "not" is no such word.
_NEUTRAL = word_set(
    "a an the my your you i it it's this that these there here is are was be am been being do does did have has had "
    "can could would will shall should must may might me we us to of in on for at by with from than and so very much "
    "more little bit lot some any just now right again want need like get got make let go give tell know see if what "
    "how way kindly ahead rather quite even still thing things one ones as possible then"
)


@dataclass(frozen=True, slots=True)
class Gist:
    """What wordings are ruled out by, of the words of a request: the distinct ones, their number, both ends."""

    texts: frozenset[str]
    count: int
    first: str
    last: str

    @classmethod
    def of(cls, words: Sequence[Word]) -> Gist:
        """words: at least one."""
        return cls(frozenset([word.text for word in words]), len(words), words[0].text, words[-1].text)


class Slots:
    """What the slots of a template hold: `slots["x"]` as plain words, `slots.quote("x")` as it was said."""

    def __init__(self, match: re.Match[str] | None, words: Sequence[Word], source: str) -> None:
        self._match = match
        self._words = words
        self._source = source

    def __contains__(self, slot: str) -> bool:
        return self._match is not None and slot in self._match.re.groupindex

    def __getitem__(self, slot: str) -> str:
        return (self._match[slot] or "").strip() if self._match else ""

    def get(self, slot: str) -> str:
        """The same; empty if the wording has no such slot."""
        return (self._match[slot] or "").strip() if self._match is not None and slot in self else ""

    @property
    def text(self) -> str:
        """All the plain words of the request."""
        return " ".join(word.text for word in self._words)

    def words(self, slot: str) -> list[str]:
        return self[slot].split()

    def quote(self, slot: str) -> str:
        """The characters of the source that the slot covers."""
        if self._match is None:
            return ""
        before = self._match.string[: self._match.start(slot)].count(" ")
        covered = self._words[before : before + len(self.words(slot))]
        if not covered:
            return ""
        # Of a question that was put in another order (`indirect`), the words stand elsewhere in the source.
        return self._source[min(word.start for word in covered) : max(word.end for word in covered)]


class Template:
    """One wording of a request.

    required: groups of words; text that matches has a word of each. shortest, longest: how many words it can have.
    first, last: words that it can begin and end with, None if any.
    """

    def __init__(self, template: str) -> None:
        self.template = template
        self._slots = template.count("{")
        outline = _outline(template)
        self.required = tuple(outline.groups)
        self.shortest, self.longest = outline.shortest, outline.longest
        self.first, self.last = outline.first, outline.last

    @property
    def _any(self) -> re.Pattern[str]:
        return _compiled(self.template, 0)

    def may_match(self, gist: Gist) -> bool:
        """A cheap necessary condition for a match."""
        return (
            self.shortest <= gist.count <= self.longest
            and (self.first is None or gist.first in self.first)
            and (self.last is None or gist.last in self.last)
            and not any(map(gist.texts.isdisjoint, self.required))
        )

    def matches(self, words: Sequence[Word], source: str) -> Iterator[Slots]:
        """The ways in which all of `words` together are this template.

        Where one of two slots ends and the next begins ("remind me to {task} [at] {moment}") only the skill can tell:
        every length of the first one is offered, shortest first.
        """
        text = _joined(words)
        if not self._any.fullmatch(text):
            return
        lengths = range(1, min(len(words), LONGEST_FIRST_SLOT + 1)) if self._slots > 1 else (0,)
        for length in lengths:
            match = _compiled(self.template, length).fullmatch(text)
            if match:
                yield Slots(match, words, source)


class Cue:
    """Groups of words, one of each group needed: "volume|sound up|raise"."""

    def __init__(self, cue: str) -> None:
        self.required = tuple(frozenset(group.split("|")) for group in cue.split())
        self._allowed = _NEUTRAL.union(*self.required)

    def may_match(self, gist: Gist) -> bool:
        """Whether there is a word of each group and none that the cue does not allow."""
        return not any(map(gist.texts.isdisjoint, self.required)) and gist.texts <= self._allowed

    def matches(self, words: Sequence[Word], source: str) -> Iterator[Slots]:
        if self.may_match(Gist.of(words)):
            yield Slots(None, words, source)


def _joined(words: Sequence[Word]) -> str:
    return "".join([f" {word.text}" for word in words])


@cache
def template(text: str) -> Template:
    return Template(text)


@cache
def cue(text: str) -> Cue:
    return Cue(text)


_ENDLESS = 10**6


@dataclass(slots=True)
class _Outline:
    """What can be said of a (piece of a) template without matching it.

    groups: text that matches has a word of each. shortest, longest: how many words it can have. first, last: the words
    that it can begin and end with; None if any.
    """

    groups: list[frozenset[str]] = field(default_factory=list)
    shortest: int = 0
    longest: int = 0
    first: frozenset[str] | None = frozenset()
    last: frozenset[str] | None = frozenset()

    def append(self, other: _Outline) -> None:
        if self.shortest == 0:
            self.first = _either(self.first, other.first)
        self.last = other.last if other.shortest else _either(self.last, other.last)
        self.groups += other.groups
        self.shortest += other.shortest
        self.longest = min(_ENDLESS, self.longest + other.longest)


def _either(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def _outline(template: str) -> _Outline:
    parts = _PART.findall(template)
    outline, end = _sequence(parts, 0)
    assert end == len(parts), template
    outline.groups.sort(key=len)  # the group with the fewest words rules out most
    return outline


def _sequence(parts: Sequence[str], at: int) -> tuple[_Outline, int]:
    """The outline of parts[at:] up to a closing bracket or bar, and the place of that."""
    found = _Outline()
    while at < len(parts) and parts[at] not in ("]", ")", "|"):
        part = parts[at]
        at += 1
        if part.startswith("{"):
            found.append(_Outline([], 1, _ENDLESS, None, None))
        elif part in "[(":
            choices = []
            while True:
                choice, at = _sequence(parts, at)
                choices.append(choice)
                at += 1
                if parts[at - 1] != "|":
                    break
            one = _Outline(
                shortest=0 if part == "[" else min(choice.shortest for choice in choices),
                longest=max(choice.longest for choice in choices),
                first=reduce(_either, (choice.first for choice in choices)),
                last=reduce(_either, (choice.last for choice in choices)),
            )
            if part == "(" and all(choice.groups for choice in choices):
                one.groups = [frozenset().union(*(min(choice.groups, key=len) for choice in choices))]
            found.append(one)
        else:
            word = frozenset([part])
            found.append(_Outline([word], 1, 1, word, word))
    return found, at


@cache
def _compiled(template: str, first_length: int) -> re.Pattern[str]:
    """The template as a regular expression; `first_length`: words in its first slot, 0 for any number."""
    # Every word is matched together with the space before it, so optional words leave no stray space.
    pattern = "".join(_translate(part) for part in _PART.findall(template))
    if first_length:
        pattern = pattern.replace("+?)", f"{{{first_length}}})", 1)
    return re.compile(pattern)


def _translate(part: str) -> str:
    if part in _MEANING:
        return _MEANING[part]
    if part.startswith("{"):
        return rf"(?P<{part[1:-1]}>(?: \S+)+?)"
    return re.escape(" " + part)

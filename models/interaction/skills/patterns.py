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
from functools import cache

from duplex.models.interaction.skills.words import Word
from duplex.models.turn_taking.word_lists import word_set

_PART = re.compile(r"\[|\]|\(|\)|\||\{[a-z_]+\}|[^\s\[\](){}|]+")
_MEANING = {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}


# Words that change nothing about what is asked for. "not" is no such word.
_NEUTRAL = word_set(
    "a an the my your you i it it's this that these there here is are was be am been being do does did have has had "
    "can could would will shall should must may might me we us to of in on for at by with from than and so very much "
    "more little bit lot some any just now right again want need like get got make let go give tell know see if what "
    "how way kindly ahead rather quite even still thing things one ones as possible then"
)


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
        return self._source[covered[0].start : covered[-1].end] if covered else ""


class Template:
    """One wording of a request."""

    def __init__(self, template: str) -> None:
        self.template = template
        self._slots = template.count("{")
        self._any = _compiled(template, 0)

    def matches(self, words: Sequence[Word], source: str) -> Iterator[Slots]:
        """The ways in which all of `words` together are this template.

        Where one of two slots ends and the next begins ("remind me to {task} [at] {moment}") only the skill can tell:
        every length of the first one is offered, shortest first.
        """
        text = "".join(f" {word.text}" for word in words)
        if not self._any.fullmatch(text):
            return
        lengths = range(1, len(words)) if self._slots > 1 else (0,)
        for length in lengths:
            match = _compiled(self.template, length).fullmatch(text)
            if match:
                yield Slots(match, words, source)


class Cue:
    """Groups of words, one of each group needed: "volume|sound up|raise"."""

    def __init__(self, cue: str) -> None:
        self._groups = [frozenset(group.split("|")) for group in cue.split()]
        self._allowed = _NEUTRAL.union(*self._groups)

    def matches(self, words: Sequence[Word], source: str) -> Iterator[Slots]:
        texts = [word.text for word in words]
        if all(text in self._allowed for text in texts) and all(group.intersection(texts) for group in self._groups):
            yield Slots(None, words, source)


@cache
def template(text: str) -> Template:
    return Template(text)


@cache
def cue(text: str) -> Cue:
    return Cue(text)


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

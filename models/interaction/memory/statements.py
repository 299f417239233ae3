"""What of a turn is worth a note: what it asks to be remembered, and what people tell of themselves."""

from __future__ import annotations

from collections.abc import Iterator

from duplex.models.interaction.skills.kept_facts import asked_to_remember
from duplex.models.interaction.skills.patterns import template
from duplex.models.interaction.skills.subjects import content
from duplex.models.interaction.skills.words import Word, sentences
from duplex.models.turn_taking.word_lists import word_set

_OF_ONESELF = (
    ("name", "my name is {fact}"),
    ("name", "[please] call me {fact}"),
    ("home", "i live (in|at|near|on) {fact}"),
    ("work", "i work (as|at|for|in) {fact}"),
    ("", "i am allergic to {fact}"),
    ("", "i (do not|can not|never) eat {fact}"),
    ("", "i am [a] (vegetarian|vegan|diabetic|deaf|blind)"),
    ("", "i (like|love|prefer|hate|dislike) {fact}"),
    ("", "i do not like {fact}"),
    ("birthday", "my birthday is {fact}"),
    ("birthday", "i was born (on|in) {fact}"),
)
_KIND = "my (favorite|favourite) {kind} is {fact}"
_RELATIVE = (
    "my {relative} (is called|is named) {fact}",
    "my {relative}'s name is {fact}",
    "my {relative} name is {fact}",
)
_FLEETING = word_set("it that this them these those you him her back later tomorrow now so to how what when if")
"""What a liking or a request does not lead to a note with: it is about this conversation."""
_PLACES = word_set("in at on under behind near by beside above below inside over next")
MOST_WORDS = 12
"""Of what people tell of themselves: more is a story, not a trait."""


def worth_noting(text: str) -> Iterator[tuple[str, str]]:
    """(what to note, as it was said; what it settles, "" if nothing) for each sentence that has something."""
    for sentence in sentences(text):
        asked = asked_to_remember(sentence, text)
        if asked:
            yield asked, _settles(asked)
        elif (subject := _told(sentence, text)) is not None:
            yield text[sentence[0].start : sentence[-1].end], subject


def _settles(fact: str) -> str:
    """The subject of a fact of which there is one at a time: who somebody is, where something is."""
    for sentence in sentences(fact):
        told = _told(sentence, fact)
        if told:
            return told
        words = [word.text for word in sentence]
        for at, word in enumerate(words[:-1]):
            if word in ("is", "are") and words[at + 1] in _PLACES:
                about = content(words[:at])
                return f"place of {' '.join(sorted(about))}" if about else ""
    return ""


def _told(sentence: tuple[Word, ...], source: str) -> str | None:
    """What a sentence about oneself settles, "" if nothing; None for any other sentence."""
    if len(sentence) > MOST_WORDS or not {"i", "me", "my"} & {word.text for word in sentence}:
        return None
    for subject, wording in _OF_ONESELF:
        for slots in template(wording).matches(sentence, source):
            if "fact" not in slots or not _fleeting(slots.words("fact")):
                return subject
    for slots in template(_KIND).matches(sentence, source):
        return f"favorite {' '.join(sorted(content(slots.words('kind'))))}"
    for wording in _RELATIVE:
        for slots in template(wording).matches(sentence, source):
            if about := content(slots.words("relative")):
                return f"name of {' '.join(sorted(about))}"
    return None


def _fleeting(words: list[str]) -> bool:
    return words[0] in _FLEETING or not content(words)

"""What is to be remembered, after everything that was said: nothing is stored but the conversation itself.

A fact is an utterance that asked to be remembered; so memory holds exactly what the session's record holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.pronouns import to_speaker
from duplex.models.interaction.skills.subjects import content
from duplex.models.interaction.skills.words import Word, plain, sentences
from duplex.models.turn_taking.consent import is_yes
from duplex.models.turn_taking.word_lists import word_set

STATEMENTS = (
    "remember [this|for me] [that] {fact}",
    "(keep in mind|bear in mind|memorize|do not forget|never forget) [that] {fact}",
    "(note|take note|make a note|take a note) [that|of] {fact}",
    "do not let me forget that {fact}",
    "i want you to remember [that] {fact}",
)
_ASKING = word_set("remember mind note memorize forget")
FORGETTING = (
    "forget [what i said|what i told you|everything|all] [about] [the|my] {subject}",
    "forget (everything|all)",
)
CONFIRMED = "i will remember that {fact}"
ASKED_TO_FORGET = "shall i forget {subject}"


@dataclass(frozen=True, slots=True)
class Fact:
    """What somebody asked to be remembered, and when."""

    text: str
    by: str
    at: float


def kept_facts(request: Request) -> list[Fact]:
    """What is to be remembered after everything heard so far, oldest first."""
    kept: list[Fact] = []
    by, asked = "", False
    doubted: frozenset[str] | None = None
    """What the assistant has just asked whether to forget."""
    for heard in request.history:
        if heard.party == "assistant":
            doubted = None
            for sentence in sentences(heard.text):
                if (slots := _first(ASKED_TO_FORGET, sentence, heard.text)) is not None:
                    everything = slots["subject"] == "everything"
                    doubted = frozenset() if everything else frozenset(content(slots.words("subject")))
                # What a model kept for the user, whose own words were no wording of this: the answer is the record.
                elif by and not asked and (slots := _first(CONFIRMED, sentence, heard.text)) is not None:
                    kept.append(Fact(to_speaker(slots.quote("fact")), by, heard.end))
            continue
        if doubted is not None and is_yes(heard.text):
            kept = _without(kept, doubted)
        by, asked, doubted = heard.party, False, None
        for sentence in sentences(heard.text):
            text = _fact(sentence, heard.text)
            asked = asked or bool(text)
            if text:
                kept.append(Fact(text, heard.party, heard.end))
                continue
            wanted = _forgetting(sentence, heard.text)
            if wanted is not None:
                kept = _without(kept, wanted)
    return kept


def _without(kept: list[Fact], wanted: frozenset[str]) -> list[Fact]:
    """The facts that are not about `wanted`; none, if it is empty."""
    return [fact for fact in kept if wanted and not wanted & content(plain(fact.text).split())]


def _first(wording: str, words: tuple[Word, ...], source: str) -> Slots | None:
    return next(template(wording).matches(words, source), None)


def _fact(words: tuple[Word, ...], source: str) -> str:
    """What the words ask to be remembered, as it was said; what leads to that ("okay could you") is passed over."""
    if _ASKING.isdisjoint(word.text for word in words):
        return ""
    for start in range(min(len(words), 6)):
        for wording in STATEMENTS:
            for slots in template(wording).matches(words[start:], source):
                said = slots.words("fact")
                if is_fact(said):
                    return slots.quote("fact")
    return ""


def is_fact(words: Sequence[str]) -> bool:
    """Whether the words after "remember" state something, instead of asking or ordering."""
    return words[0] not in ("to", "when", "what", "where", "who", "how", "if", "me") and bool(content(words))


def _forgetting(words: tuple[Word, ...], source: str) -> frozenset[str] | None:
    """The content words of what is to be forgotten, empty for everything, None if nothing is."""
    if words[0].text != "forget":
        return None
    for wording in FORGETTING:
        for slots in template(wording).matches(words, source):
            return forgotten(slots)
    return None


def forgotten(slots: Slots) -> frozenset[str] | None:
    """The content words of what a request names to be forgotten, empty for everything, None if it is no such thing."""
    if "subject" not in slots:
        return frozenset()
    subject = slots.words("subject")
    if set(subject) & {"timer", "timers", "it", "alarm", "reminder"}:
        return None
    return frozenset(content(subject)) or None


def matching_facts(wanted: set[str], candidates: list[Fact]) -> list[Fact]:
    """The facts that share most words with what is wanted, latest first."""
    scored = [(len(wanted & content(plain(fact.text).split())), place) for place, fact in enumerate(candidates)]
    best = max((score for score, _ in scored), default=0)
    return [candidates[place] for score, place in reversed(scored) if score == best] if best else []

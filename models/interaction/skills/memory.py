"""Remembering: what the user asked to be remembered, and what was said.

Nothing is stored here. What was heard is in the history, and a fact is an utterance that asked to be remembered; so
memory holds exactly what the session's record holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.durations import say_ago
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.subjects import content
from duplex.models.interaction.skills.transcript import quote
from duplex.models.interaction.skills.words import Word, plain, sentences
from duplex.models.turn_taking.word_lists import word_set

_STATEMENTS = (
    "remember [this|for me] [that] {fact}",
    "(keep in mind|bear in mind|memorize|do not forget|never forget) [that] {fact}",
    "(note|take note|make a note|take a note) [that|of] {fact}",
    "do not let me forget that {fact}",
    "i want you to remember [that] {fact}",
)
_ASKING = word_set("remember mind note memorize forget")
_FORGETTING = (
    "forget [what i said|what i told you|everything|all] [about] [the|my] {subject}",
    "forget (everything|all)",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """What somebody asked to be remembered, and when."""

    text: str
    by: str
    at: float


class Memory(Skill):
    title = "memory"
    offer = "remember things for you"

    @phrases(*_STATEMENTS)
    def remember(self, slots: Slots, request: Request) -> Reply | None:
        words = slots.words("fact")
        if words[0] in ("to", "when", "what", "where", "who", "how", "if", "me") or not content(words):
            return None
        return Reply.say(f"I will remember that {to_hearer(slots.quote('fact'))}.")

    @phrases(*_FORGETTING)
    def forget(self, slots: Slots, request: Request) -> Reply | None:
        wanted = _forgotten(slots)
        if wanted is None:
            return None
        gone = [fact for fact in facts(request) if not wanted or wanted & content(plain(fact.text).split())]
        return Reply.say("I will not bring that up again." if gone else "There was nothing to forget.")

    @phrases(
        "(where|when|who|what) (is|are|was|were) [the|my|our] {subject}",
        "where did (i|we) (put|park|leave|place|hide|store|keep) [the|my|our] {subject}",
        "where (do|have) (i|we) (have|keep|put|parked|left) [the|my|our] {subject}",
        "(which|what) {kind} (is|are|was) [the|my|our] {subject} [on|in|at]",
        "what was (it|that) about {subject}",
    )
    def ask(self, slots: Slots, request: Request) -> Reply | None:
        wanted = content(slots.words("subject"))
        found = _matching(wanted, facts(request)) if wanted else []
        return Reply.say(_told(found[0], request)) if found else None

    @phrases(
        "do you remember {subject}",
        "what do you (remember|know) [about] {subject}",
        "do you know [anything] about [my] {subject}",
        "tell me what you (know|remember) about {subject}",
    )
    def recall(self, slots: Slots, request: Request) -> Reply | None:
        wanted = content(slots.words("subject"))
        found = _matching(wanted, facts(request)) if wanted else []
        if found:
            return Reply.say(" ".join(_told(fact, request) for fact in found[:2]))
        return quote(slots["subject"], request, request.party)

    @phrases(
        "what (do|can) you remember",
        "what (should|did) (you|i ask you to|i tell you to) remember",
        "what (have|did) i (asked|ask|told|tell) you to remember",
        "(list|tell me) (everything|all|what) you remember",
        "what is in your memory",
    )
    def everything(self, slots: Slots, request: Request) -> Reply:
        found = facts(request)
        if not found:
            return Reply.say("You have not asked me to remember anything.")
        return Reply.say(" ".join(_told(fact, request) for fact in found[-3:]))


def facts(request: Request) -> list[Fact]:
    """What is to be remembered after everything heard so far, oldest first."""
    kept: list[Fact] = []
    for heard in request.history:
        if heard.party == "assistant":
            continue
        for sentence in sentences(heard.text):
            text = _fact(sentence, heard.text)
            if text:
                kept.append(Fact(text, heard.party, heard.end))
                continue
            wanted = _forgetting(sentence, heard.text)
            if wanted is not None:
                kept = [fact for fact in kept if wanted and not wanted & content(plain(fact.text).split())]
    return kept


def _fact(words: tuple[Word, ...], source: str) -> str:
    """What the words ask to be remembered, as it was said; what leads to that ("okay could you") is passed over."""
    if _ASKING.isdisjoint(word.text for word in words):
        return ""
    for start in range(min(len(words), 6)):
        for wording in _STATEMENTS:
            for slots in template(wording).matches(words[start:], source):
                said = slots.words("fact")
                if said[0] not in ("to", "when", "what", "where", "who", "how", "if", "me") and content(said):
                    return slots.quote("fact")
    return ""


def _forgetting(words: tuple[Word, ...], source: str) -> frozenset[str] | None:
    """The content words of what is to be forgotten, empty for everything, None if nothing is."""
    if words[0].text != "forget":
        return None
    for wording in _FORGETTING:
        for slots in template(wording).matches(words, source):
            return _forgotten(slots)
    return None


def _forgotten(slots: Slots) -> frozenset[str] | None:
    if "subject" not in slots:
        return frozenset()
    subject = slots.words("subject")
    if set(subject) & {"timer", "timers", "it", "alarm", "reminder"}:
        return None
    return frozenset(content(subject)) or None


def _matching(wanted: set[str], candidates: list[Fact]) -> list[Fact]:
    """The facts that share most words with what is wanted, latest first."""
    scored = [(len(wanted & content(plain(fact.text).split())), place) for place, fact in enumerate(candidates)]
    best = max((score for score, _ in scored), default=0)
    return [candidates[place] for score, place in reversed(scored) if score == best] if best else []


def _told(fact: Fact, request: Request) -> str:
    who = "you" if fact.by == request.party else fact.by
    when = say_ago(request.now - fact.at)
    return f"{when[0].upper()}{when[1:]} {who} told me: {fact.text.rstrip('.')}."

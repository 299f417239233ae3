"""Remembering: what the user asked to be remembered, and what was said.

Nothing is stored here. What was heard is in the history, and a fact is an utterance that asked to be remembered; facts
of earlier conversations come as the request's notes.
"""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.interaction.contract import Note, Request, Utterance
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
_FORGETTING_LAST = "forget (that|it|what i just said|what i just told you) [again|please]"
_FORGETTING = (
    "forget [what i said|what i told you|everything|all] [about] [the|my] {subject}",
    "forget (everything|all)",
)


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
        gone = [fact for fact in facts(request) if _meant(fact, wanted)]
        return Reply.say("I will not bring that up again." if gone else "There was nothing to forget.")

    @phrases(_FORGETTING_LAST)
    def forget_last(self, slots: Slots, request: Request) -> Reply | None:
        gone = to_be_forgotten(request.text, facts(request), _before(request.history, request.party))
        return Reply.say("I will not bring that up again.") if gone else None

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


def facts(request: Request) -> list[Note]:
    """What is to be remembered after everything heard so far, oldest first."""
    kept = list(request.notes)
    for place, heard in enumerate(request.history):
        if heard.party == "assistant":
            continue
        gone = to_be_forgotten(heard.text, kept, _before(request.history[:place], heard.party))
        kept = [fact for fact in kept if fact not in gone or fact.at > heard.end]
        for sentence in sentences(heard.text):
            if text := asked_to_remember(sentence, heard.text):
                kept = [fact for fact in kept if plain(fact.text) != plain(text)]
                kept.append(Note(text, heard.party, heard.end))
    return kept


def asked_to_remember(words: tuple[Word, ...], source: str) -> str:
    """What the words ask to be remembered, as it was said; what leads to that ("okay could you") is passed over."""
    if _ASKING.isdisjoint(word.text for word in words):
        return ""
    for start in range(min(len(words), 6)):
        if [word.text for word in words[max(0, start - 2) : start]] in (["do", "you"], ["did", "you"]):
            continue  # a question
        for wording in _STATEMENTS:
            for slots in template(wording).matches(words[start:], source):
                said = slots.words("fact")
                if said[0] not in ("to", "when", "what", "where", "who", "how", "if", "me") and content(said):
                    return slots.quote("fact")
    return ""


def to_be_forgotten(text: str, notes: Sequence[Note], before: Utterance | None) -> list[Note]:
    """Those of the notes that `text` asks to be forgotten; before: what its speaker said last, to which "forget that"
    may point."""
    gone: list[Note] = []
    for words in sentences(text) if "forget" in text.lower() else ():
        if words[0].text != "forget":
            continue
        if any(True for _ in template(_FORGETTING_LAST).matches(words, text)):
            gone += [note for note in notes[-1:] if before is not None and note.at >= before.start]
        for wording in _FORGETTING:
            for slots in template(wording).matches(words, text):
                wanted = _forgotten(slots)
                gone += [note for note in notes if wanted is not None and _meant(note, wanted)]
    return gone


def _meant(note: Note, wanted: frozenset[str]) -> bool:
    return not wanted or bool(wanted & content(plain(note.text).split()))


def _before(history: Sequence[Utterance], party: str) -> Utterance | None:
    return next((heard for heard in reversed(history) if heard.party == party), None)


def _forgotten(slots: Slots) -> frozenset[str] | None:
    if "subject" not in slots:
        return frozenset()
    subject = slots.words("subject")
    if set(subject) & {"timer", "timers", "it", "alarm", "reminder"}:
        return None
    return frozenset(content(subject)) or None


def _matching(wanted: set[str], candidates: list[Note]) -> list[Note]:
    """The facts that share most words with what is wanted, latest first."""
    scored = [(len(wanted & content(plain(fact.text).split())), place) for place, fact in enumerate(candidates)]
    best = max((score for score, _ in scored), default=0)
    return [candidates[place] for score, place in reversed(scored) if score == best] if best else []


def _told(fact: Note, request: Request) -> str:
    who = "you" if fact.by == request.party else fact.by
    when = say_ago(request.now - fact.at)
    return f"{when[0].upper()}{when[1:]} {who} told me: {fact.text.rstrip('.')}."

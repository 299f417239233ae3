"""What is to be remembered, after everything that was said.

Nothing is stored here: a fact is an utterance that asked to be remembered; those of earlier conversations come as the
request's notes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from duplex.models.interaction.contract import Note, Request, Utterance
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
_FORGETTING = word_set("forget erase delete stop")
FORGETTING_LAST = "forget (that|it|what i just said|what i just told you) [again|please]"
FORGETTING = (
    "forget (everything|all) [that|what] [i (told you|said|have told you|have said)|you (know|remember)]",
    "(erase|delete) (everything|all) [that|what] [i told you|i said|you know|you remember]",
    "(erase|delete) what (i told you|i said|you know|you remember) about [the|my] {subject}",
    "stop remembering [that|where|when|what] [the|my] {subject}",
    "forget [what i said|what i told you|what you know|everything|all] [that] [about] [the|my] {subject}",
)
ASKED_TO_FORGET = "shall i forget {subject}"
CONFIRMED = "i will remember that {fact}"


def kept_facts(request: Request) -> list[Note]:
    """What is to be remembered after everything heard so far, oldest first."""
    kept = list(request.notes)
    by = ""
    asked = False
    for place, heard in enumerate(request.history):
        if heard.party == "assistant":
            # What a model kept for the user, whose own words were no wording of this: the answer is the record.
            if (fact := confirmed_fact(heard.text)) and by and not asked:
                kept = _with(kept, Note(fact, by, heard.end))
            continue
        by, asked = heard.party, False
        text = with_consent(heard.text, request.history[:place])
        gone = to_be_forgotten(text, kept, request.history[:place], heard.party)
        kept = [fact for fact in kept if fact not in gone or fact.at > heard.end]
        for sentence in sentences(heard.text):
            if text := asked_to_remember(sentence, heard.text):
                asked = True
                kept = _with(kept, Note(text, heard.party, heard.end))
    return kept


def asked_to_remember(words: tuple[Word, ...], source: str) -> str:
    """What the words ask to be remembered, as it was said; what leads to that ("okay could you") is passed over."""
    if _ASKING.isdisjoint(word.text for word in words):
        return ""
    for start in range(min(len(words), 6)):
        if [word.text for word in words[max(0, start - 2) : start]] in (["do", "you"], ["did", "you"]):
            continue  # a question
        for wording in STATEMENTS:
            for slots in template(wording).matches(words[start:], source):
                if is_fact(slots.words("fact")):
                    return slots.quote("fact")
    return ""


def confirmed_fact(answer: str) -> str:
    """What an answer of the assistant says that it will remember, in the user's own words; empty if it does not."""
    for sentence in sentences(answer):
        for slots in template(CONFIRMED).matches(sentence, answer):
            return to_speaker(slots.quote("fact"))
    return ""


def to_be_forgotten(text: str, notes: Sequence[Note], history: Sequence[Utterance], party: str) -> list[Note]:
    """Those of the notes that `text`, said by `party` after `history`, asks to be forgotten.

    "Forget that" points to what the assistant has just told of them, or to what its speaker said last.
    """
    gone: list[Note] = []
    for words in sentences(text):
        if words[0].text not in _FORGETTING:
            continue
        if any(True for _ in template(FORGETTING_LAST).matches(words, text)):
            gone += _just_told(notes, history) or _just_said(notes, before(history, party))
        for wording in FORGETTING:
            for slots in template(wording).matches(words, text):
                gone += [note for note in notes if is_meant(note, forgotten(slots))]
    return gone


def with_consent(text: str, history: Sequence[Utterance]) -> str:
    """What a turn comes to: a yes to "shall I forget the car" is "forget the car"."""
    last = history[-1] if history else None
    if last is None or last.party != "assistant" or not is_yes(text):
        return text
    for words in sentences(last.text):
        for slots in template(ASKED_TO_FORGET).matches(words, last.text):
            return f"forget {slots['subject']}"
    return text


def _just_told(notes: Sequence[Note], history: Sequence[Utterance]) -> list[Note]:
    told = plain(history[-1].text) if history and history[-1].party == "assistant" else ""
    return [note for note in notes if told and plain(note.text) in told]


def _just_said(notes: Sequence[Note], last: Utterance | None) -> list[Note]:
    return [note for note in notes[-1:] if last is not None and note.at >= last.start]


def before(history: Sequence[Utterance], party: str) -> Utterance | None:
    """What the party said last."""
    return next((heard for heard in reversed(history) if heard.party == party), None)


def is_meant(note: Note, wanted: Collection[str] | None) -> bool:
    """Whether a note has to do with the content words `wanted`; every note if there are none, no note if it is None."""
    return wanted is not None and (not wanted or not content(plain(note.text).split()).isdisjoint(wanted))


def _with(kept: list[Note], note: Note) -> list[Note]:
    """A note that says the same as an earlier one takes its place."""
    return [*(each for each in kept if plain(each.text) != plain(note.text)), note]


def is_fact(words: Sequence[str]) -> bool:
    """Whether the words after "remember" state something, instead of asking or ordering."""
    return words[0] not in ("to", "when", "what", "where", "who", "how", "if", "me") and bool(content(words))


def forgotten(slots: Slots) -> frozenset[str] | None:
    """The content words of what a request names to be forgotten, empty for everything, None if it is no such thing."""
    if "subject" not in slots:
        return frozenset()
    subject = slots.words("subject")
    if set(subject) & {"timer", "timers", "it", "alarm", "reminder"}:
        return None
    return frozenset(content(subject)) or None


def matching_facts(wanted: set[str], candidates: list[Note]) -> list[Note]:
    """The facts that share most words with what is wanted, latest first."""
    scored = [(len(wanted & content(plain(fact.text).split())), place) for place, fact in enumerate(candidates)]
    best = max((score for score, _ in scored), default=0)
    return [candidates[place] for score, place in reversed(scored) if score == best] if best else []

"""Whether a turn was understood at all: what is doubtful is asked back instead of answered as if it were sure."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.understanding import Part
from duplex.models.turn_taking.word_lists import word_set

DOUBTFUL = 0.5
"""Mean confidence of a turn's words below which what no skill takes is asked back."""

AGAIN = (
    "I did not get that. Please say it once more.",
    "Sorry, what was that?",
    "I am not sure what you mean. Can you say it in other words?",
)
_OPEN_ENDED = word_set("the a an my your and or so but of to in at for with from by than as is are if")
_PURSUED = {
    "convert": "What should I convert, and to what? For example: ten miles to kilometers.",
    "remind": "When should I remind you, and of what? For example: remind me in ten minutes to call Ann.",
    "timer": "For how long? For example: set a timer for ten minutes.",
    "alarm": "For what time? For example: set an alarm for seven.",
    "calculate": "What should I calculate? For example: fifteen percent of eighty.",
    "percent": "What should I calculate? For example: fifteen percent of eighty.",
    "list": "What should I do with which list? For example: put milk on my shopping list.",
}
"""Words that say what is wanted where the rest did not come through, and what is asked back."""

_ORDERING = word_set("remind convert calculate")
_ASKING = word_set("what who where when how why which")
_NUMERIC = ("arithmetic", "units")


def doubt(request: Request, parts: Sequence[Part]) -> str:
    """What to ask back; empty if the turn is clear enough to be answered, or to be declined."""
    words = [word.text for part in parts for word in part.words]
    taken, rest = [part for part in parts if part.reply], [part for part in parts if not part.reply]
    if taken:
        # "let's fifteen percent and eighty": the rest has a number that belongs to the sum.
        numbers = any(_number(word.text) for part in rest for word in part.words)
        numeric = all(part.skill is not None and part.skill.title in _NUMERIC for part in taken)
        return f"I heard: {request.text.strip().rstrip('.')}. {_PURSUED['calculate']}" if numbers and numeric else ""
    said = [heard.text for heard in request.history if heard.party == "assistant"]
    if not words or not _unfinished(words, request):
        return ""
    for word in words:
        if word in _PURSUED:
            return _PURSUED[word]
    if len(words) == 1 and request.confidence >= DOUBTFUL:
        return f"What about {words[0]}?"
    return next((text for text in AGAIN if not said or text not in said[-1]), AGAIN[0])


def _unfinished(words: Sequence[str], request: Request) -> bool:
    """Whether it is a fragment, or was heard badly."""
    if request.confidence < DOUBTFUL or words[-1] in _OPEN_ENDED or len(words) == 1:
        return True
    if words[0] in _ORDERING:
        return True
    if len(words) > 5 or words[0] in _ASKING:
        return False
    # A short order that no skill takes lacks something: "convert miles", "remind me in some", "fifteen percent eighty".
    return words[0] in _PURSUED or (any(map(_number, words)) and not _PURSUED.keys().isdisjoint(words))


def _number(word: str) -> bool:
    return parse_number([word]) is not None

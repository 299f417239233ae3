"""Backchannels: what a listener says without wanting the floor ("mhm", "right", "oh I see").

The words are those of the SWBD-DAMSL tags b (continuer) and ba (appreciation) in Jurafsky, Shriberg & Biasca (1997),
"Switchboard SWBD-DAMSL coders manual".
"""

from __future__ import annotations

from duplex.models.turn_taking.word_lists import phrase_list, plain_words, word_set

LONGEST = 5
"""Words; more of them are a turn."""

_SOUNDS = word_set("mhm mhmm mm mmm hm hmm hmmm uh huh um uhm ah aha oh ooh aw ha haha er erm eh hum")
_ASSENT = word_set(
    "yeah yes yep yup yea ya okay ok right sure exactly true absolutely definitely totally indeed alright"
)
_APPRECIATION = word_set("really interesting great good nice cool fine wow gotcha wonderful perfect")
_PHRASES = phrase_list(
    "i see|i know|i got it|got it|i understand|of course|all right|that is right|that's right|that is true|"
    "that's true|is that so|is that right|oh my|oh my god|oh my goodness|go on|for sure|makes sense|"
    "that makes sense|fair enough|no way|i hear you|very good|very nice|how nice|no kidding|good to know|oh well|"
    "that's good|that's great|that's nice"
)
_ANSWERS = word_set("mhm mhmm huh hum")
# A short hum or noise is often written as a short word by a recognizer that has no word for it. Alone they ask for
# nothing.
_HUMMED = word_set("a an the and of in him am but m h n you")


def is_backchannel(text: str, *, answering: bool = False) -> bool:
    """Whether `text` is a listener's response that leaves the floor where it is.

    answering: the assistant has just asked something; then what can mean yes is an answer, and only hums remain.
    """
    words = plain_words(text)
    if not 0 < len(words) <= LONGEST:
        return False
    if not answering and all(word in _HUMMED | _SOUNDS for word in words):
        return True
    if all(word in _HUMMED for word in words):
        return len(words) <= 3
    if answering:
        hummed = "".join(words) in ("uhhuh", "mmhm", "mmhmm", "ahhuh")
        return not hummed and all(word in _SOUNDS - _ANSWERS for word in words)
    return _covered(tuple(words))


def _covered(words: tuple[str, ...]) -> bool:
    if not words:
        return True
    if words[0] in _SOUNDS | _ASSENT | _APPRECIATION and _covered(words[1:]):
        return True
    return any(words[: len(phrase)] == phrase and _covered(words[len(phrase) :]) for phrase in _PHRASES)

"""Whether a turn says yes or no to the question that was asked before it, and nothing else."""

from __future__ import annotations

from duplex.models.turn_taking.word_lists import FILLERS, phrase_set, plain_words

_YES = phrase_set(
    "yes|yeah|yep|yup|sure|of course|okay|ok|all right|alright|right|correct|absolutely|certainly|definitely|do it|"
    "do that|do so|go ahead|go on|i'm sure|i am sure|that's right|that is right|confirm|confirmed|i confirm|you may|"
    "you can|i do|delete it|delete them|cancel it|cancel them|clear it"
)
_NO = phrase_set(
    "no|nope|nah|don't|do not|no don't|don't do it|don't do that|do not do it|never|never mind|stop|wait|leave it|"
    "leave them|keep it|keep them|not now|better not|cancel|cancel that|forget it|rather not|i'd rather not"
)
_POLITE = phrase_set("thanks|thank you|thank you very much")


def is_yes(text: str) -> bool:
    """ "Yes, please do it."; False for anything that says more."""
    return _only(text, _YES)


def is_no(text: str) -> bool:
    """ "No, leave it."."""
    return _only(text, _NO)


def _only(text: str, phrases: frozenset[tuple[str, ...]]) -> bool:
    """Whether the words are nothing but these phrases, one after the other, with or without thanks."""
    words = tuple(word for word in plain_words(text) if word not in FILLERS and word != "please")
    ends = {0: False}
    """Where phrases can end, and whether one of them was more than thanks."""
    for end in range(1, len(words) + 1):
        for start in [start for start in ends if start >= end - 5]:
            if (phrase := words[start:end]) in phrases | _POLITE:
                ends[end] = ends.get(end, False) or ends[start] or phrase in phrases
    return ends.get(len(words), False)

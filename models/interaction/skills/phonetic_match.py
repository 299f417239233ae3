"""Requests that a recognizer took for other words of much the same sound: "turning down" for "turn it down".

Words are coded by the sounds that their letters usually stand for in English, coarsely, as Metaphone does (Philips,
Computer Language 7(12), 1990): voicing and vowel quality, which recognizers confuse most, count little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from duplex.models.interaction.skills.words import plain
from duplex.models.turn_taking.word_lists import phrase_list

LIKE = 0.8
"""Similarity from which a whole turn counts as a known request, or its beginning as the opening of one."""
LEAST_SOUNDS = 6
"""A shorter request is too easily hit by chance."""
MOST_WORDS = 30

_REQUESTS = phrase_list(
    "what time is it|what is the time|tell me the time|what day is it|what day is it today|what day is it tomorrow|"
    "what is the date|what is the date today|cancel the timer|cancel all timers|stop the timer|how much time is left|"
    "say that again|repeat that|please repeat that|can you repeat that|what did you say|speak louder|louder please|"
    "speak louder please|turn the volume up|turn it up|quieter please|turn the volume down|turn it down|speak slower|"
    "slow down|slow down please|speak more slowly|can you speak more slowly|speak faster|speak faster please|"
    "stop talking|be quiet please|never mind|who has spoken how long|how long have i been talking|what did i just say|"
    "what can you do|thank you very much"
)
_OPENINGS = phrase_list(
    "set a timer for|start a timer for|remind me in|what time is it in|what is the date|what did i say about|"
    "remember that|how many days until|how much is|convert|what is the square root of"
)
_SPELLINGS = (
    (r"tion", "SN"),
    (r"tch|ch|sh|j|dg(?=[eiy])", "C"),
    (r"th", "T"),
    (r"ph", "F"),
    (r"^kn|^gn", "N"),
    (r"^wr", "R"),
    (r"wh", "W"),
    (r"igh|gh", "a"),
    (r"ck|q|x(?=$)", "K"),
    (r"c(?=[eiy])", "S"),
    (r"c", "K"),
    (r"x", "KS"),
    (r"mb$", "M"),
    (r"e$", ""),
    (r"[bp]", "P"),
    (r"[dt]", "T"),
    (r"[gk]", "K"),
    (r"[fv]", "F"),
    (r"[sz]", "S"),
    (r"h", ""),
    (r"[aeiouy]+", "a"),
)
_CONSONANTS = str.maketrans("lmnrw", "LMNRW")
_NEAR = {
    frozenset("MN"): 0.4,
    frozenset("SC"): 0.5,
    frozenset("LR"): 0.7,
    frozenset("PF"): 0.7,
    frozenset("TS"): 0.8,
}
"""The cost of hearing one for the other; other consonants cost a whole one, vowels little."""


def sounds(words: Sequence[str]) -> str:
    """The sounds of words, run together: consonants in capitals, "a" for any vowel.

    >>> sounds(["turn", "it", "down"])
    'TaRNaTaWN'
    """
    return _single("".join(_sound(word) for word in words))


@lru_cache(maxsize=4096)
def likeness(one: str, other: str) -> float:
    """1 for the same sounds, 0 for nothing in common: one minus the edit distance, weighted, by the weight of all."""
    row = [0.0]
    for new in other:
        row.append(row[-1] + _weight(new))
    for old in one:
        above, row = row, [row[0] + _weight(old)]
        for place, new in enumerate(other):
            change = 0.0 if old == new else _NEAR.get(frozenset((old, new)), max(_weight(old), _weight(new)))
            row.append(min(above[place] + change, above[place + 1] + _weight(old), row[place] + _weight(new)))
    total = max(sum(map(_weight, one)), sum(map(_weight, other)))
    return 1.0 - row[-1] / total if total else 0.0


def corrections(text: str) -> Iterator[str]:
    """What the turn may have been, likeliest first: a known request, or one of which it has the opening."""
    words = plain(text).split()
    if not 0 < len(words) <= MOST_WORDS:
        return
    whole = sounds(words)
    found = [
        (likeness(whole, _request_sounds(request)), words, " ".join(request))
        for request in _REQUESTS
        if _may_be_like(whole, _request_sounds(request))
    ]
    for opening in _OPENINGS:
        for end in range(1, min(len(words), len(opening) + 2)):
            heard, rest = words[:end], words[end:]
            said, meant = sounds(heard), _request_sounds(opening)
            if _may_be_like(said, meant):
                found.append((likeness(said, meant), heard, " ".join([*opening, *rest])))
    for alike, heard, meant in sorted(found, key=lambda item: -item[0]):
        if alike < LIKE:
            return
        if len(sounds(heard)) >= LEAST_SOUNDS:
            yield meant


@lru_cache(maxsize=256)
def _request_sounds(words: tuple[str, ...]) -> str:
    return sounds(words)


def _may_be_like(one: str, other: str) -> bool:
    """Whether `likeness` can reach LIKE: the edit distance is at least the difference of the weights."""
    lighter, heavier = sorted((_total_weight(one), _total_weight(other)))
    return lighter >= LIKE * heavier - 1e-9


def _total_weight(sounds: str) -> float:
    return len(sounds) - 0.65 * sounds.count("a")


@lru_cache(maxsize=4096)
def _sound(word: str) -> str:
    for spelling, said in _SPELLINGS:
        word = re.sub(spelling, said, word)
    return _single(word.translate(_CONSONANTS))


def _single(text: str) -> str:
    return re.sub(r"(\w)\1+", r"\1", text)


def _weight(sound: str) -> float:
    return 0.35 if sound == "a" else 1.0

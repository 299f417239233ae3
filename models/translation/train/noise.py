"""What speech and its recognition do to a sentence: no case, no punctuation, hesitations, repetitions, misheard words.

Misheard English is learned from pairs of what was said and what a recognizer made of it; German has no such pairs,
and its errors are made from endings, umlauts, doubled letters and divided compounds.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from random import Random

HESITATIONS = {
    "en": ("uh", "um", "er", "hmm", "well", "you know", "I mean", "like", "so"),
    "de": ("äh", "ähm", "hm", "also", "naja", "ich meine", "sozusagen", "tja"),
}
_GERMAN_EARS = (
    ("ä", "e"), ("ü", "i"), ("ö", "e"), ("ß", "ss"), ("ss", "ß"), ("tt", "t"), ("t", "tt"), ("d", "t"), ("v", "f"),
    ("f", "v"), ("ie", "i"), ("i", "ie"), ("eh", "e"), ("ck", "k"), ("k", "ck"), ("b", "p"), ("g", "k"), ("ch", "sch"),
    ("ei", "eu"), ("m", "n"), ("n", "m"), ("z", "s"),
)  # fmt: skip
_GERMAN_ENDINGS = ("en", "em", "er", "es", "e", "n", "t", "st")


def bare(text: str, rng: Random) -> str:
    """As a simple recognizer writes: often without case, often without punctuation, sometimes only without the end."""
    chance = rng.random()
    if chance < 0.6:
        text = text.lower()
    if chance < 0.45 or chance > 0.8:
        text = re.sub(r"(?<!\d)[.,](?!\d)|[!?;:\"()]|\s-\s", " ", text)
    elif rng.random() < 0.5:
        text = text.rstrip(".!?")
    return re.sub(r"\s+", " ", text).strip()


def hesitating(text: str, language: str, rng: Random) -> str:
    """With fillers, repeated words and false starts."""
    words = text.split()
    out: list[str] = []
    rate = rng.choice((0.05, 0.1, 0.2))
    for place, word in enumerate(words):
        if rng.random() < rate:
            filler = rng.choice(HESITATIONS[language])
            comma = rng.choice(("", ",", "..."))
            out.append(filler.capitalize() + comma if place == 0 and rng.random() < 0.5 else filler + comma)
        if rng.random() < rate / 2:
            begin = word[: rng.randint(1, 3)] + "-" if len(word) > 4 and rng.random() < 0.4 else word.rstrip(".,!?")
            out.append(begin)
        out.append(word)
    return " ".join(out)


class Mishearing:
    """Errors of recognition. heard: (said, recognized) English sentences to learn from."""

    def __init__(self, heard: Iterable[tuple[str, str]] = ()) -> None:
        self._swaps: dict[str, Counter[str]] = defaultdict(Counter)
        for said, recognized in heard:
            self._learn(_words(said), _words(recognized))
        self._choices = {word: tuple(found.elements()) for word, found in self._swaps.items()}

    def _learn(self, said: list[str], heard: list[str]) -> None:
        for kind, a, b, c, d in SequenceMatcher(None, said, heard, autojunk=False).get_opcodes():
            if kind in ("replace", "delete") and b - a <= 3 and d - c <= 3:
                self._swaps[" ".join(said[a:b])][" ".join(heard[c:d])] += 1

    def __len__(self) -> int:
        return len(self._choices)

    def english(self, text: str, rate: float, rng: Random) -> str:
        """Words and groups of up to three words become what they have been taken for."""
        words, out, place = text.split(), [], 0
        while place < len(words):
            for size in (3, 2, 1):
                part = words[place : place + size]
                choices = self._choices.get(" ".join(_words(" ".join(part)))) if len(part) == size else None
                if choices and rng.random() < rate:
                    swap = rng.choice(choices)
                    end = re.search(r"[.,!?]*$", part[-1]).group()
                    first = swap.capitalize() if part[0][:1].isupper() else swap
                    out.append(first + end if swap else "")
                    place += size
                    break
            else:
                out.append(words[place])
                place += 1
        return " ".join(word for word in out if word)

    def german(self, text: str, rate: float, rng: Random) -> str:
        """Words lose or change endings and letters, short ones get lost, long ones fall apart."""
        out = []
        for word in text.split():
            if rng.random() >= rate:
                out.append(word)
                continue
            core = word.rstrip(".,!?")
            end, chance = word[len(core) :], rng.random()
            if chance < 0.12 and len(core) <= 4:
                core = ""
            elif chance < 0.35 and len(core) >= 9:
                cut = rng.randint(4, len(core) - 4)
                core = f"{core[:cut]} {core[cut:]}"
            elif chance < 0.65:
                core = _other_ending(core, rng)
            else:
                known = [swap for swap in _GERMAN_EARS if swap[0] in core]
                core = core.replace(*rng.choice(known), 1) if known else core
            out.append(core + end if core else "")
        return " ".join(word for word in out if word)

    def apply(self, text: str, language: str, rate: float, rng: Random) -> str:
        """A misheard sentence; the sentence itself if nothing would be left."""
        changed = self.english(text, rate, rng) if language == "en" else self.german(text, rate, rng)
        return changed or text


class Noise:
    """A sentence as it may arrive from a recognizer."""

    def __init__(self, mishearing: Mishearing) -> None:
        self._mishearing = mishearing

    def apply(self, text: str, language: str, rng: Random, recognized: str = "") -> str:
        """recognized: real recognizer's output for this sentence, taken in half of the cases."""
        if recognized and rng.random() < 0.5:
            return bare(recognized, rng) if rng.random() < 0.4 else recognized
        changed = text
        if rng.random() < 0.4:
            changed = self._mishearing.apply(changed, language, rng.choice((0.1, 0.2, 0.35)), rng)
        if rng.random() < 0.3:
            changed = hesitating(changed, language, rng)
        if rng.random() < 0.75:
            changed = bare(changed, rng)
        return changed or text


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _other_ending(word: str, rng: Random) -> str:
    for ending in _GERMAN_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + rng.choice(("", *_GERMAN_ENDINGS))
    return word + rng.choice(("e", "n", "s"))

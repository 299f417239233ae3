"""Speech without sound: the times of words, pauses and hesitations, and what a recognizer makes of them when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from duplex.models.interaction.nano.train.texts import Texts
from duplex.models.turn_taking.word_lists import plain_words, word_set


@dataclass(frozen=True, slots=True)
class Manner:
    """How people speak and recognizers hear in a session. The held-out manner has other values everywhere.

    pauses: share of turns with a pause in their midst. pause: median of its length in seconds, log-normal with
    `spread`. fillers: share of such pauses filled with "um". errors: rates of misheard words to draw from. delay:
    bounds of a recognizer's delay in seconds. provisional: share of words that are another one at first. rate: bounds
    of the speed. real: share of turns that take what a recognizer really made of them, where that is known.
    names: of people that are spoken to.
    """

    pauses: float = 0.45
    pause: float = 0.85
    spread: float = 0.5
    longest: float = 2.8
    fillers: float = 0.4
    errors: tuple[float, ...] = (0.0, 0.0, 0.1, 0.2, 0.35)
    delay: tuple[float, float] = (0.1, 0.6)
    provisional: float = 0.15
    rate: tuple[float, float] = (0.75, 1.3)
    real: float = 0.5
    names: tuple[str, ...] = tuple(
        sorted(
            word_set(
                "john mary anna peter sarah michael lisa mom dad honey david emma mark julia kate paul grandma ben"
            )
        )
    )


HELD_OUT = Manner(
    pauses=0.55,
    pause=0.7,
    spread=0.65,
    fillers=0.25,
    errors=(0.0, 0.15, 0.3),
    delay=(0.15, 0.5),
    provisional=0.2,
    rate=(0.8, 1.2),
    names=tuple(sorted(word_set("tom robert nina oliver mum daddy darling susan jack helen grandpa buddy"))),
)

FILLERS = ("um", "uh", "er", "uhm", "hmm", "you know", "i mean", "well", "let me see")


@dataclass(slots=True)
class Word:
    """text: as it is understood, empty for a sound that is none. first: what it was taken for when it was new."""

    text: str
    start: float
    end: float
    first: str = ""


@dataclass(slots=True)
class Spoken:
    """An utterance on the session's clock. delay: of its recognition. breaks: pauses within, as (from, to)."""

    words: list[Word]
    party: str = "user"
    speaker: str = ""
    side: bool = False
    delay: float = 0.3
    breaks: list[tuple[float, float]] = field(default_factory=list)

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    def shift(self, seconds: float) -> Spoken:
        for word in self.words:
            word.start += seconds
            word.end += seconds
        self.breaks = [(start + seconds, end + seconds) for start, end in self.breaks]
        return self


def length(word: str, rate: float) -> float:
    """Seconds that a word takes: about 2.7 words a second."""
    return (0.13 + 0.052 * min(len(word), 12)) / rate


class Speaker:
    """Makes utterances in a manner; the same state of `rng` gives the same ones."""

    def __init__(self, texts: Texts, manner: Manner, rng: random.Random) -> None:
        self.texts, self.manner, self.rng = texts, manner, rng
        self.rate = rng.uniform(*manner.rate)
        self.errors = rng.choice(manner.errors)

    def say(self, text: str, *, pausing: bool = False, clear: bool = False, **who: object) -> Spoken:
        """An utterance that begins at 0. pausing: it may have a pause in its midst. clear: nothing is misheard."""
        heard = plain_words(text if clear else self._heard(text)) or plain_words(text) or ["huh"]
        spoken = Spoken([], delay=self.rng.uniform(*self.manner.delay), **who)  # type: ignore[arg-type]
        at = self._place_of_pause(heard) if pausing and self.rng.random() < self.manner.pauses else 0
        now = 0.0
        for place, word in enumerate(heard):
            if at and place == at:
                now = self._pause(spoken, now)
            seconds = length(word, self.rate)
            spoken.words.append(Word(word, now, now + seconds, self._first(word)))
            now += seconds + (self.rng.uniform(0.0, 0.12) if self.rng.random() < 0.3 else 0.0)
        return spoken

    def noise(self) -> Spoken:
        """A cough, a laugh, a chair: voice without words, sometimes taken for a short one."""
        taken = self.rng.choice(("", "", "you", "hm", "the", "a"))
        return Spoken([Word(taken, 0.0, self.rng.uniform(0.2, 0.8))], delay=self.rng.uniform(*self.manner.delay))

    def _heard(self, text: str) -> str:
        if (real := self.texts.recognized.get(text)) and self.rng.random() < self.manner.real:
            return real
        return self.texts.mishearing.apply(text, "en", self.errors, self.rng) if self.errors else text

    def _place_of_pause(self, words: list[str]) -> int:
        return self.rng.randrange(1, len(words)) if len(words) >= 4 else 0

    def _pause(self, spoken: Spoken, now: float) -> float:
        if self.rng.random() < self.manner.fillers:
            for word in self.rng.choice(FILLERS).split():
                spoken.words.append(Word(word, now, now + 1.6 * length(word, self.rate)))
                now = spoken.words[-1].end
        seconds = min(self.rng.lognormvariate(0.0, self.manner.spread) * self.manner.pause, self.manner.longest)
        spoken.breaks.append((now, now + seconds))
        return now + seconds

    def _first(self, word: str) -> str:
        """What a word is taken for as long as it is the last one heard; "" for itself."""
        if self.rng.random() >= self.manner.provisional:
            return ""
        if len(word) > 4 and self.rng.random() < 0.5:
            return word[: self.rng.randint(2, len(word) - 1)]
        return self.texts.mishearing.apply(word, "en", 1.0, self.rng).lower()

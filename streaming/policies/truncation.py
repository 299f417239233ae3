"""StreamUni's policy: the recognizer's successive hypotheses say where a segment ends, and writing lags behind reading
by words. Guo et al. (2025), "StreamUni", section 3; here over any recognizer and any translator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from duplex.streaming.policies.append_only import WaitK
from duplex.streaming.policies.simultaneous import Wanted, Written

STEP = 0.64
"""Seconds between two steps of the recognizer, as in the paper."""
MOST = 8
"""Words that one step writes at most."""
_ENDS = ".?!;:…"
_LOOK_BACK = 3


@dataclass(slots=True)
class Truncation:
    """Where to cut an endless hypothesis. longest: words after which it is cut in any case."""

    longest: int = 60
    _recent: list[tuple[str, ...]] = field(default_factory=list, repr=False)

    def cut(self, words: Sequence[str]) -> int:
        """words: the hypothesis since the last cut, once for each step of the recognizer. Returns after how many words
        to cut; 0: not yet.

        A hypothesis that three steps leave as it is was followed by silence. A word that ends a sentence and has words
        behind it, where the step before knew of no such end, was confirmed by what came after it.
        """
        heard = tuple(words)
        self._recent = [*self._recent, heard][-_LOOK_BACK:]
        place = self._place(heard)
        if place:
            self._recent = []
        return place

    def _place(self, heard: tuple[str, ...]) -> int:
        if not heard:
            return 0
        if len(heard) >= self.longest:
            return self.longest
        if len(self._recent) < _LOOK_BACK:
            return 0
        if all(_plain(words) == _plain(heard) for words in self._recent):
            return len(heard)
        end = _sentence_end(heard)
        if not end or end == len(heard):
            return 0
        grew = any(
            len(before) < len(heard) and _plain(before) == _plain(heard)[: len(before)] and not _sentence_end(before)
            for before in self._recent[:-1]
        )
        return end if grew else 0


@dataclass(slots=True)
class StreamUni:
    """Wait-k on words within segments that end where Truncation says; words of all segments come out in one stream.

    k: words that writing lags behind. most: words that one step writes at most. A segment's rest is written when it
    ends. Each `read` with new words, or the same again, is a step of the recognizer.
    """

    k: int = 5
    most: int = MOST
    truncation: Truncation = field(default_factory=Truncation)
    cuts: list[int] = field(default_factory=list)
    """After how many words of the source the segments ended."""
    _done: tuple[str, ...] = ()
    _segment: WaitK = field(init=False)
    _closing: int = 0
    _asked: bool = False
    _over: bool = False

    def __post_init__(self) -> None:
        self._segment = WaitK(k=self.k, most=self.most)

    @property
    def revises(self) -> bool:
        return False

    @property
    def closed(self) -> tuple[str, ...]:
        """The words of the translation that belong to segments that have ended."""
        return self._done

    def read(self, source: Sequence[str], final: bool = False) -> Wanted | None:
        """See Policy. A step of the recognizer is over when this has returned None."""
        since = self.cuts[-1] if self.cuts else 0
        heard = tuple(source[since:])
        if self._over or (self._asked and not final):
            self._asked = False
            return None
        place = self.truncation.cut(heard)
        if final and not place:
            place, self._over = len(heard), True
        if place:
            self._closing = since + place
            wanted = self._segment.read(heard[:place], final=True)
            if wanted is None:
                self._close()
            return wanted
        self._asked = True
        wanted = self._segment.read(heard)
        if wanted is None:
            self._asked = False
        return wanted

    def write(self, words: Sequence[str], alignment: Sequence[int] = ()) -> Written:
        """See Policy."""
        written = self._segment.write(words, alignment)
        whole = self._done + written.words
        if self._closing:
            self._done = whole
            self._close()
        return Written(whole, len(whole))

    def _close(self) -> None:
        self.cuts.append(self._closing)
        self._closing = 0
        self._segment = WaitK(k=self.k, most=self.most)


def _plain(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.casefold().rstrip(_ENDS + ",") for word in words)


def _sentence_end(words: tuple[str, ...]) -> int:
    """After how many words the first sentence ends; 0 if it does not."""
    return next((place for place, word in enumerate(words, 1) if word.rstrip("\"')")[-1:] in tuple(_ENDS)), 0)

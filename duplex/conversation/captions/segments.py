"""From the words of utterances to segments worth translating: sentences, or clauses of long ones.

An utterance ends at a pause of a third of a second, in the middle of a sentence as often as not. A segment ends where
punctuation says so; in text without punctuation at a longer pause; at another speaker; and when it grows too long.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from duplex.models.asr.contract import Hypothesis
from duplex.models.translation.pieces import ends_sentence, opens_clause
from duplex.streaming.audio import SAMPLE_RATE

PAUSE = round(0.9 * SAMPLE_RATE)
"""Samples of silence that end a segment in any case."""
SHORT_PAUSE = round(0.5 * SAMPLE_RATE)
"""...and that end one of ENOUGH words that has no punctuation."""
ENOUGH = 8
CLAUSE = 20
"""Words from which a comma ends a segment."""
LONGEST = 36
"""Words that a segment has at most."""

UNDERSTOOD = 0.6
"""Mean confidence in the words of a sentence below which they are likely not to have been said. Moonshine tiny has 0.47
to 0.71 over German that it takes for English, and more than 0.9 over read English."""
FEW = 3
"""Words whose confidence says little."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DANGLING = _set(
    "a an the my your its our their of to into from with at by and or but because if when while who i'd i'll i'm i've "
    "you're we're they're than ein eine einen einem einer den dem des mein meine und oder aber weil wenn dass ob von "
    "im am für bei"
)
"""Words at which nobody ends a sentence: a full stop behind one was made of a pause."""
_ASKING, _VERBS = (
    _set("what where who how when why was wo wer wie wann warum"),
    _set("is are was were ist sind war waren"),
)
"""Of a question that begins and ends with these more is to come: "what is"."""


def trails_off(first: str, last: str) -> bool:
    """Whether a sentence of this first and this last word has only begun, whatever its punctuation says."""
    first, last = first.lower(), last.rstrip(".?!").lower()
    return last in _DANGLING or (first in _ASKING and last in _VERBS)


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """id: the same in every revision of the word. start, end: samples. confidence: of the recognizer, 0 to 1."""

    id: int
    text: str
    start: int
    end: int
    speaker: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """What is translated together. words[:stable] will not change but in case and punctuation; closed: none will
    change, and none will follow.

    id: the same in every revision, and no other segment's of the session. language: that it is spoken in, two letters.
    """

    id: int
    party: str
    words: tuple[CaptionWord, ...]
    stable: int
    closed: bool = False
    language: str = ""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def source(self) -> list[str]:
        """Words to translate: the end of what is heard so far is no end of a sentence, whatever stands there."""
        words = [word.text for word in self.words]
        if words and not self.closed:
            words[-1] = words[-1].rstrip(".?!") or words[-1]
        return words

    @property
    def confidence(self) -> float:
        """Mean confidence of the recognizer in the words, 0 to 1."""
        return sum(word.confidence for word in self.words) / len(self.words) if self.words else 1.0

    @property
    def understood(self) -> bool:
        """Whether the words are likely to be those that were said. A recognizer that hears another language than its
        own, or music, writes down something, and is not confident of it."""
        return len(self.words) < FEW or self.confidence >= UNDERSTOOD

    @property
    def speaker(self) -> str:
        """Of most words; empty if not known."""
        names = [word.speaker for word in self.words if word.speaker]
        return max(dict.fromkeys(names), key=names.count) if names else ""


class Segmenter:
    """What all of them share: the words of one party with their ids, utterance by utterance.

    numbers: where the ids of segments come from; the parties of a session share it.
    """

    language = ""
    """That the party speaks."""

    def __init__(self, party: str, numbers: Iterator[int] | None = None) -> None:
        self.party = party
        self._numbers = numbers if numbers is not None else itertools.count()
        self._id: int | None = None
        """Of the open segment."""
        self._settled: list[CaptionWord] = []
        """Its words that will not change."""
        self._tail: tuple[CaptionWord, ...] = ()
        """Its words that may."""
        self._first = 0
        """Id of the utterance's first word."""
        self._most = 0
        """Words that the utterance has had at most."""
        self._taken = 0
        """Words of the utterance that are settled."""
        self._utterance: int | None = None

    def hear(self, base: int, hypothesis: Hypothesis, speakers: Sequence[str] = ()) -> list[Segment]:
        """An utterance as it is heard now. base: sample of the clock that its times count from. speakers: of its words.

        Returns the segments that are new or have changed, in order; all but the last are closed.
        """
        if self._utterance != base:
            if self._utterance is not None:  # its end was lost
                self._first += self._most
            self._utterance, self._most, self._taken, self._tail = base, 0, 0, ()
        names = list(speakers) + [""] * (len(hypothesis.words) - len(speakers))
        words = [
            CaptionWord(self._first + place, word.text, base + word.start, base + word.end, name, word.confidence)
            for place, (word, name) in enumerate(zip(hypothesis.words, names, strict=True))
        ]
        self._most = max(self._most, len(words))
        stable = len(words) if hypothesis.final else hypothesis.stable
        before = (self._id, tuple(self._settled), self._tail)
        # What is stable may still be written otherwise: with another case, with a full stop for a comma.
        self._settled = [
            self._written(words[word.id - self._first])
            if 0 <= word.id - self._first < min(self._taken, len(words))
            else word
            for word in self._settled
        ]
        done = self._read(words, stable, hypothesis.final)
        if hypothesis.final:
            self._utterance = None
            self._first += self._most
        if not self._settled and not self._tail:
            if self._id is not None:  # all of it was taken back
                done.append(self._close())
        elif before != (self._id, tuple(self._settled), self._tail):
            done.append(self._open())
        return done

    def tick(self, now: int, speaking: bool) -> list[Segment]:
        """Time has passed. now: sample of the clock. Returns the segments that this closes."""
        raise NotImplementedError

    def finish(self) -> list[Segment]:
        """Nothing follows: what is open is closed."""
        self._settled += self._tail
        self._tail = ()
        self._utterance = None
        return [self._close()] if self._settled else []

    def _read(self, words: Sequence[CaptionWord], stable: int, last: bool) -> list[Segment]:
        """Settles the first `stable` words, which will not change; returns what that closes."""
        raise NotImplementedError

    def _written(self, word: CaptionWord) -> CaptionWord:
        """A settled word, which the recognizer may write otherwise, as it stands in its segment."""
        return word

    def _open(self) -> Segment:
        words = (*self._settled, *self._tail)
        return Segment(self._number(), self.party, words, len(self._settled), language=self.language)

    def _close(self, count: int | None = None) -> Segment:
        words = tuple(self._settled[:count])
        segment = Segment(self._number(), self.party, words, len(words), closed=True, language=self.language)
        self._settled = self._settled[len(words) :]
        self._id = None
        return segment

    def _number(self) -> int:
        if self._id is None:
            self._id = next(self._numbers)
        return self._id


class CaptionSegmenter(Segmenter):
    """Sentences, and clauses of long ones, by punctuation, pauses and length."""

    def __init__(self, party: str, numbers: Iterator[int] | None = None) -> None:
        super().__init__(party, numbers)
        self._joined = -1
        """Id of the word that has lost its capital, since a sentence goes on with it."""

    def tick(self, now: int, speaking: bool) -> list[Segment]:
        """See Segmenter. What has waited long enough for more is closed."""
        waits = speaking or self._utterance is not None or not self._settled
        return [] if waits or now - self._settled[-1].end < PAUSE else [self._close()]

    def _read(self, words: Sequence[CaptionWord], stable: int, last: bool) -> list[Segment]:
        done: list[Segment] = []
        for place in range(self._taken, stable):
            done += self._settle(words[place], more=place + 1 < len(words), last=last)
        if last and self._taken >= stable and self._settled and self._complete(self._settled[-1], False):
            done.append(self._close())
        self._taken = max(self._taken, stable)
        self._tail = tuple(words[self._taken :])
        return done

    def _written(self, word: CaptionWord) -> CaptionWord:
        return replace(word, text=word.text.lower()) if word.id == self._joined else word

    def _settle(self, word: CaptionWord, more: bool, last: bool) -> list[Segment]:
        """A word that will not change. more: the hypothesis goes on behind it; last: the utterance does not."""
        done = []
        if self._settled:
            before = self._settled[-1]
            if self._divides(before, word) or (ends_sentence(before.text) and before.id >= self._first):
                done.append(self._close())
            elif ends_sentence(before.text):  # the full stop was made of the pause
                self._settled[-1] = replace(before, text=before.text.rstrip(".?!"))
                if word.text.partition("'")[0] != "I" and (word.text.lower() in _DANGLING or opens_clause(word.text)):
                    self._joined = word.id
                    word = replace(word, text=word.text.lower())
        self._settled.append(word)
        if len(self._settled) > LONGEST:
            done.append(self._close(self._best_cut()))
        elif (more or last) and self._complete(word, more):
            done.append(self._close())
        return done

    def _divides(self, before: CaptionWord, word: CaptionWord) -> bool:
        if before.speaker and word.speaker and before.speaker != word.speaker:
            return True
        bare = len(self._settled) >= ENOUGH and not any(w.text[-1:] in tuple(",;:.!?") for w in self._settled)
        return word.start - before.end >= (SHORT_PAUSE if bare else PAUSE)

    def _complete(self, word: CaptionWord, more: bool) -> bool:
        if ends_sentence(word.text):
            return more or not trails_off(self._settled[0].text, word.text)
        return len(self._settled) >= CLAUSE and word.text.endswith((",", ";", ":"))

    def _best_cut(self) -> int:
        """After a comma, or before a word that opens a clause, as late as possible but not in the first third."""
        places = range(LONGEST, LONGEST // 3, -1)
        for place in places:
            if self._settled[place - 1].text.endswith((",", ";", ":")):
                return place
        return next((place for place in places if opens_clause(self._settled[place].text)), LONGEST)

"""Segments as StreamUni cuts them: successive hypotheses of the recognizer say where, not rules for sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from duplex.conversation.captions.segments import CaptionWord, Segment, Segmenter, trails_off
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.policies.truncation import STEP, Truncation

HOP = round(STEP * SAMPLE_RATE)
"""Samples between two looks at the hypothesis."""


class TruncationSegmenter(Segmenter):
    """Asks Truncation once for each step, whether somebody speaks or not: silence, too, is told by hypotheses that stay
    as they are. A cut in words that may still change waits until they no longer do."""

    def __init__(self, party: str, numbers: Iterator[int] | None = None) -> None:
        super().__init__(party, numbers)
        self._truncation = Truncation()
        self._next = 0
        """Sample at which the next step is due."""
        self._due = 0
        """Words after which the open segment is to be cut; 0: not known yet."""

    def tick(self, now: int, speaking: bool) -> list[Segment]:
        """See Segmenter."""
        if now < self._next:
            return []
        self._next = now + HOP
        words = [word.text for word in (*self._settled, *self._tail)]
        self._due = self._due or self._truncation.cut(words)
        done = self._cut()
        return [*done, self._open()] if done and (self._settled or self._tail) else done

    def _read(self, words: Sequence[CaptionWord], stable: int, last: bool) -> list[Segment]:
        done: list[Segment] = []
        for word in words[self._taken : stable]:
            before = self._settled[-1].speaker if self._settled else ""
            if before and word.speaker and word.speaker != before:
                done += self._cut(len(self._settled))
            self._settled.append(word)
        self._taken = max(self._taken, stable)
        self._tail = tuple(words[self._taken :])
        if last and self._settled and trails_off(self._settled[0].text, self._settled[-1].text):
            # The recognizer ends every utterance with a full stop, and this one stopped in the middle of a sentence.
            self._settled[-1] = replace(self._settled[-1], text=self._settled[-1].text.rstrip(".?!"))
        return done + self._cut()

    def _cut(self, count: int = 0) -> list[Segment]:
        """Closes the first `count` words, or those that are due; nothing if there are none, or if they may change."""
        count = count or min(self._due, len(self._settled) + len(self._tail))
        if not count or count > len(self._settled):
            return []
        self._due, self._truncation = 0, Truncation()
        return [self._close(count)]

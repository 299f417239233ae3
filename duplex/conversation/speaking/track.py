"""One reply as it is played: its text, where its words lie, and when each stretch of it was heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from duplex.models.tts.contract import WordMark

CLAUSE_ENDS = frozenset(",.;:!?…—。、，！？；：،؟؛।")
"""Punctuation at which a reply may be cut in on."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word of the reply's text and the samples of the session clock between which it was heard."""

    text: str
    text_start: int
    text_end: int
    start: int
    end: int


@dataclass(slots=True)
class Track:
    """One reply as it is played."""

    epoch: int
    text: str = ""
    marks: list[WordMark] = field(default_factory=list)
    written: int = 0
    played: int = 0
    finished: bool = False
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    """(first sample of the reply, sample of the clock, length): where each stretch of the reply was played."""
    first_audible: int | None = None
    last_audible: int | None = None
    shown: bool = False
    """Whether it is written instead of spoken: what there is of it has been read."""

    def heard_words(self) -> list[HeardWord]:
        """The words played to their end, in order."""
        words = []
        for mark in self.marks:
            if mark.end > self.played:
                break
            start, end = self._on_clock(mark.start), self._on_clock(mark.end - 1) + 1
            words.append(
                HeardWord(self.text[mark.text_start : mark.text_end], mark.text_start, mark.text_end, start, end)
            )
        return words

    def heard_text(self) -> str:
        """The reply's text up to the last word that was played to its end; all of it if the reply was."""
        if self.shown or (self.finished and self.played >= self.written):
            return self.text.strip()
        words = self.heard_words()
        return self.text[: words[-1].text_end].strip() if words else ""

    def clause_end(self, after: int) -> int:
        """The first sample from `after` on at which a clause of what has been written ends; failing that, a word."""
        ends = [mark for mark in self.marks if mark.end >= after]
        for mark in ends:
            if set(self.text[mark.text_end - 1 : mark.text_end + 1]) & CLAUSE_ENDS:
                return mark.end
        return self.written if self.finished or not ends else ends[-1].end

    def _on_clock(self, sample: int) -> int:
        for first, clock, length in self.segments:
            if sample < first + length:
                return clock + max(0, sample - first)
        first, clock, length = self.segments[-1]
        return clock + length

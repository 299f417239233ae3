"""Which turn a word belongs to, and which speaker said it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from duplex.session_record.intervals import Intervals
from duplex.session_record.log_records import DiarizedTurn
from duplex.session_record.subtitles import TimedWord


class FreeWords:
    """A party's words, each of which can be taken once; taking all of them takes linear time."""

    def __init__(self, words: list[TimedWord]) -> None:
        self._words = sorted(words, key=lambda word: word.start + word.end)
        self._middles = [(word.start + word.end) / 2 for word in self._words]
        self._next = list(range(len(words) + 1))
        """Of each place, the first at or after it that may be free (a union-find forest)."""

    def take(self, start: float, end: float) -> tuple[TimedWord, ...]:
        """The free words whose middle lies between `start` and `end`, in order."""
        taken = []
        at = self._free(bisect_left(self._middles, start - 1e-6))
        while at < len(self._words) and self._middles[at] <= end + 1e-6:
            taken.append(self._words[at])
            self._next[at] = at + 1
            at = self._free(at + 1)
        return tuple(sorted(taken, key=lambda word: word.start))

    def _free(self, at: int) -> int:
        root = at
        while self._next[root] != root:
            root = self._next[root]
        while self._next[at] != root:
            self._next[at], at = root, self._next[at]
        return root


class DiarizedSpeakers:
    """Names words that were final before the diarizer had reached them: by whoever it found to speak then."""

    def __init__(self, found: Iterable[DiarizedTurn]) -> None:
        spoken: dict[str, list[DiarizedTurn]] = {}
        for turn in found:
            spoken.setdefault(turn.speaker, []).append(turn)
        self._spoken = {speaker: Intervals(turns) for speaker, turns in spoken.items()}

    def named(self, word: TimedWord) -> TimedWord:
        if word.speaker:
            return word
        shares = {s: sum(part.end - part.start for part in i.within(word)) for s, i in self._spoken.items()}
        speaker = max(shares, key=lambda speaker: shares[speaker], default="")
        return word._replace(speaker=speaker) if shares.get(speaker) else word


def most_common(words: Iterable[TimedWord]) -> str:
    """The speaker of most of the words; empty if none is known."""
    speakers = Counter(word.speaker for word in words if word.speaker)
    return speakers.most_common(1)[0][0] if speakers else ""

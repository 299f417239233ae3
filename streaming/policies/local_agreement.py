"""LocalAgreement: what successive hypotheses of a growing utterance agree on is stable and never taken back.

Liu, Spanakis and Niehues (2020), "Low-latency sequence-to-sequence speech recognition and translation by partial
hypothesis selection", section 3; applied to Whisper by Macháček, Dabre and Bojar (2023), "Turning Whisper into
real-time transcription system", section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from duplex.streaming.policies.hypothesis import Hypothesis, Word

_JOINT = 5  # words at the joint that may have been heard twice


def comparable(text: str) -> str:
    """A word's text without case and punctuation: "Well," and "well" are the same word."""
    return "".join(letter for letter in text.casefold() if letter.isalnum() or letter == "'") or text


@dataclass(slots=True)
class LocalAgreement:
    """The policy and its state for one utterance.

    agree: successive hypotheses that must agree (2 in the papers). margin: samples at the end of what has been heard
    in which no word becomes stable, since the next sound may still change it.
    """

    agree: int = 2
    margin: int = 0
    stable: tuple[Word, ...] = ()
    _recent: list[tuple[Word, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.agree < 2:
            raise ValueError(f"at least two hypotheses can agree, not {self.agree}")

    def update(self, words: Sequence[Word], heard: int, since: int = 0) -> Hypothesis:
        """words: the recognizer's whole hypothesis of the samples from `since` to `heard`, in order of time."""
        tail = self._beyond_stable(words, since)
        self._recent.append(tail)
        if len(self._recent) >= self.agree:
            agreed = _common_prefix(self._recent)
            while agreed and tail[agreed - 1].end > heard - self.margin:
                agreed -= 1
            self.stable += tail[:agreed]
            self._recent = [hypothesis[agreed:] for hypothesis in self._recent[1:]]
            tail = tail[agreed:]
        return Hypothesis(self.stable + tail, len(self.stable))

    def settle(self, until: int) -> Hypothesis:
        """Makes the latest hypothesis stable up to the sample `until`, agreed or not: its audio is given up."""
        latest = self._recent[-1] if self._recent else ()
        count = sum(word.start + word.end <= 2 * until for word in latest)
        self.stable += latest[:count]
        self._recent = [latest[count:]] if latest else []
        return Hypothesis(self.stable + latest[count:], len(self.stable))

    def finish(self, words: Sequence[Word], since: int = 0) -> Hypothesis:
        """The final hypothesis, all stable."""
        tail = self._beyond_stable(words, since)  # may refine the times in self.stable
        self.stable += tail
        self._recent.clear()
        return Hypothesis(self.stable, len(self.stable), final=True)

    def _beyond_stable(self, words: Sequence[Word], since: int) -> tuple[Word, ...]:
        """The part of `words` that follows the stable prefix; where the texts agree, the prefix has its times, case and
        punctuation from now on: whether a sentence ended is known by what follows."""
        words = tuple(words)
        first = len(self.stable)
        while first and self.stable[first - 1].start + self.stable[first - 1].end > 2 * since:
            first -= 1
        known = self.stable[first:]
        if not known:
            return self._without_repeats(words)
        same = len(words) >= len(known) and _common_prefix([known, words]) == len(known)
        if same:
            self.stable = self.stable[:first] + words[: len(known)]
            return words[len(known) :]
        end = known[-1].end
        return self._without_repeats(tuple(word for word in words if word.start + word.end >= 2 * end))

    def _without_repeats(self, tail: tuple[Word, ...]) -> tuple[Word, ...]:
        """Drops from `tail` the last stable words heard once more, at times that overlap the stable ones."""
        if not self.stable or not tail or tail[0].start >= self.stable[-1].end:
            return tail
        for count in range(min(_JOINT, len(self.stable), len(tail)), 0, -1):
            if _common_prefix([self.stable[-count:], tail[:count]]) == count:
                return tail[count:]
        return tail


def _common_prefix(hypotheses: Sequence[Sequence[Word]]) -> int:
    count = 0
    for words in zip(*hypotheses, strict=False):
        if len({comparable(word.text) for word in words}) > 1:
            break
        count += 1
    return count

"""LocalAgreement: what successive hypotheses of a growing utterance agree on is stable and never taken back.

Liu, Spanakis and Niehues (2020), "Low-latency sequence-to-sequence speech recognition and translation by partial
hypothesis selection", section 3; applied to Whisper by Macháček, Dabre and Bojar (2023), "Turning Whisper into
real-time transcription system", section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.policies.hypothesis import Hypothesis, Word
from duplex.streaming.policies.splicing import known_letters
from duplex.streaming.policies.spoken_form import Spelling, Spoken, agreed, as_written, comparable

__all__ = ["LocalAgreement", "comparable"]

_JOINT = 5  # words before a window that may be heard once more in it
_GROWN = SAMPLE_RATE  # samples after which nothing is added to a number


def _never(text: str) -> bool:
    return False


@dataclass(slots=True)
class LocalAgreement:
    """The policy and its state for one utterance.

    agree: successive hypotheses that must agree (2 in the papers). margin: samples at the end of what has been heard
    in which no word becomes stable, since the next sound may still change it. spelling: how words are said, by which
    hypotheses are compared and joined (spoken_form.py). grows: whether what follows a word may change how it is
    written, as with numbers: it waits for the next word, or a second.
    """

    agree: int = 2
    margin: int = 0
    stable: tuple[Word, ...] = ()
    spelling: Spelling = as_written
    grows: Callable[[str], bool] = _never
    _recent: list[tuple[Word, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.agree < 2:
            raise ValueError(f"at least two hypotheses can agree, not {self.agree}")

    def update(self, words: Sequence[Word], heard: int, since: int = 0) -> Hypothesis:
        """words: the recognizer's whole hypothesis of the samples from `since` to `heard`, in order of time."""
        tail = self._beyond_stable(words, since)
        self._recent.append(tail)
        if len(self._recent) >= self.agree:
            spoken = [Spoken(hypothesis, self.spelling) for hypothesis in self._recent]
            latest = spoken[-1]
            count = self._ripe(tail, latest.whole(agreed(spoken)), heard)
            letters = latest.ends[sum(unit.word < count for unit in latest.units)]
            self.stable += tail[:count]
            self._recent = [hypothesis.behind(letters) for hypothesis in spoken[1:]]
            tail = tail[count:]
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

    def _ripe(self, tail: tuple[Word, ...], count: int, heard: int) -> int:
        """How many of the first `count` words can become stable at `heard`."""
        while count and tail[count - 1].end > heard - self.margin:
            count -= 1
        while count and tail[count - 1].end > heard - _GROWN and self.grows(tail[count - 1].text):
            count -= 1
        return count

    def _beyond_stable(self, words: Sequence[Word], since: int) -> tuple[Word, ...]:
        """The part of `words` that follows the stable prefix; where the texts agree, the prefix has its times, case and
        punctuation from now on: whether a sentence ended is known by what follows."""
        words = tuple(words)
        first = len(self.stable)
        while first and self.stable[first - 1].start + self.stable[first - 1].end > 2 * since:
            first -= 1
        known = self.stable[first:]
        if known and [comparable(word.text) for word in known] == [comparable(w.text) for w in words[: len(known)]]:
            self.stable = self.stable[:first] + words[: len(known)]
            return words[len(known) :]
        before = Spoken(self.stable[max(0, first - _JOINT) :], self.spelling)
        heard = Spoken(words, self.spelling)
        return heard.behind(known_letters(before, heard, since))

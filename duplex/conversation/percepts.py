"""The session's percepts: everything that is perceived, as one ordered and bounded stream.

What knows of something writes it here, in samples of the session's clock; the decider takes what is new, and sinks that
have `on_percept` are told each.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from duplex.conversation.speaking.track import HeardWord
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Prosody, Sound, TimerDue, Words
from duplex.streaming.audio import SAMPLE_RATE

MOST = 512
"""Percepts that wait for the decider at most, 20 s of a busy conversation; then the oldest are forgotten."""


class HeardAs(NamedTuple):
    """A word of a hypothesis: samples of the clock, and who is heard to say it, empty where that is not known."""

    start: int
    end: int
    text: str
    speaker: str = ""
    side: bool = False
    confidence: float = 1.0


class Percepts:
    """The stream. told: is given every percept as it comes. fresh: is called when one comes that a decision should
    not wait for until the block is over: the beginning or end of speech, the last words of an utterance, a sound."""

    def __init__(self, told: Callable[[Percept], None], fresh: Callable[[], None]) -> None:
        self.now = 0
        """The sample up to which the session has perceived."""
        self.dropped = 0
        """Percepts that were forgotten before the decider took them."""
        self._told = told
        self._fresh = fresh
        self._new: deque[Percept] = deque(maxlen=MOST)
        self._utterances = 0
        self._complete = False
        self._open: dict[tuple[str, int], dict[bool, tuple[int, int]]] = {}
        """(party, first sample) of each open utterance: number and last revision of the user's words and of others'."""

    def put(self, percept: Percept, *, fresh: bool = False) -> None:
        """A percept of any kind, from anybody; `at` is when it becomes known. fresh: decide on it at once."""
        self.dropped += len(self._new) == MOST
        self._new.append(percept)
        self._told(percept)
        if fresh:
            self._fresh()

    def take(self) -> list[Percept]:
        """What has come since the last call, oldest first."""
        taken = list(self._new)
        self._new.clear()
        return taken

    def activity(self, party: str, start: int, end: int, *, active: bool) -> None:
        self.put(Activity(*self._times(start, end), party, active), fresh=True)

    def caught_up(self) -> None:
        """The words that come next are all that was said until now, though their utterance is open."""
        self._complete = True

    def words(self, party: str, base: int, heard: Sequence[HeardAs], stable: int, *, final: bool) -> None:
        """The utterance that begins at sample `base` says `heard` so far, of which `stable` words are not revised."""
        parts = self._open.setdefault((party, base), {})
        for side in (False, True):
            said = [word for word in heard if word.side is side]
            if not said and side not in parts and not (final and not side):  # that nothing was said is known too
                continue
            number, revision = parts.get(side, (-1, -1))
            if number < 0:
                self._utterances += 1
                number = self._utterances
            parts[side] = number, revision + 1
            fixed = sum(word.side is side for word in heard[:stable])
            self._words(party, base, said, number, revision + 1, len(said) if final else fixed, final, side)
        self._complete = False
        if final:
            del self._open[party, base]

    def own_speech(self, epoch: int, words: Iterable[HeardWord]) -> None:
        """Words of a reply have been heard."""
        for word in words:
            self.put(OwnSpeech(*self._times(word.start, word.end), epoch, word.text))

    def prosody(self, party: str, start: int, end: int, pitch: float | None, level: float | None) -> None:
        """How the speech up to `end` ended: slopes in semitones and in dB a second."""
        self.put(Prosody(*self._times(start, end), party, pitch, level))

    def sound(self, start: int, end: int, label: str, score: float) -> None:
        self.put(Sound(*self._times(start, end), label, score), fresh=True)

    def timer_due(self, text: str) -> None:
        self.put(TimerDue(*self._times(self.now, self.now), text), fresh=True)

    def _words(
        self,
        party: str,
        base: int,
        said: Sequence[HeardAs],
        number: int,
        revision: int,
        stable: int,
        final: bool,
        side: bool,
    ) -> None:
        names = Counter(word.speaker for word in said if word.speaker)
        complete = final or self._complete
        self.put(
            Words(
                *self._times(said[0].start if said else base, said[-1].end if said else base),
                party,
                " ".join(word.text for word in said),
                number,
                revision,
                stable,
                final,
                names.most_common(1)[0][0] if names else "",
                side,
                round(sum(word.confidence for word in said) / len(said), 3) if said else 1.0,
                complete,
            ),
            fresh=complete and not side,
        )

    def _times(self, start: int, end: int) -> tuple[float, float, float]:
        """When it became known, and from when to when it was, in seconds."""
        return self.now / SAMPLE_RATE, start / SAMPLE_RATE, end / SAMPLE_RATE

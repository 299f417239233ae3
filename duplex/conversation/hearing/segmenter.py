"""Utterance segmentation of one party: voice activity, and utterances that begin before an onset and end at a pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from duplex.models.vad.contract import VoiceActivityDetector
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pipeline import StageRunner

LOOKS = (round(0.08 * SAMPLE_RATE), round(0.16 * SAMPLE_RATE))
"""Samples of silence at which the recognizer is asked for what it has heard: the turn may be over.

The second time it has heard more of the silence. It then hears a last word that it had half, and writes a period where
it had put a comma; both matter to whoever asks whether the turn is over, and the end of the utterance is far away.
"""

PREROLL = round(0.25 * SAMPLE_RATE)
"""The same where nobody wants another: soft consonants lie before what activity detects."""


class ActivityListener(Protocol):
    """Who is told when a party speaks."""

    def speech_started(self, at: int, onset: int, party: str) -> None: ...

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None: ...

    def utterance_opened(self, party: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AsrChunk:
    """A piece of one utterance on its way to the recognizer. last: the utterance ends with it. pause: the party is
    silent here, perhaps for good."""

    start: int
    samples: np.ndarray
    utterance: int
    onset: int
    last: bool
    pause: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Segmenter:
    """Segments what one party says. `perceive` is called frame by frame, on the loop.

    put: takes the pieces of utterances. gap, limit: seconds of silence that close an utterance, and of its longest
    length. on_speech: takes the samples in which the party is speaking.
    """

    def __init__(
        self,
        party: str,
        listener: ActivityListener,
        detector: VoiceActivityDetector[Any],
        put: Callable[[AsrChunk], Any],
        *,
        gap: float = 0.35,
        limit: float = 20.0,
        on_speech: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.party = party
        self.preroll = PREROLL
        """Samples before an onset that the recognizer is given."""
        self._listener = listener
        self._put = put
        self._on_speech = on_speech
        self._detector = StageRunner(detector)
        self._gap = round(gap * SAMPLE_RATE)
        self._limit = round(limit * SAMPLE_RATE)
        self._recent: deque[AudioChunk] = deque()
        self._active = False
        self._onset = 0
        self._offset = 0
        self._pause = -1
        """Where the silence began at which the recognizer was last asked."""
        self._looks = 0
        """How often it was asked in that silence."""
        self._utterance = 0
        self._open = False
        self._utterance_start = 0
        self._utterance_onset = 0

    @property
    def active(self) -> bool:
        """Whether the party is speaking."""
        return self._active

    @property
    def open(self) -> bool:
        """Whether an utterance is open: the party speaks, or its pause is still short."""
        return self._open

    def perceive(self, frame: AudioChunk, words: AudioChunk | None = None) -> None:
        """frame: 16 kHz. words: the same stretch as the recognizer is to hear it, where that differs from what
        activity is best detected in."""
        clear = words or frame
        paused = False
        for timed in self._detector.push(frame):
            verdict, origin = timed.out, self._detector.origin
            if verdict is None:
                continue
            if verdict.onset is not None:
                self._start(frame, origin + verdict.onset)
            if verdict.offset is not None:
                self._end(frame, origin + verdict.offset)
            here = timed.start + self._detector.stage.hop
            paused |= self._look_due(here, here - verdict.quiet if self._active else self._offset)
        if self._active and self._on_speech is not None:
            self._on_speech(frame.samples)
        self._recent.append(clear)
        while self._recent and self._recent[0].end < frame.end - self.preroll - PREROLL:
            self._recent.popleft()
        if self._open:
            self._listen(clear)
        if self._open and paused:
            self._send(clear.end, np.zeros(0, np.float32), pause=True)

    def _look_due(self, here: int, silent: int) -> bool:
        """Whether the recognizer is to be asked again, `here` in a silence that began at the sample `silent`."""
        due = sum(here - silent >= look for look in LOOKS)
        before = self._looks if silent == self._pause else 0
        if not self._open or due <= before:
            return False
        self._pause, self._looks = silent, due
        return True

    def cut(self, at: int) -> None:
        """Close the utterance here; if the party is still speaking, a new one begins (its turn was ended for it)."""
        if self._open:
            self._close(at)
        if self._active:
            self._onset = at
            self._start_utterance(at, at)

    def finish(self) -> None:
        """The input has ended: so has the utterance."""
        if self._open:
            self._close(self._recent[-1].end if self._recent else self._utterance_start)

    def _start(self, frame: AudioChunk, onset: int) -> None:
        self._active = True
        self._onset = onset
        self._listener.speech_started(frame.end, onset, self.party)
        if not self._open:
            self._begin(frame)

    def _end(self, frame: AudioChunk, offset: int) -> None:
        self._active = False
        self._offset = offset
        self._listener.speech_ended(frame.end, self._onset, offset, self.party)

    def _begin(self, frame: AudioChunk) -> None:
        wanted = max(self._onset - self.preroll, self._offset if self._offset <= self._onset else 0)
        before = [chunk for chunk in self._recent if chunk.end > wanted]
        self._start_utterance(self._onset, before[0].start if before else frame.start)
        for chunk in before:
            self._send(chunk.start, chunk.samples)

    def _start_utterance(self, onset: int, start: int) -> None:
        self._utterance += 1
        self._open = True
        self._utterance_start = start
        self._utterance_onset = onset
        self._listener.utterance_opened(self.party)

    def _listen(self, frame: AudioChunk) -> None:
        self._send(frame.start, frame.samples)
        if not self._active and frame.end - self._offset >= self._gap:
            self._close(frame.end)
        elif frame.end - self._utterance_start >= self._limit:
            self.cut(frame.end)

    def _send(self, start: int, samples: np.ndarray, *, last: bool = False, pause: bool = False) -> None:
        self._put(AsrChunk(start, samples, self._utterance, self._utterance_onset, last, pause))

    def _close(self, at: int) -> None:
        self._send(at, np.zeros(0, np.float32), last=True)
        self._open = False

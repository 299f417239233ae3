"""Who was speaking at a time gone by: what gives each word of a transcript its speaker."""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames, Turn
from duplex.models.diarization.turns import TurnBuilder


class SpeakerHistory:
    """A turn builder and what it was told in the last `horizon` seconds (None: all of it, 32 bytes a frame and more).

    Words are given to speakers by probability, not by turn: one spoken into somebody else's turn keeps its speaker.
    """

    def __init__(self, turns: TurnBuilder, horizon: float | None = 120.0) -> None:
        self.turns = turns
        self._rows: deque[np.ndarray] = deque(maxlen=None if horizon is None else max(1, round(horizon * 10)))
        self._end = 0

    def push(self, frames: SpeakerFrames) -> list[Turn]:
        """Returns the turns that are over (TurnBuilder.push)."""
        finished = self.turns.push(frames)
        if len(frames.probabilities):
            if frames.start != self._end:
                self._rows.clear()
            self._rows.extend(np.array(row, np.float32) for row in frames.probabilities)
            self._end = frames.start + len(frames.probabilities) * FRAME
        return finished

    def flush(self) -> list[Turn]:
        return self.turns.flush()

    def known(self, start: int, end: int) -> np.ndarray:
        """What is known of the frames that touch `start` to `end` (samples): (frames, speakers) probabilities."""
        first = self._end - len(self._rows) * FRAME
        begin, stop = max(start, first), min(max(end, start + 1), self._end)
        if begin >= stop:
            return np.zeros((0, self.turns.speakers), np.float32)
        return np.stack([self._rows[n] for n in range((begin - first) // FRAME, (stop - 1 - first) // FRAME + 1)])

    def speaker(self, start: int, end: int) -> str | None:
        """The speaker most active from `start` to `end` (samples at 16 kHz), of those who have a name.

        None if nobody has, or if nothing is known of that time.
        """
        columns = sorted(self.turns.names)
        first = self._end - len(self._rows) * FRAME
        begin, stop = max(start, first), min(max(end, start + 1), self._end)
        if not columns or begin >= stop:
            return None
        total = np.zeros(self.turns.speakers)
        for index in range((begin - first) // FRAME, (stop - 1 - first) // FRAME + 1):
            frame = first + index * FRAME
            total += self._rows[index] * (min(stop, frame + FRAME) - max(begin, frame))
        return self.turns.names[max(columns, key=lambda column: total[column])]

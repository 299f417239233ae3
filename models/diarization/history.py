"""Who was speaking at a time gone by: what gives each word of a transcript its speaker."""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames, Turn
from duplex.models.diarization.turns import TurnBuilder


class SpeakerHistory:
    """A turn builder and what it was told in the last `horizon` seconds (None: all of it, 32 bytes a frame and more).

    Words are given to speakers by probability, not by turn: one spoken into somebody else's turn keeps its speaker.
    Frames may be left out (a jump ahead in time): nothing is known of them, and what was known before stays.
    """

    def __init__(self, turns: TurnBuilder, horizon: float | None = 120.0) -> None:
        self.turns = turns
        self._rows: deque[np.ndarray | None] = deque(maxlen=None if horizon is None else max(1, round(horizon * 10)))
        """The last frames up to `_end`; None stands for one that was left out."""
        self._end = 0

    def push(self, frames: SpeakerFrames) -> list[Turn]:
        """Returns the turns that are over (TurnBuilder.push)."""
        finished = self.turns.push(frames)
        if len(frames.probabilities):
            self._leave_out(frames.start - self._end)
            self._rows.extend(np.array(row, np.float32) for row in frames.probabilities)
            self._end = frames.start + len(frames.probabilities) * FRAME
        return finished

    def flush(self) -> list[Turn]:
        return self.turns.flush()

    def known(self, start: int, end: int) -> np.ndarray:
        """What is known of the frames that touch `start` to `end` (samples): (frames, speakers) probabilities."""
        rows = [row for _, row in self._touching(start, end)]
        return np.stack(rows) if rows else np.zeros((0, self.turns.speakers), np.float32)

    def speaker(self, start: int, end: int) -> str | None:
        """The speaker most active from `start` to `end` (samples at 16 kHz), of those who have a name.

        None if nobody has, or if nothing is known of that time.
        """
        columns = sorted(self.turns.names)
        total: np.ndarray | None = None
        for covered, row in self._touching(start, end):
            total = row * covered if total is None else total + row * covered
        if not columns or total is None:
            return None
        return self.turns.names[max(columns, key=lambda column: total[column])]

    def _touching(self, start: int, end: int) -> list[tuple[int, np.ndarray]]:
        """(samples of it that lie from `start` to `end`, probabilities) of each frame of which something is known."""
        first = self._end - len(self._rows) * FRAME
        begin, stop = max(start, first), min(max(end, start + 1), self._end)
        found = []
        for index in range((begin - first) // FRAME, (stop - 1 - first) // FRAME + 1) if begin < stop else ():
            row, frame = self._rows[index], first + index * FRAME
            if row is not None:
                found.append((min(stop, frame + FRAME) - max(begin, frame), row))
        return found

    def _leave_out(self, samples: int) -> None:
        """samples: by how many the frames that come next lie after the last ones."""
        if samples % FRAME or samples < 0 or (self._rows.maxlen is None and not self._rows):
            self._rows.clear()
            return
        count = samples // FRAME
        self._rows.extend([None] * (count if self._rows.maxlen is None else min(count, self._rows.maxlen)))

"""A diarizer over one stream with a clock: blocks of any length with gaps between them go in, turns at their true times
come out, and who spoke when can be asked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from duplex.models.diarization.contract import FRAME, Diarizer, SpeakerFrames, Turn
from duplex.models.diarization.feed import DiarizerFeed
from duplex.models.diarization.history import SpeakerHistory
from duplex.models.diarization.turns import TurnBuilder
from duplex.streaming.audio import SAMPLE_RATE

SHORT_GAP = 3 * SAMPLE_RATE
"""Samples of a gap that the diarizer hears as silence from beginning to end."""


class SpeakerTracker:
    """The speakers of one stream.

    A gap is silence of the gap's length. Of a long one the diarizer hears only the beginning, which brings out all that
    it still looks ahead for, and whole frames in the middle are left out: it is not started anew, for then it would not
    know those again whom it has heard, and an hour's gap costs no more than a few seconds.

    enrolled: (name, samples at 16 kHz) of known voices. horizon: seconds for which it is remembered who spoke; None:
    from the beginning. any_level: as of the diarizer. Not thread-safe. Raises what the diarizer raises.
    """

    def __init__(
        self,
        diarizer: Diarizer[Any],
        enrolled: Sequence[tuple[str, np.ndarray]] = (),
        horizon: float | None = 120.0,
    ) -> None:
        self.any_level = diarizer.any_level
        self.turns = TurnBuilder(diarizer.max_speakers, [name for name, _ in enrolled])
        self._history = SpeakerHistory(self.turns, horizon)
        self._feed = DiarizerFeed(diarizer, enrolled)
        settings = self.turns.settings
        self._drain = diarizer.latency + diarizer.hop + self.turns.lag + (settings.least_silence + 1) * FRAME
        self._position = 0
        self._fed = 0
        self._left_out: list[tuple[int, int]] = []
        """(place in what the diarizer hears, samples left out there), of which some frames have not come out yet."""
        self._shift = 0
        """Samples left out before the frames that come out next."""

    @property
    def names(self) -> dict[int, str]:
        """The speakers' names by their columns, as far as they have one."""
        return self.turns.names

    @property
    def position(self) -> int:
        """The sample at which the next block is expected."""
        return self._position

    def push(self, samples: np.ndarray, start: int | None = None) -> list[SpeakerFrames]:
        """samples: (n,) float32 at 16 kHz, any n; start: their place, by default right after the last. What overlaps
        what came before is left out. Returns the frames that are complete, for `learn`; it may take as long as a model
        does."""
        start = self._position if start is None else start
        late = min(len(samples), max(0, self._position - start))
        frames = self._skip(start - self._position) if start > self._position else []
        return frames + self._hear(samples[late:])

    def flush(self) -> list[SpeakerFrames]:
        """The frames that are left at the end of the stream."""
        return self._placed(self._feed.flush())

    def learn(self, frames: Sequence[SpeakerFrames]) -> list[Turn]:
        """What `push` and `flush` returned. Returns the turns that are over, in seconds; takes microseconds a frame."""
        return self._within([turn for found in frames for turn in self._history.push(found)])

    def finish(self) -> list[Turn]:
        """After what `flush` returned was learned: the turns that were still open."""
        return self._within(self._history.flush())

    def speaker(self, start: int, end: int) -> str | None:
        """Who spoke most between two samples; None if that is not known."""
        return self._history.speaker(start, end)

    def known(self, start: int, end: int) -> np.ndarray:
        """(frames, speakers): what is known of the frames between two samples."""
        return self._history.known(start, end)

    def _skip(self, gap: int) -> list[SpeakerFrames]:
        spare = max(0, gap - max(SHORT_GAP, self._drain + FRAME)) // FRAME * FRAME
        if not spare:
            return self._hear(np.zeros(gap, np.float32))
        # Up to the end of a frame: what is left out is whole frames, so the others keep their grid.
        before = self._drain + -(self._fed + self._drain) % FRAME
        frames = self._hear(np.zeros(before, np.float32))
        self._left_out.append((self._fed, spare))
        self._position += spare
        return frames + self._hear(np.zeros(gap - before - spare, np.float32))

    def _hear(self, samples: np.ndarray) -> list[SpeakerFrames]:
        self._position += len(samples)
        self._fed += len(samples)
        return self._placed(self._feed.push(samples))

    def _placed(self, frames: Sequence[SpeakerFrames]) -> list[SpeakerFrames]:
        """At their place in the stream. Of a diarizer that looks ahead, frames from both sides of a place at which
        something was left out come together."""
        placed = []
        for found in frames:
            start, rows = found.start, found.probabilities
            while self._left_out and self._left_out[0][0] < start + len(rows) * FRAME:
                place, samples = self._left_out.pop(0)
                count = max(0, (place - start) // FRAME)
                if count:
                    placed.append(SpeakerFrames(start + self._shift, rows[:count]))
                start, rows = start + count * FRAME, rows[count:]
                self._shift += samples
            if len(rows):
                placed.append(SpeakerFrames(start + self._shift, rows))
        return placed

    def _within(self, turns: Sequence[Turn]) -> list[Turn]:
        """The last frame is completed with silence: no turn is longer than the stream."""
        end = self._position / SAMPLE_RATE
        return [replace(turn, end=min(turn.end, end)) for turn in turns if turn.start < end]

"""From the probabilities of a diarizer to turns: smoothed, with hysteresis, as they come and in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames, Turn
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, SettingsError


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Raises SettingsError where they contradict one another.

    onset, offset: a speaker begins at a probability of `onset` and ends below `offset`. median: frames of the median
    filter, odd; half of them are waited for. least_speech: frames (100 ms) of the shortest turn. least_silence: frames
    of the shortest pause that ends one.
    """

    onset: float = 0.5
    offset: float = 0.4
    median: int = 3
    least_speech: int = 2
    least_silence: int = 4

    def __post_init__(self) -> None:
        if not 0.0 <= self.offset <= self.onset <= 1.0:
            raise SettingsError(f"turns need 0 <= offset <= onset <= 1, not {self.offset:g} and {self.onset:g}")
        if self.median < 1 or self.median % 2 == 0:
            raise SettingsError(f"the median filter of turns takes an odd number of frames, not {self.median}")
        if self.least_speech < 1 or self.least_silence < 1:
            raise SettingsError("the shortest turn and the shortest pause have at least one frame")


class TurnBuilder:
    """Turns of one stream.

    speakers: columns of the probabilities. enrolled: names of the first of them. The others are called "speaker 1",
    "speaker 2", … in the order in which their first turn is confirmed, that is, has lasted for `least_speech` frames;
    a name once given stays.
    """

    def __init__(self, speakers: int, enrolled: Sequence[str] = (), settings: TurnSettings | None = None) -> None:
        if len(enrolled) > speakers or len(set(enrolled)) < len(enrolled):
            raise SettingsError(f"enrolled names must differ and be at most {speakers}: {', '.join(enrolled)}")
        self.settings = settings or TurnSettings()
        self.speakers = speakers
        self.names: dict[int, str] = dict(enumerate(enrolled))
        """Of the columns that have one."""
        self._numbered = 0
        self._origin: int | None = None
        self._restart()

    @property
    def lag(self) -> int:
        """Samples of look-ahead that the median filter adds to the diarizer's latency."""
        return self.settings.median // 2 * FRAME

    @property
    def open(self) -> list[Turn]:
        """The turns that are going on, as far as they are known, by start."""
        columns = [column for column in np.flatnonzero(self._began >= 0) if self._long_enough(column)]
        return sorted((self._turn(column) for column in columns), key=lambda turn: (turn.start, turn.speaker))

    def push(self, frames: SpeakerFrames) -> list[Turn]:
        """Returns the turns that are over, in order of their ends. A jump ahead in time ends all that are open.

        Raises InputError if the frames have another number of speakers, or lie before what has been pushed.
        """
        if frames.probabilities.ndim != 2 or frames.probabilities.shape[1] != self.speakers:
            raise InputError(
                f"turns of {self.speakers} speakers need probabilities of shape (frames, {self.speakers}), "
                f"not {frames.probabilities.shape}"
            )
        if not len(frames.probabilities):
            return []
        finished: list[Turn] = []
        if self._origin is None:
            self._origin = frames.start
        expected = self._origin + self._pushed * FRAME
        if frames.start < expected:
            raise InputError(f"turns: frames at sample {frames.start} come after those up to {expected}")
        if frames.start > expected:
            finished = self.flush()
            self._origin = frames.start
        for row in frames.probabilities:
            self._recent.append(np.array(row, np.float32))
            self._pushed += 1
            if self._pushed > self.settings.median // 2:
                finished += self._advance(self._filtered())
        return finished

    def flush(self) -> list[Turn]:
        """Ends the stream, and with it all turns. Frames pushed after it begin another, with the same names."""
        finished: list[Turn] = []
        while self._done < self._pushed:
            finished += self._advance(self._filtered())
        finished += self._close(self._began >= 0)
        self._origin = None
        self._restart()
        return finished

    def _restart(self) -> None:
        self._pushed = 0
        self._done = 0
        self._recent: deque[np.ndarray] = deque(maxlen=self.settings.median)
        self._active = np.zeros(self.speakers, bool)
        self._began = np.full(self.speakers, -1)
        self._last = np.full(self.speakers, -1)

    def _long_enough(self, column: int) -> bool:
        return bool(self._last[column] + 1 - self._began[column] >= self.settings.least_speech)

    def _filtered(self) -> np.ndarray:
        """(speakers,) median around the next frame; the first and last stand for what is beyond them."""
        half = self.settings.median // 2
        oldest = self._pushed - len(self._recent)
        around = np.clip(np.arange(self._done - half, self._done + half + 1), 0, self._pushed - 1)
        return np.median([self._recent[index - oldest] for index in around], axis=0)

    def _advance(self, row: np.ndarray) -> list[Turn]:
        settings = self.settings
        self._active = (row >= settings.onset) | (self._active & (row >= settings.offset))
        self._began[self._active & (self._began < 0)] = self._done
        self._last[self._active] = self._done
        for column in np.flatnonzero(self._active):
            if column not in self.names and self._long_enough(column):
                self.names[int(column)] = self._next_name()
        over = (self._began >= 0) & (self._done - self._last >= settings.least_silence)
        self._done += 1
        return self._close(over) if over.any() else []

    def _close(self, columns: np.ndarray) -> list[Turn]:
        turns = [self._turn(column) for column in np.flatnonzero(columns) if self._long_enough(column)]
        self._began[columns] = -1
        return sorted(turns, key=lambda turn: (turn.end, turn.start, turn.speaker))

    def _turn(self, column: int) -> Turn:
        origin = self._origin or 0
        start = (origin + int(self._began[column]) * FRAME) / SAMPLE_RATE
        end = (origin + int(self._last[column] + 1) * FRAME) / SAMPLE_RATE
        return Turn(start, end, self.names[int(column)])

    def _next_name(self) -> str:
        taken = set(self.names.values())
        while True:
            self._numbered += 1
            name = f"speaker {self._numbered}"
            if name not in taken:
                return name

"""Who is speaking on one channel of a session: a diarizer beside the hearing, and what it has to say about words.

It never holds up perception: audio waits in a bounded queue, steps run on the inference pool, and what is asked about a
moment is answered from what is known of it by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from duplex.models.diarization.contract import FRAME, Diarizer, Turn
from duplex.models.diarization.feed import DiarizerFeed
from duplex.models.diarization.history import SpeakerHistory
from duplex.models.diarization.turns import TurnBuilder
from duplex.streaming.audio import AudioChunk
from duplex.streaming.pool import InferencePool
from duplex.streaming.queues import BoundedQueue

LEAST_KNOWN = 3
"""Frames (100 ms) that must be known before speech is held to be another person's."""

SURE, UNLIKELY = 0.5, 0.25
"""Mean probability above which another person speaks, and below which the user does not."""


class SpeakerLabels:
    """The speakers of one channel.

    enrolled: (name, samples at 16 kHz) of known voices. user: name of the one whom the assistant answers; empty:
    whoever speaks.
    """

    def __init__(
        self,
        diarizer: Diarizer[Any],
        pool: InferencePool,
        enrolled: Sequence[tuple[str, np.ndarray]] = (),
        user: str = "",
    ) -> None:
        self.queue: BoundedQueue[AudioChunk] = BoundedQueue(250, "drop_oldest", "diarize")
        self.user = user
        self.paused = False
        self._pool = pool
        self._turns = TurnBuilder(diarizer.max_speakers, [name for name, _ in enrolled])
        self._history = SpeakerHistory(self._turns)
        self._diarizer = diarizer
        self._enrolled = enrolled
        self._fed = 0
        self._skipped = 0

    def hear(self, frame: AudioChunk) -> None:
        """16 kHz; never waits."""
        if not self.paused:
            self.queue.put_nowait(frame)

    async def follow(self, report: Callable[[Turn], None]) -> None:
        """Task: diarize what is heard, and report turns that are over, in seconds of the session's clock."""
        feed = await self._pool.run("diarize", DiarizerFeed, self._diarizer, self._enrolled)
        held: list[np.ndarray] = []
        waiting = 0
        async for chunk in self.queue:
            self._skipped = max(self._skipped, chunk.start - self._fed)  # dropped on a full queue, or while paused
            self._fed += len(chunk.samples)
            held.append(chunk.samples)
            waiting += len(chunk.samples)
            if waiting >= FRAME:
                for frames in await self._pool.run("diarize", feed.push, np.concatenate(held)):
                    for turn in self._history.push(replace(frames, start=frames.start + self._skipped)):
                        report(turn)
                held, waiting = [], 0
        for turn in self._history.flush():
            report(turn)

    def speaker(self, start: int, end: int) -> str:
        """Who spoke most between two samples; empty if that is not known."""
        return self._history.speaker(start, end) or ""

    def likelihood(self, start: int, end: int) -> float | None:
        """The highest probability that anybody spoke in a frame between two samples; None while too little is known."""
        known = self._history.known(start, end)
        return float(known.max()) if len(known) >= LEAST_KNOWN else None

    def overheard(self, start: int, end: int) -> bool:
        """Whether somebody else than the user is known to have spoken between two samples, and the user not."""
        if not self.user or self.user not in self._turns.names.values():
            return False
        known = self._history.known(start, end)
        if len(known) < LEAST_KNOWN:
            return False
        names = self._turns.names
        spoken = known[known.max(axis=1) >= UNLIKELY]
        if not len(spoken):
            return False
        means = spoken.mean(axis=0)
        user = max(means[column] for column, name in names.items() if name == self.user)
        others = max((means[column] for column in range(len(means)) if names.get(column) != self.user), default=0.0)
        return bool(user < UNLIKELY and others > SURE)

"""Who is speaking on one channel of a session: a diarizer beside the hearing, and what it has to say about words.

It never holds up perception: audio waits in a bounded queue, steps run on the inference pool, and a question about a
moment is answered from what is known of it by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from duplex.conversation.speaker_tracker import SpeakerTracker
from duplex.models.diarization.contract import FRAME, Diarizer, SpeakerFrames, Turn
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
        self._diarizer = diarizer
        self._enrolled = enrolled
        self._tracker: SpeakerTracker | None = None

    def hear(self, frame: AudioChunk) -> None:
        """16 kHz; never waits."""
        if not self.paused:
            self.queue.put_nowait(frame)

    async def follow(self, report: Callable[[Turn], None]) -> None:
        """Task: diarize what is heard, and report turns that are over, in seconds of the session's clock.

        What was dropped on a full queue or while paused is a gap: the turns before it are reported at their times, and
        before those after it. Ends when the queue is closed, with all that was said until then reported.
        """
        tracker = await self._pool.run("diarize", SpeakerTracker, self._diarizer, self._enrolled)
        self._tracker = tracker
        held: list[AudioChunk] = []
        waiting = 0
        async for chunk in self.queue:
            held.append(chunk)
            waiting += len(chunk.samples)
            if waiting >= FRAME:
                for turn in tracker.learn(await self._pool.run("diarize", _push, tracker, held)):
                    report(turn)
                held, waiting = [], 0
        frames = await self._pool.run("diarize", _push, tracker, held)
        frames += await self._pool.run("diarize", tracker.flush)
        for turn in [*tracker.learn(frames), *tracker.finish()]:
            report(turn)

    def speaker(self, start: int, end: int) -> str:
        """Who spoke most between two samples; empty if that is not known."""
        return (self._tracker.speaker(start, end) if self._tracker else None) or ""

    def likelihood(self, start: int, end: int) -> float | None:
        """The highest probability that anybody spoke in a frame between two samples; None while too little is known."""
        known = self._known(start, end)
        return float(known.max()) if len(known) >= LEAST_KNOWN else None

    def overheard(self, start: int, end: int) -> bool:
        """Whether somebody else than the user is known to have spoken between two samples, and the user not."""
        names = self._tracker.names if self._tracker else {}
        if not self.user or self.user not in names.values():
            return False
        known = self._known(start, end)
        if len(known) < LEAST_KNOWN:
            return False
        spoken = known[known.max(axis=1) >= UNLIKELY]
        if not len(spoken):
            return False
        means = spoken.mean(axis=0)
        user = max(means[column] for column, name in names.items() if name == self.user)
        others = max((means[column] for column in range(len(means)) if names.get(column) != self.user), default=0.0)
        return bool(user < UNLIKELY and others > SURE)

    def _known(self, start: int, end: int) -> np.ndarray:
        return self._tracker.known(start, end) if self._tracker else np.zeros((0, 0), np.float32)


def _push(tracker: SpeakerTracker, chunks: Sequence[AudioChunk]) -> list[SpeakerFrames]:
    return [frames for start, samples in _joined(chunks) for frames in tracker.push(samples, start)]


def _joined(chunks: Iterable[AudioChunk]) -> Iterator[tuple[int, np.ndarray]]:
    """(start, samples) of the stretches without a gap."""
    held: list[AudioChunk] = []
    for chunk in chunks:
        if held and chunk.start != held[-1].end:
            yield held[0].start, np.concatenate([each.samples for each in held])
            held = []
        held.append(chunk)
    if held:
        yield held[0].start, np.concatenate([each.samples for each in held])

"""Who is speaking on one channel of a session: a diarizer beside the hearing, and what it has to say about words.

It never holds up perception: audio waits in a bounded queue, steps run on the inference pool, and a question about a
moment is answered from what is known of it by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from duplex.conversation.hearing.speaker_tracker import SpeakerTracker
from duplex.models.diarization.contract import FRAME, Diarizer, SpeakerFrames, Turn
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import Steps

STEP_LIMIT = 20.0
"""Seconds after which a step of the diarizer counts as stalled."""

LEAST_RUN = round(0.8 * SAMPLE_RATE)
"""Samples: a shorter run of words between those of somebody else is theirs; speakers do not change so quickly."""


class SpeakerLabels:
    """The speakers of one channel: the work of a diarization node, and what is known by now.

    enrolled: (name, samples at 16 kHz) of known voices. user: name of the one whom the assistant answers; empty:
    whoever speaks. report: takes the turns that are over, in seconds of the session's clock.
    """

    def __init__(
        self,
        diarizer: Diarizer[Any],
        steps: Steps,
        enrolled: Sequence[tuple[str, np.ndarray]] = (),
        user: str = "",
        report: Callable[[Turn], None] = lambda turn: None,
    ) -> None:
        self.user = user
        self.any_level = diarizer.any_level
        self.paused = False
        self._steps = steps
        self._diarizer = diarizer
        self._enrolled = enrolled
        self._report = report
        self._tracker: SpeakerTracker | None = None
        self._held: list[AudioChunk] = []
        self._waiting = 0
        self._failed = False

    def node(self, after: Sequence[Node[Any]] = ()) -> Node[AudioChunk]:
        """The node that takes the channel's audio, 16 kHz, gaps and all."""
        return Node("diarize", self._consume, finish=self._finish, capacity=250, capability="diarization", after=after)

    async def _consume(self, chunk: AudioChunk) -> None:
        """What was dropped on a full queue or while paused is a gap: turns before it are reported before it."""
        if self._failed:  # a stream that lost a step is out of order for good
            return
        self._held.append(chunk)
        self._waiting += len(chunk.samples)
        if self._waiting >= FRAME:
            await self._learn()

    async def _finish(self) -> None:
        if not self._failed:
            await self._learn(last=True)

    async def _learn(self, *, last: bool = False) -> None:
        held, self._held, self._waiting = self._held, [], 0
        try:
            if self._tracker is None:
                self._tracker = await self._run(SpeakerTracker, self._diarizer, self._enrolled)
            frames = await self._run(_push, self._tracker, held)
            if last:
                frames += await self._run(self._tracker.flush)
        except Exception:
            self._failed = True
            raise
        for turn in [*self._tracker.learn(frames), *(self._tracker.finish() if last else [])]:
            self._report(turn)

    async def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        return await self._steps.run("diarize", work, *args, limit=STEP_LIMIT)

    @property
    def user_known(self) -> bool:
        """Whether there is somebody whose speech alone is answered, and whose voice is known."""
        return bool(self.user) and self._tracker is not None and self.user in self._tracker.names.values()

    def speaker(self, start: int, end: int) -> str:
        """Who spoke most between two samples; empty if that is not known."""
        return (self._tracker.speaker(start, end) if self._tracker else None) or ""

    def attribute(self, words: Sequence[tuple[int, int]]) -> list[str]:
        """Who said each of these words of one utterance, given as (start, end) in samples; empty where nobody knows.

        One decision for each word, which the log, the floor and the answer share. Words of which nothing is known yet,
        and short runs, go with the words before them.
        """
        names = [self.speaker(start, end) for start, end in words]
        for index, name in enumerate(names):
            if not name and index:
                names[index] = names[index - 1]
        runs = [(name, list(run)) for name, run in itertools.groupby(range(len(words)), key=lambda index: names[index])]
        for number, (_, run) in enumerate(runs):
            if len(runs) > 1 and words[run[-1]][1] - words[run[0]][0] < LEAST_RUN:
                neighbour = runs[number - 1][0] if number else runs[1][0]
                for index in run:
                    names[index] = neighbour
                runs[number] = (neighbour, run)
        return names

    def is_side_speech(self, speaker: str) -> bool:
        """Whether what this speaker says is meant for somebody else than the assistant."""
        return self.user_known and speaker not in ("", self.user)


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

"""The sounds on one channel of a session: a tagger beside the hearing.

It never holds up perception: audio waits in a bounded queue whose oldest is dropped, which is a gap for the tagger, and
steps run on the inference pool. Echo control stands before it, so the assistant's own voice is not among what it hears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from duplex.models.sounds.contract import BLOCK, SoundBlock, SoundTagger
from duplex.models.sounds.events import HeardSound, SoundEvents
from duplex.streaming.audio import AudioChunk
from duplex.streaming.pipeline import Node, StageRunner, Timed
from duplex.streaming.pool import Steps

STEP_LIMIT = 5.0
"""Seconds after which a step of the tagger counts as stalled."""


class LiveSounds:
    """The sounds of one party's channel: the work of a node. report: takes each when it is known, and when it is over;
    times in samples of the session's clock."""

    def __init__(
        self, party: str, tagger: SoundTagger[Any], steps: Steps, report: Callable[[str, HeardSound], None]
    ) -> None:
        self.party = party
        self._steps = steps
        self._report = report
        self._runner: StageRunner[SoundBlock | None] = StageRunner(tagger)
        self._events = SoundEvents(tagger.labels, tagger.thresholds)
        self._held: list[AudioChunk] = []
        self._waiting = 0

    def node(self, after: Sequence[Node[Any]] = ()) -> Node[AudioChunk]:
        """The node that takes the channel's audio, 16 kHz, gaps and all."""
        return Node(
            f"sounds {self.party}",
            self._consume,
            finish=self._finish,
            capacity=250,
            capability="sounds",
            after=after,
        )

    async def _consume(self, chunk: AudioChunk) -> None:
        self._held.append(chunk)
        self._waiting += len(chunk.samples)
        if self._waiting >= BLOCK:
            held, self._held, self._waiting = self._held, [], 0
            self._tell(await self._run(self._push, held))

    async def _finish(self) -> None:
        held, self._held = self._held, []
        self._tell(await self._run(self._push, held) + await self._run(self._runner.flush))

    def _push(self, chunks: Sequence[AudioChunk]) -> list[Timed[SoundBlock | None]]:
        return [timed for chunk in chunks for timed in self._runner.push(chunk)]

    def _tell(self, tagged: Sequence[Timed[SoundBlock | None]]) -> None:
        for timed in tagged:
            if timed.out is None:  # a stream that was flushed: before a long gap, or at the end
                heard = self._events.finish()
            else:
                heard = self._events.push(SoundBlock(timed.start, timed.out.probabilities))
            for sound in heard:
                self._report(self.party, sound)

    async def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        return await self._steps.run("sounds", work, *args, limit=STEP_LIMIT)

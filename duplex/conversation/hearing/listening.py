"""An answerer that listens for itself hears what the session hears, block by block, and says what it would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duplex.models.interaction.contract import Listens
from duplex.models.interaction.decider.contract import Situation
from duplex.streaming.audio import AudioChunk
from duplex.streaming.pipeline import LONGEST_GAP, Node
from duplex.streaming.pool import Steps

STEP_LIMIT = 30.0
"""Seconds after which a block counts as never to be heard."""


class Listening:
    """A node that hands over all that was heard since the last decision as soon as a block of it is complete.

    dialogue: names the conversation to the listener. situation: what is the case now. decided: is called, on the loop,
    when there is a new verdict for the listener's gate to give. A block that is late is heard together with the next:
    there is one decision for both.
    """

    def __init__(
        self,
        listener: Listens,
        dialogue: str,
        steps: Steps,
        situation: Callable[[], Situation],
        decided: Callable[[], None],
        after: Sequence[Node[Any]] = (),
    ) -> None:
        self._listener = listener
        self._dialogue = dialogue
        self._steps = steps
        self._situation = situation
        self._decided = decided
        self._held: list[np.ndarray] = []
        self._due = listener.block + listener.ahead
        """Samples that are held when the next block is complete."""
        self._at: int | None = None
        self.node: Node[AudioChunk] = Node("listen", self._consume, capacity=1500, capability="listening", after=after)

    async def _consume(self, chunk: AudioChunk) -> None:
        """Gaps are silence of their length, up to ten seconds."""
        if self._at is not None and chunk.start > self._at:
            self._hold(np.zeros(min(chunk.start - self._at, LONGEST_GAP), np.float32))
        self._at = chunk.end
        self._hold(chunk.samples)
        if self._due > 0 or len(self.node.queue) >= self._listener.block // max(1, len(chunk.samples)):
            return
        samples, self._held = np.concatenate(self._held), []
        while self._due <= 0:
            self._due += self._listener.block
        verdict = await self._steps.run(
            "decide", self._listener.hear, self._dialogue, samples, self._situation(), limit=STEP_LIMIT
        )
        if verdict is not None:
            self._decided()

    def _hold(self, samples: np.ndarray) -> None:
        self._held.append(samples)
        self._due -= len(samples)

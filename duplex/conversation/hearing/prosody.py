"""How each stretch of a party's speech ended, measured on the pool beside recognition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from duplex.conversation.hearing.segmenter import AsrChunk
from duplex.models.turn_taking import Slopes, ending_slopes
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import Steps

KEPT = round(0.8 * SAMPLE_RATE)
"""Samples of an utterance that are kept: the pause in which it is asked, and what was said before."""


class Ending(NamedTuple):
    """The last sound of an utterance on a channel of the input, (n,) at 16 kHz, up to the sample `end`."""

    channel: int
    end: int
    samples: np.ndarray


class ProsodyTracker:
    """Takes the pieces of everybody's utterances; told: (channel, first sample, last sample, slopes) of each ending."""

    def __init__(self, steps: Steps, told: Callable[[int, int, int, Slopes], None], after: Sequence[Node[Any]]) -> None:
        self._recent: dict[int, np.ndarray] = {}

        async def measure(ending: Ending) -> None:
            slopes = await steps.run("prosody", ending_slopes, ending.samples, limit=1.0)
            told(ending.channel, ending.end - len(ending.samples), ending.end, slopes)

        self.node: Node[Ending] = Node("prosody", measure, capacity=4, after=after)

    def beside(self, channel: int, put: Callable[[AsrChunk], Any]) -> Callable[[AsrChunk], Any]:
        """What takes the pieces of the channel's utterances for `put` as well."""

        def both(piece: AsrChunk) -> None:
            self._hear(channel, piece)
            put(piece)

        return both

    def _hear(self, channel: int, piece: AsrChunk) -> None:
        kept = self._recent.get(channel, piece.samples[:0])
        self._recent[channel] = np.concatenate([kept, piece.samples])[-KEPT:]
        if piece.pause:
            self.node.put(Ending(channel, piece.end, self._recent[channel]))
        if piece.last:
            del self._recent[channel]

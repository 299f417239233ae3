"""A loudspeaker that remembers: what was really audible, to the sample."""

from __future__ import annotations

import numpy as np

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.speaking.playback import AUDIBLE
from duplex.events import Event
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk


class Playout:
    """A session's sink that keeps the assistant's voice and every event, for tests to look at."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._chunks: list[AudioChunk] = []

    def on_input(self, frame: MultichannelFrame) -> None:
        pass

    def on_output(self, chunk: AudioChunk) -> None:
        self._chunks.append(chunk)

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def audio(self) -> np.ndarray:
        """(n,) float32 from sample 0 of the session's clock. Raises if frames were not contiguous."""
        for before, after in zip(self._chunks, self._chunks[1:], strict=False):
            if before.end != after.start:
                raise AssertionError(f"output jumps from sample {before.end} to {after.start}")
        return np.concatenate([c.samples for c in self._chunks]) if self._chunks else np.zeros(0, np.float32)

    def of(self, *kinds: type[Event] | str) -> list[Event]:
        """The events of these classes or type names, in order."""
        return [
            e for e in self.events if e.type in kinds or any(isinstance(k, type) and isinstance(e, k) for k in kinds)
        ]

    def audible(self, gap: float = 0.05) -> list[tuple[int, int]]:
        """Stretches [start, end) of audible sound; silences shorter than `gap` seconds do not divide them."""
        loud = np.flatnonzero(np.abs(self.audio()) > AUDIBLE)
        if not len(loud):
            return []
        breaks = np.flatnonzero(np.diff(loud) > gap * SAMPLE_RATE)
        starts = [int(loud[0]), *(int(loud[b + 1]) for b in breaks)]
        ends = [*(int(loud[b]) + 1 for b in breaks), int(loud[-1]) + 1]
        return list(zip(starts, ends, strict=True))

"""The chunks of one text being synthesized, which may be closed from the loop while the pool makes the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from duplex.models.tts.contract import SpeechChunk, WordMark


class SpeechStream(Iterator[SpeechChunk]):
    """Guards any iterator of chunks, generators included: a generator must not be closed while it runs."""

    def __init__(self, chunks: Iterator[SpeechChunk]) -> None:
        self._chunks = chunks
        self._taking = threading.Lock()
        self._closed = False

    def __next__(self) -> SpeechChunk:
        with self._taking:
            chunk = None if self._closed else next(self._chunks, None)
            if self._closed:
                self._close()
        if chunk is None or self._closed:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """No more chunks. Never waits: a chunk that is being made ends the work when it is done."""
        self._closed = True
        if self._taking.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._taking.release()

    def _close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def in_chunks(samples: np.ndarray, marks: Sequence[WordMark], position: int, size: int) -> Iterator[SpeechChunk]:
    """Speech that is there as a whole, `size` samples at a time. samples: (n,) float32, the first of which is number
    `position` of the text; marks: in order, each given with the chunk in which its word begins."""
    given = 0
    for first in range(0, len(samples), size):
        until = given
        while until < len(marks) and marks[until].start < position + first + size:
            until += 1
        yield SpeechChunk(samples[first : first + size], tuple(marks[given:until]))
        given = until

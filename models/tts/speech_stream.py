"""The chunks of one text being synthesized, which may be closed from the loop while the pool makes the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from duplex.models.tts.contract import SpeechChunk


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

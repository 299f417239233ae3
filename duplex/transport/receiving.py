"""From RTP packets to audio on the session's clock: the jitter buffer, the decoder, and a timer for what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.blocks import Framer
from duplex.streaming.clock import Clock
from duplex.streaming.queues import BoundedQueue
from duplex.transport import jitter_buffer as jb
from duplex.transport.libopus import OpusDecoder, is_dtx, packet_duration

_RATIO = jb.RATE // SAMPLE_RATE
_GRACE = 0.003
"""Seconds without a packet in which a busy loop has read what had come."""

_AT_MOST = 0.1
"""Seconds for which such reading may put off concealment."""


class AudioReceiver:
    """One incoming stream: `packet` takes what comes; iterate for contiguous 20 ms chunks on the pts clock.

    A chunk is `concealed` if some of it neither arrived nor could be recovered; a pause that the sender announced
    (DTX) is none. Once started the clock never stops: with nothing arriving, concealment fades into silence. A slow
    reader loses the oldest chunks, at `unread`.
    """

    def __init__(self, clock: Clock, *, unread: int = 250) -> None:
        self.buffer = jb.JitterBuffer()
        self.concealed = 0
        """Samples that had to be made up."""
        self.recovered = 0
        """Lost packets whose copy came with the next one."""
        self.malformed = 0
        """Packets that are no Opus."""
        self.last_arrival: float | None = None
        self._clock = clock
        self._decoder = OpusDecoder()
        self._framer = Framer()
        self._chunks: BoundedQueue[AudioChunk] = BoundedQueue(unread, "drop_oldest", "received audio")
        self._timer: asyncio.TimerHandle | None = None
        self._overdue_since: float | None = None

    @property
    def position(self) -> int:
        """Samples decoded so far."""
        return self._framer.position

    def packet(self, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> None:
        """An RTP packet of Opus, now. Never waits, never raises on what the other side sends."""
        if self._chunks.closed:
            return
        duration = packet_duration(payload)
        if not duration:
            self.malformed += 1
            return
        now = self._clock.now()
        self.last_arrival = now
        self.buffer.push(jb.Packet(sequence, timestamp, payload, duration, ssrc, is_dtx(payload)), now)
        waited = self._overdue_since is not None and now - self._overdue_since > _AT_MOST
        self._release(self.buffer.pop(now if waited else None))
        self._arm()

    def __aiter__(self) -> AsyncIterator[AudioChunk]:
        return aiter(self._chunks)

    def close(self) -> None:
        """No more packets; the reader still gets what has been decoded."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._chunks.close()

    def _arm(self) -> None:
        """See to what is missing when it is due, but not before the sockets have been read."""
        if self._timer is not None:
            self._timer.cancel()
        if (due := self.buffer.due) is None:
            return
        now = self._clock.now()
        if due > now:
            self._overdue_since = None
        elif self._overdue_since is None:
            self._overdue_since = now
        wait = max(_GRACE, due - now)
        self._timer = asyncio.get_running_loop().call_later(wait, self._overdue, now + wait)

    def _overdue(self, expected: float) -> None:
        """A timer that comes late itself means that the loop was busy: what seems missing may lie in a socket."""
        now = self._clock.now()
        if now - expected <= _GRACE or self._overdue_since is not None:
            self._release(self.buffer.pop(now))
        self._arm()

    def _release(self, slots: list[jb.Slot]) -> None:
        for slot in slots:
            samples, concealed = self._decode(slot)
            if concealed:
                self.concealed += len(samples)
            for chunk in self._framer.push(samples, concealed=concealed):
                self._chunks.put_nowait(chunk)

    def _decode(self, slot: jb.Slot) -> tuple[np.ndarray, bool]:
        """(samples,) float32, and whether they are made up."""
        decoder, payload = self._decoder, slot.payload
        ticks = (slot.position + slot.duration) // _RATIO * _RATIO - slot.position // _RATIO * _RATIO
        if slot.kind == "packet" and payload is not None:
            samples = decoder.decode(payload)
            if samples is not None and len(samples) == ticks // _RATIO:
                return samples, False
            self.malformed += 1
        if slot.kind == "lost" and payload is not None and decoder.has_copy(payload):
            self.recovered += 1
            return decoder.recover(payload, ticks), False
        return decoder.conceal(ticks), slot.kind != "silence"

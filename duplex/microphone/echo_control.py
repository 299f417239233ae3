"""Acoustic echo control of a session: its own speech is taken out of what it hears, so it never interrupts itself.

Both are on the session's clock, so the way from the loudspeaker to the microphone, buffers of devices included, is one
delay. AEC3 finds it up to 0.4 s; a longer one (a Bluetooth loudspeaker) is found by correlation, and the reference is
held back by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from duplex.microphone.echo_cancellation import HOP, EchoCanceller
from duplex.microphone.echo_delay import EchoDelay
from duplex.microphone.echo_filter import EchoFilter
from duplex.microphone.residual_gate import ResidualGate
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk

_HISTORY = 8 * SAMPLE_RATE  # more than the session's input may lag behind its output, and the longest delay
_REACH = round(0.12 * SAMPLE_RATE)
"""Delays up to here are left to AEC3, which finds up to 0.4 s, and to the linear filter, which spans 0.3 s."""
_LEAST = round(0.005 * SAMPLE_RATE)
_LEAD = round(0.03 * SAMPLE_RATE)
"""What is left of a delay that is known: the estimate is not exact, and an echo has no future."""
_GUESS_LEAD = round(0.2 * SAMPLE_RATE)
"""The same for a delay that devices report, which they do badly."""
_AUDIBLE = 1e-6
_EXPLAINED = 4.0
"""Power over what the linear filter leaves of it, from which it knows the path."""


@dataclass(frozen=True, slots=True)
class EchoFree:
    """The microphone without echo, twice. quiet: nothing of it is left, and of words spoken over it only a part: to
    tell whether somebody speaks. words: what is spoken is whole, and a little echo is left: to be recognized."""

    quiet: AudioChunk
    words: AudioChunk


class EchoControl:
    """Give it to a session: `Session(echo_control=EchoControl())`. One microphone.

    expected_delay: seconds from a sample leaving the session to its echo coming in, as far as known.
    Raises ModelError if the livekit wheel is missing.
    """

    def __init__(self, expected_delay: float = 0.0, canceller: EchoCanceller | None = None) -> None:
        self._canceller = canceller or EchoCanceller()
        self._filter = EchoFilter()
        self._delay = EchoDelay()
        self._played = np.zeros(_HISTORY, np.float32)
        self._played_to = 0
        self.restart(expected_delay)

    def restart(self, expected_delay: float = 0.0) -> None:
        """The way from loudspeaker to microphone is a new one: a device was opened again, or another one."""
        expected = round(expected_delay * SAMPLE_RATE)
        self._held_back = max(0, expected - _GUESS_LEAD) if expected > _REACH else 0
        self._delay.reset()
        self._reset()

    def play(self, chunk: AudioChunk) -> None:
        """What goes to the loudspeaker, on the session's clock."""
        if chunk.start > self._played_to:  # never in a session; a transport may lose some
            self._write(self._played_to, np.zeros(min(chunk.start - self._played_to, _HISTORY), np.float32))
        self._write(chunk.start, chunk.samples)
        self._played_to = chunk.end

    def cancel(self, chunk: AudioChunk) -> EchoFree:
        """chunk: a whole number of 10 ms; the same stretch comes back without echo, `latency` samples late.

        Concealed silence passes as it is: standing for a missing microphone it would teach AEC3 a silent room.
        """
        quiet, words = chunk.samples.copy(), chunk.samples.copy()
        for at in range(0, len(quiet), HOP):
            heard = chunk.samples[at : at + HOP]
            if not chunk.concealed or heard.any():
                quiet[at : at + HOP], words[at : at + HOP] = self._step(chunk.start + at, heard)
        return EchoFree(
            AudioChunk(chunk.start, quiet, chunk.concealed), AudioChunk(chunk.start, words, chunk.concealed)
        )

    @property
    def latency(self) -> int:
        """Samples that the echo-free sound is late by."""
        return self._canceller.latency

    @property
    def delay(self) -> float | None:
        """Seconds from loudspeaker to microphone as measured; None while unknown."""
        return None if self._delay.delay is None else self._delay.delay / SAMPLE_RATE

    @property
    def erle_db(self) -> float:
        """Echo return loss enhancement lately: how much quieter the canceller makes the microphone while it plays."""
        return 10.0 * math.log10((self._before + 1e-12) / (self._after + 1e-12))

    def _reset(self) -> None:
        self._state = self._canceller.initial_state(1)
        self._filter_state = self._filter.initial_state(1)
        self._filtered = np.zeros(self._canceller.latency, np.float32)
        self._gate = ResidualGate()
        self._before = self._after = self._unexplained = 0.0

    def _step(self, start: int, microphone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._delay.push(microphone, self._reference(start)):
            self._align()
        reference = self._reference(start - self._held_back)
        both = np.stack([microphone, reference])
        cancelled, self._state = self._canceller.step(both, self._state)
        filtered, self._filter_state = self._filter.step(both, self._filter_state)
        late = np.concatenate([self._filtered, filtered])  # as late as AEC3 is
        self._filtered = late[HOP:]
        if float(np.dot(reference, reference)) > _AUDIBLE * HOP:
            self._before += 0.01 * (float(np.dot(microphone, microphone)) / HOP - self._before)
            self._after += 0.01 * (float(np.dot(cancelled, cancelled)) / HOP - self._after)
            self._unexplained += 0.01 * (float(np.dot(filtered, filtered)) / HOP - self._unexplained)
        return self._gate.step(microphone, cancelled, late[:HOP], reference), late[:HOP]

    def _align(self) -> None:
        """Bring the delay that was found within reach. The cancellers must learn anew then, so only if need be: not
        where the linear filter explains the echo, whatever the correlation says."""
        found = self._delay.delay or 0
        if self._before > _EXPLAINED * self._unexplained:
            return
        if not _LEAST <= found - self._held_back <= _REACH:
            self._held_back = max(0, found - _LEAD)
            self._reset()

    def _reference(self, start: int) -> np.ndarray:
        """(160,) of what was played from `start` on; silence where nothing was, or where it is forgotten."""
        places = np.arange(start, start + HOP)
        known = (places >= max(0, self._played_to - _HISTORY)) & (places < self._played_to)
        return np.where(known, self._played[places % _HISTORY], np.float32(0.0))

    def _write(self, start: int, samples: np.ndarray) -> None:
        self._played[np.arange(start, start + len(samples)) % _HISTORY] = samples

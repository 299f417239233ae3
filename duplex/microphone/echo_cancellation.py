"""Echo cancellation: the loudspeaker's sound is taken out of the microphone's (WebRTC's AEC3, from the livekit wheel).

AEC3 adapts a filter to the room, suppresses what the filter leaves, and finds delays of up to about 0.4 s by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, ModelError, StageError

HOP = SAMPLE_RATE // 100
"""Samples of AEC3's frame: 10 ms."""


@dataclass(slots=True)
class EchoState:
    """AEC3 and the buffers it works in."""

    apm: Any
    microphone: Any
    reference: Any
    microphone_pcm: np.ndarray = field(repr=False)
    reference_pcm: np.ndarray = field(repr=False)


class EchoCanceller:
    """A stage from (2, 160) float32 [microphone, reference] at 16 kHz to the microphone without echo, (160,).

    reference: what the loudspeaker was sent, at most about 0.4 s before the microphone hears it and never after.
    AEC3 also high-pass filters. The state lives in a foreign engine and cannot be copied or rolled back. Raises
    ModelError if the livekit wheel is missing.
    """

    hop = HOP
    latency = 128
    sample_rate = SAMPLE_RATE
    name = "aec3"
    snapshots = False

    def __init__(self) -> None:
        try:
            from livekit import rtc
        except ImportError as error:
            raise ModelError(
                f"echo cancellation needs the package livekit ({error}): pip install 'duplex[mic]', or wear headphones "
                f"and pass --no-echo-cancellation"
            ) from None
        self._rtc = rtc

    def initial_state(self, batch: int = 1) -> EchoState:
        if batch != 1:
            raise StageError(f"the echo canceller hears one microphone per state, not {batch}")
        buffers = [bytearray(2 * HOP) for _ in range(2)]
        frames = [self._rtc.AudioFrame(buffer, SAMPLE_RATE, 1, HOP) for buffer in buffers]
        views = [np.frombuffer(frame._data, "<i2") for frame in frames]
        apm = self._rtc.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        return EchoState(apm, *frames, *views)

    def step(self, chunk: np.ndarray, state: EchoState) -> tuple[np.ndarray, EchoState]:
        """Raises InputError on another shape."""
        if chunk.shape != (2, HOP):
            raise InputError(f"the echo canceller takes (2, {HOP}), microphone and reference, not {chunk.shape}")
        pcm = np.clip(chunk, -1.0, 1.0) * 32767.0
        state.microphone_pcm[:], state.reference_pcm[:] = np.rint(pcm)
        state.apm.process_reverse_stream(state.reference)
        state.apm.process_stream(state.microphone)
        return state.microphone_pcm.astype(np.float32) / 32768.0, state

    def flush(self, state: EchoState) -> np.ndarray:
        """The last `latency` samples of the microphone."""
        out, _ = self.step(np.zeros((2, HOP), np.float32), state)
        return out[: self.latency]

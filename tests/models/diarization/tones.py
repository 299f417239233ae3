"""A diarizer for tests whose speakers are tones: exact, so that what is built on it can be tested to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.streaming.audio import SAMPLE_RATE

FREQUENCIES = (300, 500, 700, 1100, 1300, 1700, 1900, 2300)
"""Hz, of the voices there are; whole periods in a frame."""


def tone(voice: int, seconds: float, level: float = 0.1) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * FREQUENCIES[voice] * time)).astype(np.float32)


def conversation(*turns: tuple[int, float, float], seconds: float) -> np.ndarray:
    """turns: (voice, start, end), in seconds."""
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for voice, start, end in turns:
        at = round(start * SAMPLE_RATE)
        sound = tone(voice, end - start)
        samples[at : at + len(sound)] += sound
    return samples


@dataclass
class TonesState:
    voices: list[int] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    given: int = 0


class TonesDiarizer:
    """Columns in order of appearance; frames come `latency` samples late."""

    hop = FRAME
    sample_rate = SAMPLE_RATE
    name = "tones"
    any_level = False

    def __init__(self, latency: float | None = None, max_speakers: int = 8, name: str = "tones") -> None:
        self.latency = round((1.0 if latency is None else latency) * SAMPLE_RATE)
        self.max_speakers = max_speakers

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> TonesState:
        return TonesState([voice for _, samples in enrolled for voice in self._heard(samples[:FRAME])])

    def step(self, chunk: np.ndarray, state: TonesState) -> tuple[SpeakerFrames, TonesState]:
        assert chunk.shape == (FRAME,)
        row = np.full(self.max_speakers, 0.02, np.float32)
        for voice in self._heard(chunk):
            if voice not in state.voices and len(state.voices) < self.max_speakers:
                state.voices.append(voice)
            if voice in state.voices:
                row[state.voices.index(voice)] = 0.98
        state.rows.append(row)
        return self._give(state, len(state.rows) - self.latency // FRAME), state

    def flush(self, state: TonesState) -> SpeakerFrames:
        return self._give(state, len(state.rows))

    def _heard(self, chunk: np.ndarray) -> list[int]:
        spectrum = np.abs(np.fft.rfft(chunk)) / (FRAME / 2)
        return [voice for voice, hertz in enumerate(FREQUENCIES) if spectrum[hertz * FRAME // SAMPLE_RATE] > 0.04]

    def _give(self, state: TonesState, count: int) -> SpeakerFrames:
        """A list kept aside until due: `rows` holds what is late, `given` counts what has gone."""
        due = state.rows[: max(0, count)]
        del state.rows[: len(due)]
        start = state.given * FRAME
        state.given += len(due)
        return SpeakerFrames(start, np.array(due, np.float32).reshape(-1, self.max_speakers))

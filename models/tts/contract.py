"""What a synthesizer is: text in, chunks of speech out, with the place of every word in the audio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from duplex.streaming.errors import SettingsError
from duplex.streaming.limiter import soft_limit


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word of the text: characters text[text_start:text_end], audible at samples [start, end) of the speech."""

    text_start: int
    text_end: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech: (n,) float32 at the synthesizer's sample rate, and the words that begin in or before it.

    A mark comes no later than the first sample of its word; its times count from the first sample of the text. A
    mark whose end was still open is sent again with its end, under the same text_start.
    """

    samples: np.ndarray
    marks: tuple[WordMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak. rate: 1.0 is the voice's own speed, 0.5 half; volume: linear gain on the voice's own level."""

    name: str = ""
    language: str = "en"
    rate: float = 1.0
    volume: float = 1.0

    def check(self) -> None:
        """Raises SettingsError for a rate or a volume that is no positive number; a volume may be zero."""
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise SettingsError(f"speech rate must be a positive number, not {self.rate}; 1.0 is the voice's own")
        if not (math.isfinite(self.volume) and self.volume >= 0):
            raise SettingsError(f"speech volume must be zero or a positive number, not {self.volume}")

    def sounded(self, samples: np.ndarray) -> np.ndarray:
        """Samples of the voice's own level, (n,) float32, at `volume`."""
        return samples if self.volume == 1.0 else soft_limit(samples * np.float32(self.volume))


class Synthesizer(Protocol):
    """Text to speech. `synthesize` is called on the inference pool and its iterator advanced there, one chunk at a
    time; closing the iterator early (an interruption) stops the work. Raises ModelError for an unknown voice.

    An engine that may fail while a session goes on may have an attribute `spare`: the synthesizer that speaks then.
    """

    sample_rate: int
    name: str

    def synthesize(self, text: str, voice: Voice) -> Iterator[SpeechChunk]: ...

    def voices(self) -> list[Voice]: ...

    def close(self) -> None: ...


class SpeechEngine(Synthesizer, Protocol):
    """A synthesizer that is given words to speak, with numbers, signs and the like already written out (normalization),
    and speaks what else it is given as it can."""

    def language_of(self, voice: Voice) -> str:
        """Tag of the language that it reads in with that voice. Raises ModelError for an unknown voice."""
        ...

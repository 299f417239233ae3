"""What tests hear of a synthesizer."""

from __future__ import annotations

import numpy as np

from duplex.models.tts import SpeechChunk, WordMark


def gathered(chunks: list[SpeechChunk]) -> tuple[np.ndarray, list[WordMark]]:
    """The speech, and the marks as they stand at its end. Checks that no mark came after its first sample."""
    position, marks = 0, {}
    for chunk in chunks:
        for mark in chunk.marks:
            assert mark.text_start in marks or mark.start >= position
            marks[mark.text_start] = mark
        position += len(chunk.samples)
    samples = np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.zeros(0, np.float32)
    return samples, list(marks.values())

"""Translation of a recording by a speech language model, which hears, cuts and translates by itself (StreamUni)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from duplex.audio_files.reader import open_recording
from duplex.batch.file_graph import Progress
from duplex.models.interaction import hears, open_speech_translator
from duplex.models.translation import INCLUDED, english_name
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError

if TYPE_CHECKING:
    from duplex.models.interaction import TranslatedSegment


def by_ear(translator: str) -> bool:
    """Whether the translator of this name is a model that takes sound instead of text."""
    return translator not in INCLUDED and "://" not in translator and hears(translator)


def translated_segments(
    recording: str | os.PathLike[str], target: str, model: str, on_progress: Progress | None = None
) -> tuple[list[TranslatedSegment], list[str]]:
    """The segments of a recording, its channels mixed, and notes on it. target: a language by two letters.

    Raises InputError for what cannot be read, and ModelError if the model cannot be had or fails.
    """
    source = open_recording(recording, "mix")
    translator = open_speech_translator(model, english_name(target))
    state, seconds = translator.initial_state(), 0.0
    try:
        for block in source.frames(SAMPLE_RATE):
            translator.hear(state, block[:, 0])
            seconds += len(block) / SAMPLE_RATE
            if on_progress is not None:
                on_progress(seconds, source.duration)
        translator.finish(state)
    except RuntimeError as error:
        raise ModelError(f"{model} failed at {seconds:.0f} s: {error}") from error
    return state.segments, list(source.notes)

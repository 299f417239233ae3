"""A voice to keep: what is clear speech of one person in some recordings, and the checks that it can be known by it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from duplex.audio_files.atomic_write import atomic_path, check_writable
from duplex.batch.diarize import MAX_SPEAKERS, enrol, open_diarizer, read_voice
from duplex.models.diarization.contract import FRAME, Diarizer
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.kept_voices import kept_voices, voice_file
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

LEAST_SPEECH = 3.0
"""Seconds of clear speech of a voice that is kept: from less, more are taken for somebody else (the card has rates)."""

MOST_SPEECH = 30.0
"""Seconds that are kept."""

_ANOTHER = 1.0
"""Seconds of speech from which somebody else is heard."""
_LEAST_RUN = 3
"""Frames of a stretch of clear speech that is worth keeping."""
_APART = SAMPLE_RATE
"""Samples of silence between two recordings."""


def add_voice(name: str, recordings: Sequence[str | os.PathLike[str]]) -> float:
    """Keeps the voice that speaks alone in these recordings; returns the seconds of clear speech that were found.

    Raises SettingsError for a name that cannot be or is taken already; InputError where there is too little speech or
    more than one voice, or where the voice is that of somebody who is kept already; ModelError, and OutputError.
    """
    path = voice_file(name)
    kept = kept_voices()
    if name in kept:
        raise InputError(f"the voice of {name} is kept already: `duplex voices remove` deletes it")
    heard = [read_voice(recording, name) for recording in recordings]
    diarizer = open_diarizer(None, MAX_SPEAKERS)
    clear = clear_speech(heard, name, ", ".join(str(recording) for recording in recordings), diarizer)
    for other, samples in enrol(kept, len(kept)):
        diarizer.initial_state(1, [(other, samples), (name, clear)])  # raises if they cannot be told apart
    check_writable(path)
    with atomic_path(path) as part:
        soundfile.write(part, clear[: round(MOST_SPEECH * SAMPLE_RATE)], SAMPLE_RATE, subtype="PCM_16", format="WAV")
    return len(clear) / SAMPLE_RATE


def remove_voice(name: str) -> Path:
    """Deletes a kept voice. Raises InputError if there is none of the name."""
    path = kept_voices().get(name)
    if path is None:
        raise InputError(f"no voice called {name} is kept: see `duplex voices list`")
    path.unlink()
    return path


def clear_speech(heard: Sequence[np.ndarray], name: str, source: str, diarizer: Diarizer[Any]) -> np.ndarray:
    """(n,) at 16 kHz: what the one voice of these recordings says, without its pauses and what others say.

    heard: (n,) at 16 kHz each. name, source: whom and what errors are about. Raises InputError.
    """
    joined = np.concatenate([np.pad(samples, (0, _APART)) for samples in heard])
    joined = np.pad(joined, (0, -len(joined) % FRAME))
    spoken = probabilities(diarizer, joined) > 0.5
    seconds = np.sort(spoken.sum(axis=0) * FRAME / SAMPLE_RATE)[::-1]
    if len(seconds) > 1 and seconds[1] >= _ANOTHER:
        raise InputError(
            f"{source}: two people are heard, for {seconds[0]:.1f} and {seconds[1]:.1f} s: give {name} alone"
        )
    voice = int(spoken.sum(axis=0).argmax())
    clear = _without_short(spoken[:, voice] & (spoken.sum(axis=1) == 1))
    found: np.ndarray = joined.reshape(-1, FRAME)[clear].ravel()
    if len(found) < LEAST_SPEECH * SAMPLE_RATE:
        raise InputError(
            f"{source}: {len(found) / SAMPLE_RATE:.1f} s of clear speech are too little to know {name} by (music and "
            f"noise do not count): give {LEAST_SPEECH:g} s or more"
        )
    return found


def _without_short(active: np.ndarray) -> np.ndarray:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    kept = active.copy()
    for start, end in edges.reshape(-1, 2):
        kept[start:end] = end - start >= _LEAST_RUN
    return kept

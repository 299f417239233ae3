"""Diarization of a whole recording: windows are heard as they come, and voices told apart when all are known.

The pipeline of pyannote.audio 3 (Bredin 2023, "pyannote.audio 2.1 speaker diarization pipeline"): overlapping windows
are segmented, each of their voices is embedded where it is heard alone, embeddings are clustered, and the windows'
activities are averaged by cluster.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.models.diarization.segmentation.clustering import agglomerate, assign
from duplex.models.diarization.segmentation.networks import WINDOW, evenly
from duplex.models.diarization.segmentation.voices import SAME, Listener
from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError, SettingsError

STEP = 10
"""Frames (100 ms) from one window to the next."""

_CLEAR = 10
"""Frames alone from which a voice takes part in the clustering."""
_LEAST = 10
"""Frames of a cluster, over all windows, below which it is no speaker of its own."""
_MERGED = 0.5
"""Mean cosine distance up to which voices are clustered; stricter than that of voices that are compared one by one."""
_CLUSTERED = 2.0
"""Added to the likeness of a voice and its cluster, so that the clustering's word counts before all others."""
_MOST = 4000
"""Voices that are clustered; of longer recordings (about an hour and a half) evenly taken ones, to which the others are
then compared, since the cost grows with their square."""


@dataclass(slots=True)
class _Voice:
    """One voice of a window. place: the window's first frame. activity: (frames,). alone: frames heard alone. speaker:
    whose cluster it is in; -1: in none's."""

    place: int
    activity: np.ndarray
    alone: int
    embedding: np.ndarray
    speaker: int = -1

    @property
    def first(self) -> int:
        """The frame in which it is first heard."""
        return self.place + int(np.argmax(self.activity > 0.5))


@dataclass
class RecordingState:
    """known: embeddings of who enrolled. pending: samples of the window that is filling; place: its first frame.
    frames: heard so far. windows: (first frame, frames) of each."""

    known: np.ndarray
    pending: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    place: int = 0
    frames: int = 0
    windows: list[tuple[int, int]] = field(default_factory=list)
    voices: list[_Voice] = field(default_factory=list)


class RecordingSegmentation:
    """A diarizer (models.diarization.contract) that gives all frames at the end of the stream.

    What is kept of a stream is about 2 kB a second. max_speakers: columns of the output.
    """

    hop = FRAME
    sample_rate = SAMPLE_RATE
    name = "segmentation"
    any_level = True
    latency = 1 << 62
    """Samples: nothing is said before the end."""

    def __init__(self, listener: Listener, max_speakers: int = 8) -> None:
        self.max_speakers = max_speakers
        self._listener = listener

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> RecordingState:
        """Raises SettingsError, and InputError for a voice that cannot be known by its recording."""
        if batch != 1:
            raise SettingsError(f"the diarizer hears one stream per state, not {batch}")
        return RecordingState(self._listener.known(enrolled, self.max_speakers))

    def step(self, chunk: np.ndarray, state: RecordingState) -> tuple[SpeakerFrames, RecordingState]:
        """chunk: (1600,) float32, or any whole number of hops at once. NaN counts as silence. Raises InputError."""
        if chunk.ndim != 1 or len(chunk) % FRAME:
            raise InputError(f"the diarizer takes whole frames of {FRAME} samples, not shape {chunk.shape}")
        state.pending = np.concatenate([state.pending, as_float32(chunk)])
        state.frames += len(chunk) // FRAME
        while len(state.pending) >= WINDOW * FRAME:
            self._hear(state.pending[: WINDOW * FRAME], state)
            state.pending = state.pending[STEP * FRAME :]
            state.place += STEP
        return SpeakerFrames(0, np.zeros((0, self.max_speakers), np.float32)), state

    def flush(self, state: RecordingState) -> SpeakerFrames:
        """All frames of the recording."""
        heard = max((place + frames for place, frames in state.windows), default=0)
        if heard < state.frames:
            self._hear(state.pending, state)
        return SpeakerFrames(0, self._together(state, self._speakers(state)))

    def _hear(self, samples: np.ndarray, state: RecordingState) -> None:
        heard = self._listener.hear(samples)
        state.windows.append((state.place, len(heard.activity)))
        for number, alone in enumerate(heard.alone):
            embedding = self._listener.embedding(heard, number)
            if embedding is not None:
                state.voices.append(_Voice(state.place, heard.activity[:, number].copy(), int(alone), embedding))

    def _speakers(self, state: RecordingState) -> np.ndarray:
        """(speakers, 192): the known ones, then those of the clusters, in order of appearance, so far as there is
        room for them."""
        clear = [voice for voice in state.voices if voice.alone >= _CLEAR] or state.voices
        if not clear:
            return state.known
        clear = [clear[index] for index in evenly(np.arange(len(clear)), _MOST)]
        embeddings = np.stack([voice.embedding for voice in clear])
        weights = np.array([max(1, voice.alone) for voice in clear], np.float64)
        labels = agglomerate(embeddings, np.array([voice.place for voice in clear]), _MERGED, weights)
        sums = np.zeros((labels.max() + 1, embeddings.shape[1]))
        np.add.at(sums, labels, embeddings * weights[:, None])
        mass = np.bincount(labels, weights)
        middles = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
        speakers = state.known.copy()
        owners = assign(middles @ state.known.T, SAME)
        for cluster, owner in enumerate(owners):
            if owner >= 0:  # a known voice as it sounds in this recording
                speakers[owner] = middles[cluster]
        strangers = [cluster for cluster, owner in enumerate(owners) if owner < 0]
        strangers.sort(key=lambda cluster: -mass[cluster])
        large = [cluster for cluster in strangers if mass[cluster] >= _LEAST]
        kept = large if large or len(speakers) else strangers[:1]
        first = {label: voice.first for voice, label in reversed(list(zip(clear, labels.tolist(), strict=True)))}
        kept = sorted(kept[: self.max_speakers - len(speakers)], key=lambda cluster: first[cluster])
        columns = {cluster: owner for cluster, owner in enumerate(owners) if owner >= 0}
        columns |= {cluster: len(speakers) + place for place, cluster in enumerate(kept)}
        for voice, label in zip(clear, labels.tolist(), strict=True):
            voice.speaker = columns.get(label, -1)
        return np.concatenate([speakers, middles[kept]])

    def _together(self, state: RecordingState, speakers: np.ndarray) -> np.ndarray:
        """(frames, max_speakers): the mean over windows of what the voices of each speaker do."""
        given = np.zeros((state.frames, self.max_speakers), np.float32)
        covered = np.zeros((state.frames, 1), np.float32)
        for place, frames in state.windows:
            covered[place : place + frames] += 1
        for _, window in itertools.groupby(state.voices, key=lambda voice: voice.place):
            voices = list(window)
            likeness = np.stack([voice.embedding for voice in voices]) @ speakers.T
            for row, voice in zip(likeness, voices, strict=True):
                if voice.speaker >= 0:
                    row[voice.speaker] += _CLUSTERED
            for voice, speaker in zip(voices, assign(likeness), strict=True):
                if speaker >= 0:
                    given[voice.place : voice.place + len(voice.activity), speaker] += voice.activity
        return given / np.maximum(covered, 1)

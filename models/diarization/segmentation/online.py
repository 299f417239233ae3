"""Diarization of a stream: a window that rolls on every half second, whose voices are told who they are.

As in diart (Coria et al. 2021, "Overlap-aware low-latency online speaker diarization based on end-to-end local
segmentation"): each window is segmented, its voices are given to speakers by their embeddings, no two to the same one,
and what windows say of a frame is averaged until it is due. Unlike there, all that was heard is clustered anew whenever
voices are added (`speaker_memory`). Windows share most of what they hear, so a voice that speaks where a speaker was
heard before is that speaker, however short its words; embeddings are needed only once a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.models.diarization.segmentation import LEAST_LATENCY
from duplex.models.diarization.segmentation.clustering import assign
from duplex.models.diarization.segmentation.networks import WINDOW
from duplex.models.diarization.segmentation.speaker_memory import SpeakerMemory
from duplex.models.diarization.segmentation.voices import SAME, Heard, Listener
from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError, SettingsError

STEP = 5
"""Frames (100 ms) between windows."""

_EMBED_EVERY = 2
"""Windows from one embedding of all voices to the next."""
_ENOUGH = 50
"""Frames, evenly from a window, that an embedding is made of: more of them cost more than they tell."""
_CLEAR = 10
"""Frames alone from which a voice may open a speaker, or tells how one sounds."""
_LEAST = 5
"""Frames alone from which a voice that continues none may be somebody by its sound."""
_CONTINUES = 0.5
"""Likeness of activities from which a voice continues a speaker."""


@dataclass
class OnlineState:
    """memory: of the speakers. heard: the window's samples. total, covers: (window frames, speakers), (window frames,):
    what windows said of the frames of `heard`, added up, and how many did. frames: heard. given: already returned.
    windows: passed."""

    memory: SpeakerMemory
    total: np.ndarray
    heard: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    covers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    frames: int = 0
    given: int = 0
    windows: int = 0


class OnlineSegmentation:
    """A diarizer (models.diarization.contract) that gives frames as they are due, five at a time.

    latency: seconds, LEAST_LATENCY or more. max_speakers: columns of the output. Raises SettingsError.
    """

    hop = FRAME
    sample_rate = SAMPLE_RATE
    name = "segmentation"
    any_level = True

    def __init__(self, listener: Listener, latency: float = 1.0, max_speakers: int = 8) -> None:
        if latency < LEAST_LATENCY:
            raise SettingsError(
                f"the diarizer segmentation looks {LEAST_LATENCY:g} s ahead or more, not {latency:g}: "
                "choose ls-eend or another latency"
            )
        self.latency = round(latency * SAMPLE_RATE)
        self.max_speakers = max_speakers
        self._wait = round(latency * SAMPLE_RATE / FRAME) - (STEP - 1)
        self._listener = listener

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> OnlineState:
        """Raises SettingsError, and InputError for a voice that cannot be known by its recording."""
        if batch != 1:
            raise SettingsError(f"the diarizer hears one stream per state, not {batch}")
        known = self._listener.known(enrolled, self.max_speakers)
        memory = SpeakerMemory(known, self.max_speakers)
        return OnlineState(memory, np.zeros((0, self.max_speakers), np.float32))

    def step(self, chunk: np.ndarray, state: OnlineState) -> tuple[SpeakerFrames, OnlineState]:
        """chunk: (1600,) float32, or any whole number of hops at once. NaN counts as silence. Raises InputError."""
        if chunk.ndim != 1 or len(chunk) % FRAME:
            raise InputError(f"the diarizer takes whole frames of {FRAME} samples, not shape {chunk.shape}")
        first, rows = state.given, []
        for samples in as_float32(chunk).reshape(-1, FRAME):
            self._take(samples, state)
            if state.frames % STEP == 0:
                self._listen(state)
                rows.append(self._due(state, state.frames - self._wait))
        return SpeakerFrames(first * FRAME, self._joined(rows)), state

    def flush(self, state: OnlineState) -> SpeakerFrames:
        """The frames that are left."""
        first = state.given
        if state.frames % STEP:
            self._listen(state)
        return SpeakerFrames(first * FRAME, self._joined([self._due(state, state.frames)]))

    def _take(self, samples: np.ndarray, state: OnlineState) -> None:
        state.heard = np.concatenate([state.heard, samples])[-WINDOW * FRAME :]
        state.total = np.concatenate([state.total, np.zeros((1, self.max_speakers), np.float32)])[-WINDOW:]
        state.covers = np.append(state.covers, np.float32(0))[-WINDOW:]
        state.frames += 1

    def _listen(self, state: OnlineState) -> None:
        """One window: its voices to speakers, and their activities to what is known of its frames."""
        heard = self._listener.hear(state.heard)
        for voice, speaker in enumerate(self._speakers(heard, state)):
            if speaker >= 0:
                state.total[:, speaker] += heard.activity[:, voice]
        state.covers += 1
        state.windows += 1

    def _speakers(self, heard: Heard, state: OnlineState) -> list[int]:
        """The speaker of each voice; -1: nobody's yet."""
        before = state.total / np.maximum(state.covers, 1)[:, None]
        continued = _likeness(heard.activity, before)
        all_embedded = state.windows % _EMBED_EVERY == 0
        embeddings: list[np.ndarray | None] = []
        for voice, alone in enumerate(heard.alone):
            needed = alone >= _LEAST and (all_embedded or continued[voice].max() < _CONTINUES)
            embeddings.append(self._listener.embedding(heard, voice, _ENOUGH) if needed else None)
        found = self._placed(heard, embeddings, state)
        alike = np.zeros(continued.shape, np.float32)
        for voice, embedding in enumerate(embeddings):
            if embedding is not None:
                alike[voice] = state.memory.means @ embedding
        score = np.where((continued >= _CONTINUES) | (alike >= SAME), continued + alike, -np.inf)
        for voice, speaker in enumerate(found):
            if speaker >= 0:
                score[voice], score[:, speaker] = -np.inf, -np.inf
        others = assign(score)
        return [other if speaker < 0 else speaker for speaker, other in zip(found, others, strict=True)]

    def _placed(self, heard: Heard, embeddings: Sequence[np.ndarray | None], state: OnlineState) -> list[int]:
        """The speakers of the voices that are heard alone long enough to be remembered; -1: of all others."""
        clear = {
            voice: embedding
            for voice, embedding in enumerate(embeddings)
            if embedding is not None and heard.alone[voice] >= _CLEAR
        }
        found = [-1] * len(embeddings)
        if clear:
            frames = heard.alone[list(clear)].astype(np.float64)
            speakers = state.memory.add(np.stack(list(clear.values())), frames, state.windows)
            for voice, speaker in zip(clear, speakers.tolist(), strict=True):
                found[voice] = speaker
        return found

    def _due(self, state: OnlineState, until: int) -> np.ndarray:
        """The frames up to `until` that have not been given; those never segmented cannot be, for STEP < WINDOW."""
        count = max(0, until - state.given)
        begin = len(state.total) - (state.frames - state.given)
        rows = state.total[begin : begin + count] / np.maximum(state.covers[begin : begin + count], 1)[:, None]
        state.given += count
        return rows

    def _joined(self, rows: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(rows) if rows else np.zeros((0, self.max_speakers), np.float32)


def _likeness(activity: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(voices, speakers): cosine of activities over a window; 0 for who is not active."""
    norms = np.linalg.norm(activity, axis=0)[:, None] * np.linalg.norm(before, axis=0)
    return (activity.T @ before) / np.maximum(norms, 1.0)

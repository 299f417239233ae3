"""The voices that simulated conversations are made of: recordings by speaker, with where in them somebody speaks."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from duplex.models.corpora.degradations import rms, speed
from duplex.models.corpora.manifest import SPEECH, all_rows, data_folder, decode, rows, voiceless
from duplex.models.corpora.rooms import recorded_rooms, simulate_rooms
from duplex.models.diarization.config import SAMPLE_RATE
from duplex.streaming.errors import InputError

LABEL_HOP = 160
"""Samples of one label: 10 ms."""

FAR = -8.0
"""dB: the direct sound against all that follows, for whoever is farthest from the microphone."""


def speech_frames(audio: np.ndarray, fill: int = 50, least: int = 8) -> np.ndarray:
    """Where a clean recording has speech: (n // 160,) bool, one per 10 ms.

    Level above the recording's own floor; pauses shorter than `fill` frames count as speech, as in the annotation of
    meetings; bursts shorter than `least` do not.
    """
    count = len(audio) // LABEL_HOP
    power = (audio[: count * LABEL_HOP].reshape(count, LABEL_HOP) ** 2).mean(1)
    level = 10 * np.log10(np.convolve(power, np.ones(5) / 5, "same") + 1e-9)
    floor, top = np.percentile(level, [8, 95])
    active = level > floor + max(6.0, 0.35 * (top - floor))
    if top - floor < 10:
        return np.ones(count, bool)
    spoken = np.flatnonzero(_without_short(active, least))
    if not len(spoken):
        return np.zeros(count, bool)
    within = np.zeros(count, bool)  # what lies before the first and after the last word is no pause
    within[spoken[0] : spoken[-1] + 1] = True
    return _without_short(~_without_short(~active, fill) & within, least)


def runs(active: np.ndarray) -> np.ndarray:
    """Where (n,) bool is True: (runs, 2), start and end of each stretch."""
    return np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))).reshape(-1, 2)


def _without_short(active: np.ndarray, least: int) -> np.ndarray:
    """Runs of True shorter than `least` made False."""
    kept = active.copy()
    for start, end in runs(active):
        if end - start < least:
            kept[start:end] = False
    return kept


class Voice:
    """One speaker of one conversation: recordings in random order, changed in speed (and so in pitch).

    A recording comes back only when all have been heard.
    """

    def __init__(
        self, identity: int, recordings: list[tuple[np.ndarray, np.ndarray]], factor: float, rng: np.random.Generator
    ) -> None:
        self.identity = identity
        self._recordings = recordings
        self._factor = factor
        self._rng = rng
        self._left: list[int] = []
        self._begun: dict[int, int] = {}

    def take(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Speech of this voice: (length,) float32, and its activity, (length // 160,) bool."""
        audio: list[np.ndarray] = []
        active: list[np.ndarray] = []
        missing = length
        while missing > 0:
            sound, speaking = self._next(missing)
            audio.append(sound)
            active.append(speaking)
            missing -= len(sound)
        return np.concatenate(audio)[:length], np.concatenate(active)[: length // LABEL_HOP]

    def _next(self, wanted: int) -> tuple[np.ndarray, np.ndarray]:
        if not self._left:
            self._left.extend(self._rng.permutation(len(self._recordings)).tolist())
        samples, speaking = self._recordings[self._left[-1]]
        begin = self._begun.get(self._left[-1], 0)
        spoken = np.flatnonzero(speaking[begin:])
        if not len(spoken):
            self._begun.pop(self._left.pop(), None)
            return np.zeros(LABEL_HOP, np.float32), np.zeros(1, bool)
        first = begin + int(spoken[0])
        count = min(len(speaking) - first, int(wanted * self._factor) // LABEL_HOP + 1)
        part = samples[first * LABEL_HOP : (first + count) * LABEL_HOP].astype(np.float32) / 32768.0
        sound = speed(part, self._factor)
        frames = max(len(sound) // LABEL_HOP, 1)
        sound = np.resize(sound, frames * LABEL_HOP) if len(sound) < LABEL_HOP else sound[: frames * LABEL_HOP]
        index = np.minimum((np.arange(frames) * self._factor).astype(int), count - 1)
        labels = speaking[first : first + count][index]
        if first + count >= len(speaking) - 20:
            self._begun.pop(self._left.pop(), None)
        else:
            self._begun[self._left[-1]] = first + count
        return sound * np.float32(0.06 / max(rms(part), 1e-3)), labels


class Voices:
    """All speakers, noises, music and rooms of a split.

    Args:
        speech: by speaker, recordings (samples int16, activity).
        noises, music: (n,) int16 each. rooms: (count, n) impulse responses, in order of their decay.
    """

    FACTORS = (0.84, 0.89, 0.94, 1.0, 1.06, 1.12, 1.19)
    """Speeds that make new voices (Ko et al. 2015, with finer steps)."""

    def __init__(
        self,
        speech: list[list[tuple[np.ndarray, np.ndarray]]],
        noises: list[np.ndarray],
        rooms: np.ndarray,
        music: Sequence[np.ndarray] = (),
    ) -> None:
        self.speech = speech
        self.noises = noises
        self.music = list(music)
        self.rooms = rooms
        seconds = np.array([sum(len(active) for _, active in spoken) / 100 for spoken in speech])
        weights = np.clip(seconds, 10, 200) ** 0.5
        self._weights = weights / weights.sum()

    @classmethod
    def load(cls, folder: str | os.PathLike | None = None, split: str = "train", rooms: int = 400) -> Voices:
        """Reads every recording of the split into memory (0.5 GB). Raises InputError without a data folder."""
        data = data_folder(folder)
        by_speaker: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for row in rows(data, SPEECH, split):
            samples = decode(data / row["path"])
            if len(samples) < SAMPLE_RATE // 2:
                continue
            heard = by_speaker.setdefault(f"{row['dataset']} {row['speaker']}", [])
            heard.append((samples, speech_frames(samples.astype(np.float32) / 32768.0)))
        still = voiceless(all_rows(data, split))
        noises = [decode(data / row["path"]) for row in still if row["kind"] == "noise"]
        music = [decode(data / row["path"]) for row in still if row["kind"] == "music"]
        made = simulate_rooms(rooms, np.random.default_rng([5, split == "train"]), late=FAR)
        responses = np.concatenate([made, recorded_rooms(data, split)]).astype(np.float32)
        energy = np.cumsum(responses[:, ::-1] ** 2, axis=1)[:, ::-1]
        decay = (energy > energy[:, :1] * 1e-3).sum(1)
        return cls(list(by_speaker.values()), noises, responses[np.argsort(decay)], music)

    def draw(self, rng: np.random.Generator, count: int) -> list[Voice]:
        """`count` different speakers, each at a speed of its own."""
        if count > len(self.speech):
            raise InputError(f"there are {len(self.speech)} speakers, not {count}: simulate fewer")
        voices = []
        for speaker in rng.choice(len(self.speech), count, replace=False, p=self._weights):
            speed_index = int(rng.choice(len(self.FACTORS), p=(0.08, 0.12, 0.16, 0.28, 0.16, 0.12, 0.08)))
            identity = int(speaker) * len(self.FACTORS) + speed_index
            own = np.random.default_rng(int(rng.integers(2**63)))
            voices.append(Voice(identity, self.speech[speaker], self.FACTORS[speed_index], own))
        return voices

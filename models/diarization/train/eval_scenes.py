"""What diarization is scored on: simulated conversations, real meetings, and what is difficult in other ways.

The same every time: each conversation has a seed of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.corpora.degradations import coloured_noise, rms
from duplex.models.corpora.manifest import rows
from duplex.models.diarization.contract import Turn
from duplex.models.diarization.rttm import read_rttm
from duplex.models.diarization.train.scoring import speakers_of
from duplex.models.diarization.train.simulation import simulate, turns_of
from duplex.models.diarization.train.speaker_corpus import LABEL_HOP, Voices
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError
from duplex.streaming.resample import resample

SEED = 410


@dataclass(frozen=True)
class Scene:
    """kind: what it is counted under. samples: (n,) float32 at 16 kHz. turns: the truth."""

    kind: str
    samples: np.ndarray
    turns: list[Turn]

    @property
    def duration(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def speakers(self) -> int:
        return len(speakers_of(self.turns))


def conversations(
    voices: Voices, calls: Path | None, speakers: int, count: int, seconds: float, seed: int = SEED
) -> Iterator[Scene]:
    """Simulated conversations, all with this many speakers. calls: CSV of the turns of real calls."""
    kind = f"{speakers} speaker{'s' * (speakers > 1)}"
    for number in range(count):
        rng = np.random.default_rng([seed, speakers, number, round(seconds)])
        made = simulate(rng, voices, speakers, seconds, calls)
        yield Scene(kind, made.samples, made.turns)


def meetings(data: Path) -> Iterator[Scene]:
    """The real meetings of the validation split."""
    import soundfile

    for row in rows(data, ("ami_clips",), "valid"):
        samples, rate = soundfile.read(data / row["path"], dtype="float32", always_2d=True)
        turns = read_rttm(data / row["rttm"]).get(Path(row["path"]).stem)
        if turns is None:
            raise InputError(f"{data / row['rttm']}: has no turns of {Path(row['path']).stem}")
        mono = samples.mean(axis=1)
        yield Scene("AMI", mono if rate == SAMPLE_RATE else resample(mono, rate, SAMPLE_RATE), turns)


def difficult(voices: Voices, calls: Path | None, seconds: float = 60.0) -> Iterator[Scene]:
    """Sounds that are no speech, extremes, and one conversation in several conditions."""
    length = round(seconds * SAMPLE_RATE)
    rng = np.random.default_rng([SEED, 4])
    yield Scene("silence", np.zeros(length, np.float32), [])
    yield Scene("hiss at -70 dBFS", rng.normal(0, 10 ** (-70 / 20), length).astype(np.float32), [])
    for number in range(3):
        noise = coloured_noise(length, rng)
        yield Scene("steady noise", _at_level(noise, (-50, -35, -20)[number]), [])
    for noise in voices.noises:
        samples = np.resize(noise, max(len(noise), 10 * SAMPLE_RATE))[:length].astype(np.float32) / 32768
        yield Scene("recorded noises", samples, [])
    for tempo in (1.5, 3.0, 5.0):
        yield Scene("music-like", _at_level(music(length, tempo, rng), -25), [])
    alone = simulate(np.random.default_rng([SEED, 41]), voices, 1, seconds, calls)
    yield Scene("one speaker", alone.samples, alone.turns)
    yield _all_at_once(voices, 8, length)
    talk = simulate(np.random.default_rng([SEED, 43]), voices, 3, seconds, calls)
    yield Scene("three speakers", talk.samples, talk.turns)
    yield _cut(talk.samples, talk.activity, seconds / 2, 5.0)
    loud = talk.samples * np.float32(10 / max(float(np.abs(talk.samples).max()), 1e-3))
    yield Scene("the same, clipped 20 dB", np.clip(loud, -1, 1), talk.turns)
    narrow = resample(resample(talk.samples, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE)
    yield Scene("the same at 8 kHz", narrow[: len(talk.samples)], talk.turns)
    yield Scene("the same 30 dB softer", talk.samples * np.float32(10 ** (-30 / 20)), talk.turns)


def music(length: int, tempo: float, rng: np.random.Generator) -> np.ndarray:
    """(length,) chords of harmonic, decaying tones with a vibrato, and a beat of noise; tempo: chords a second."""
    time = np.arange(length) / SAMPLE_RATE
    out = np.zeros(length)
    beat = round(SAMPLE_RATE / tempo)
    for start in range(0, length, beat):
        span = time[start : start + 2 * beat] - time[start]
        root = 110 * 2 ** (int(rng.choice([0, 2, 4, 5, 7, 9])) / 12)
        for interval in (0, 4, 7, 12):
            phase = 2 * np.pi * root * 2 ** (interval / 12) * span + 0.3 * np.sin(2 * np.pi * 5.5 * span)
            tone = sum(np.sin(each * phase) / each**1.3 for each in range(1, 9))
            out[start : start + 2 * beat] += tone * np.exp(-2.5 * span) * np.minimum(1, span / 0.01)
        out[start : start + 2 * beat] += rng.normal(0, 1, len(span)) * np.exp(-40 * span)
    return out.astype(np.float32)


def _at_level(samples: np.ndarray, level: float) -> np.ndarray:
    return (samples * np.float32(10 ** (level / 20) / max(rms(samples), 1e-9))).astype(np.float32)


def _all_at_once(voices: Voices, count: int, length: int) -> Scene:
    """Everybody speaks all the time, one after the other having begun."""
    rng = np.random.default_rng([SEED, 42])
    mix = np.zeros(length, np.float32)
    activity = np.zeros((length // LABEL_HOP, count), bool)
    for number, voice in enumerate(voices.draw(rng, count)):
        first = number * 100
        sound, speaking = voice.take(length - first * LABEL_HOP)
        mix[first * LABEL_HOP :] += sound
        activity[first:, number] = speaking[: len(activity) - first]
    return Scene("eight at once", mix / np.float32(max(1.0, float(np.abs(mix).max()))), turns_of(activity))


def _cut(samples: np.ndarray, activity: np.ndarray, at: float, length: float) -> Scene:
    first, last = round(at * 100), round((at + length) * 100)
    kept = np.concatenate([samples[: first * LABEL_HOP], samples[last * LABEL_HOP :]])
    return Scene("the same, 5 s cut out", kept, turns_of(np.delete(activity, slice(first, last), axis=0)))

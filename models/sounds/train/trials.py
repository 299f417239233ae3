"""Recordings of one split put to a tagger: each alone, each under speech, and long stretches in which nothing is heard.

The same each time: all chance comes from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.models.corpora.degradations import coloured_noise, rms
from duplex.models.sounds.contract import BLOCK, LABELS, SoundTagger
from duplex.models.sounds.train.categories import MASKED, NO_LABEL
from duplex.models.sounds.train.corpus import Corpus
from duplex.models.sounds.train.scenes import LEVEL, SceneMaker, Source, trimmed
from duplex.streaming.audio import SAMPLE_RATE

MOST_OF_A_CATEGORY = 25
MOST_UTTERANCES = 60
LONGEST = 8 * SAMPLE_RATE
BEFORE = 2 * SAMPLE_RATE
"""Samples of near silence before a recording."""


@dataclass(frozen=True)
class Trial:
    """probabilities: (blocks, labels). category: of the recording. truth: (labels,) 1 heard, 0 not, NaN unknown."""

    probabilities: np.ndarray
    category: str
    truth: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """(labels,): the highest of each."""
        return self.probabilities.max(0)


def tagged(tagger: SoundTagger[Any], samples: np.ndarray) -> np.ndarray:
    """(n,) to (blocks, labels), the last block completed with silence."""
    state, rows = tagger.initial_state(), []
    padded = np.pad(samples, (0, -len(samples) % BLOCK)).astype(np.float32)
    for at in range(0, len(padded), BLOCK):
        block, state = tagger.step(padded[at : at + BLOCK], state)
        rows.append(block.probabilities)
    return np.array(rows)


def recordings(corpus: Corpus) -> Iterator[tuple[str, np.ndarray]]:
    """(category, samples) of the split, at most MOST_OF_A_CATEGORY of each and 8 s of each."""
    for name in corpus.categories:
        items = corpus.of_category(name)
        for item in items[:: max(1, -(-len(items) // MOST_OF_A_CATEGORY))]:
            yield name, trimmed(corpus.sounds.item(int(item)))[:LONGEST]
    every = max(1, len(corpus.speech) // MOST_UTTERANCES)
    for item in range(0, len(corpus.speech), every):
        yield "speech", trimmed(corpus.speech.item(item))[:LONGEST]


def alone(corpus: Corpus) -> Iterator[tuple[str, np.ndarray]]:
    """Each recording after two seconds of near silence, at −25 dBFS."""
    rng = np.random.default_rng(3)
    for category, audio in recordings(corpus):
        loud = audio * np.float32(LEVEL / max(_loudness(audio), 1e-6))
        whole = np.concatenate([np.zeros(BEFORE, np.float32), loud])
        yield category, whole + rng.normal(0, 10 ** (-75 / 20), len(whole)).astype(np.float32)


def under_speech(corpus: Corpus) -> Iterator[tuple[str, np.ndarray]]:
    """Each recording with somebody speaking all along, −5 to 20 dB louder, in rooms, at any level."""
    maker = SceneMaker(corpus, seconds=10.0)
    for number, (category, audio) in enumerate(recordings(corpus)):
        rng = np.random.default_rng([5, number])
        total = np.zeros(maker.length, np.float32)
        at = int(rng.integers(BEFORE // 2, maker.length - min(len(audio), LONGEST)))
        total[at : at + len(audio)] = audio
        total *= np.float32(LEVEL / max(_loudness(total), 1e-6) * 10 ** (-rng.uniform(-5, 20) / 20))
        scene = maker.mixed([Source(total, None), maker.speech(rng)], rng)
        yield category, scene.samples


def trials(tagger: SoundTagger[Any], corpus: Corpus, *, speech: bool) -> list[Trial]:
    """speech: somebody speaks in each."""
    made = under_speech(corpus) if speech else alone(corpus)
    return [Trial(tagged(tagger, audio), name, truth_of(name, speech=speech)) for name, audio in made]


def truth_of(category: str, *, speech: bool) -> np.ndarray:
    """What is heard in a recording of a category."""
    truth = np.zeros(len(LABELS))
    for label in (*MASKED.get(category, ()), "silence", "noise"):
        truth[LABELS.index(label)] = np.nan
    label = NO_LABEL.get(category, category)
    if label is not None:
        truth[LABELS.index(label)] = 1.0
    if speech:
        truth[LABELS.index("speech")] = 1.0
    return truth


def stretches(corpus: Corpus, most: float = 1200.0) -> dict[str, np.ndarray]:
    """Speech, music, silence and noise without any event, at most `most` seconds of each, at changing levels.

    Silence is digital, then white noise of −75 to −55 dBFS; noise is the split's own and coloured noise, in turns.
    """
    rng = np.random.default_rng(11)
    made: dict[str, list[np.ndarray]] = {"speech": [], "music": [], "silence": [], "noise": []}
    order = rng.permutation(len(corpus.speech))
    for item in order:
        _extend(made["speech"], corpus.speech.item(int(item)), rng, most)
    for category in ("music", "noise"):
        for item in corpus.of_category(category):
            _extend(made[category], corpus.sounds.item(int(item)), rng, most)
            if category == "noise":
                _extend(made[category], coloured_noise(4 * SAMPLE_RATE, rng), rng, most)
    made["silence"] = [np.zeros(60 * SAMPLE_RATE, np.float32)]
    for decibels in np.linspace(-75, -55, 9):
        made["silence"].append(rng.normal(0, 10 ** (decibels / 20), 60 * SAMPLE_RATE).astype(np.float32))
    return {kind: np.concatenate(parts) for kind, parts in made.items()}


def _extend(parts: list[np.ndarray], audio: np.ndarray, rng: np.random.Generator, most: float) -> None:
    if sum(map(len, parts)) < most * SAMPLE_RATE:
        parts.append(audio * np.float32(10 ** (rng.uniform(-38, -14) / 20) / max(_loudness(audio), 1e-6)))
        parts.append(rng.normal(0, 10 ** (-70 / 20), int(rng.exponential(0.8) * SAMPLE_RATE)).astype(np.float32))


def _loudness(audio: np.ndarray) -> float:
    """RMS of the loudest 400 ms."""
    if len(audio) <= BLOCK:
        return rms(audio) * float(np.sqrt(len(audio) / BLOCK))
    return max(rms(audio[at : at + BLOCK]) for at in range(0, len(audio) - BLOCK + 1, BLOCK))

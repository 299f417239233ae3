"""Scenes of several sounds at once, with what is heard in each block of 400 ms.

Sounds, speech and music at their own levels and places, in rooms, over noise, through band limits and clipping, at any
gain. A source counts as heard in a block where it sounds for 60 ms and is not buried under the others; where that is
doubtful, the block is masked for its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.models.corpora.degradations import (
    band_limit,
    clip,
    coloured_noise,
    equalise,
    fft_convolve,
    quantise,
    rms,
    speed,
)
from duplex.models.sounds.contract import BLOCK, LABELS
from duplex.models.sounds.train.alarms import alarm
from duplex.models.sounds.train.categories import MASKED, NO_LABEL
from duplex.models.sounds.train.corpus import Corpus
from duplex.streaming.audio import SAMPLE_RATE

LEVEL = 0.06
"""RMS of the loudest half second of a source before its gain."""

HEARD, BURIED = -16.0, -26.0
"""dB of a source over all else in a block: above the one it is heard, below the other it is not, between masked."""

SILENT, AUDIBLE = -62.0, -52.0
"""dBFS of a block without any source: below the one it is silence, above the other it is noise, between masked."""

FLOORS = 60
"""Noise floors, made once."""

MADE_ALARMS = 0.65
"""Share of alarms that are synthetic."""

_SLICE = 320  # samples: 20 ms
_SLICES = BLOCK // _SLICE


@dataclass(frozen=True)
class Scene:
    """samples (n,) float32; targets and weights (blocks, labels) float32: what is heard, and where that is known."""

    samples: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Source:
    """A sound at its place in the scene: samples (n,), the label that it teaches, and those that it masks."""

    samples: np.ndarray
    label: str | None
    masked: tuple[str, ...] = ()


class SceneMaker:
    """Draws scenes out of a corpus. All chance comes from the generator given to each call."""

    def __init__(self, corpus: Corpus, seconds: float = 8.0) -> None:
        self.corpus = corpus
        self.length = round(seconds * SAMPLE_RATE / BLOCK) * BLOCK
        self.categories = [name for name in corpus.categories if len(corpus.of_category(name))]
        self._items = {name: corpus.of_category(name) for name in self.categories}
        sizes = np.array([min(len(self._items[name]), 120) for name in self.categories], float) ** 0.3
        sizes[[name in NO_LABEL for name in self.categories]] *= 0.7
        self._shares = sizes / sizes.sum()
        rng = np.random.default_rng(0)
        self._floors = [coloured_noise(self.length, rng) for _ in range(FLOORS)]

    def draw(self, rng: np.random.Generator) -> Scene:
        """A scene of none to three sounds, with speech in half of them."""
        sources = []
        for _ in range(int(rng.choice(4, p=[0.15, 0.48, 0.27, 0.1]))):
            name = self.categories[int(rng.choice(len(self.categories), p=self._shares))]
            sources.append(self.sound(name, rng, decibels=rng.uniform(-15, 0)))
        if rng.random() < 0.5:
            louder = rng.uniform(-5, 20) if sources else 0.0
            sources.append(self.speech(rng, decibels=rng.uniform(-15, 0) + 0.5 * louder))
            sources[:-1] = [Source(each.samples * _factor(-0.5 * louder), *_rest(each)) for each in sources[:-1]]
        return self.mixed(sources, rng)

    def sound(self, name: str, rng: np.random.Generator, decibels: float = 0.0) -> Source:
        """A sound of a category somewhere in the scene, `decibels` over LEVEL."""
        if name == "alarm" and rng.random() < MADE_ALARMS:
            audio = alarm(int(rng.uniform(2, 8) * SAMPLE_RATE), rng)
        else:
            item = int(rng.choice(self._items[name]))
            audio = trimmed(self.corpus.sounds.item(item))
            if len(audio) > self.length:
                at = int(rng.integers(len(audio) - self.length))
                audio = audio[at : at + self.length]
        if rng.random() < 0.6:
            audio = speed(audio, float(np.clip(np.exp(rng.normal(0, 0.12)), 0.75, 1.33)))
        if rng.random() < 0.5:
            audio = equalise(audio, rng, spread=4.0)
        return Source(self._placed(self._again(audio, rng), rng) * _factor(decibels), *_taught(name))

    def speech(self, rng: np.random.Generator, decibels: float = 0.0) -> Source:
        """An utterance or two of one voice with a pause between them."""
        bank = self.corpus.speech
        voice = int(rng.choice(np.unique(bank.groups))) if rng.random() < 0.7 else int(rng.choice(bank.groups))
        total = np.zeros(self.length, np.float32)
        at = int(rng.uniform(-3, 4) * SAMPLE_RATE)
        factor = float(np.clip(np.exp(rng.normal(0, 0.1)), 0.8, 1.25))
        while at < self.length:
            said = speed(trimmed(bank.item(int(rng.choice(np.flatnonzero(bank.groups == voice))))), factor)
            _add(total, said, at)
            at += len(said) + int(rng.exponential(1.2) * SAMPLE_RATE)
        if rng.random() < 0.5:
            total = equalise(total, rng, spread=4.0)
        return Source(self._in_room(_leveled(total), rng) * _factor(decibels), "speech")

    def mixed(self, sources: list[Source], rng: np.random.Generator) -> Scene:
        """The sources over a noise floor, and through what a microphone and a line do."""
        floor = np.roll(self._floors[int(rng.integers(FLOORS))], int(rng.integers(self.length)))
        quiet = rng.uniform(-70, -25) if rng.random() < 0.8 else rng.uniform(-25, -5)
        floor = floor * np.float32(LEVEL * _factor(quiet) / max(rms(floor), 1e-9))
        total = floor + np.sum([each.samples for each in sources], axis=0) if sources else floor
        gain = 10 ** (rng.uniform(-45, -12) / 20) / max(_loudest(total), 1e-6)
        if not sources and rng.random() < 0.5:
            gain = 10 ** (rng.uniform(-95, -60) / 20) / max(rms(total), 1e-9)
        peak = float(np.abs(total).max()) * gain
        if peak > 1:
            gain /= peak
        targets, weights = marked(
            [Source(each.samples * np.float32(gain), *_rest(each)) for each in sources], floor * np.float32(gain)
        )
        audio = (total * np.float32(gain)).astype(np.float32)
        if rng.random() < 0.15:
            audio = band_limit(audio, rng)
        if rng.random() < 0.1:
            audio = clip(audio, rng)
        return Scene(quantise(audio), targets, weights)

    def _again(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A short sound may come several times."""
        if len(audio) > 2 * SAMPLE_RATE or rng.random() < 0.4:
            return audio
        parts = [audio]
        for _ in range(int(rng.integers(1, 7))):
            parts += [
                np.zeros(int(rng.uniform(0.05, 1.2) * SAMPLE_RATE), np.float32),
                audio * _factor(rng.normal(0, 2)),
            ]
        return np.concatenate(parts)[: self.length].astype(np.float32)

    def _placed(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        total = np.zeros(self.length, np.float32)
        room = self.length - len(audio)
        _add(total, audio, int(rng.integers(0, room + 1)) if room > 0 else 0)
        return self._in_room(_leveled(total), rng)

    def _in_room(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < 0.35:
            audio = fft_convolve(audio, self.corpus.rooms[int(rng.integers(len(self.corpus.rooms)))])
        return _leveled(audio)


def marked(sources: list[Source], floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights, (blocks, labels) each, of sources as they sound in the scene over its noise floor."""
    blocks = len(floor) // BLOCK
    targets, weights = np.zeros((2, blocks, len(LABELS)), np.float32)
    weights[:] = 1.0
    powers = [_powers(each.samples) for each in [*sources, Source(floor, "noise")]]
    whole = np.sum([power.mean(1) for power in powers], axis=0) + 1e-12
    sounding = np.zeros(blocks, bool)
    for each, power in zip(sources, powers[:-1], strict=True):
        share = power.mean(1)
        over = 10 * np.log10((share + 1e-15) / (whole - share + 1e-15))
        slices = (power > power.max() * 10 ** (-3.0)).sum(1)
        enough = min(3, max(int(slices.max()), 1))
        heard = (slices >= enough) & (over > HEARD)
        doubtful = (slices > 0) & (over > BURIED) & ~heard
        sounding |= (slices > 0) & (over > BURIED)
        if each.label is not None:
            column = LABELS.index(each.label)
            targets[heard, column] = 1.0
            weights[doubtful & (targets[:, column] == 0), column] = 0.0
        for label in each.masked:
            weights[heard | doubtful, LABELS.index(label)] = 0.0
    noise, silence = LABELS.index("noise"), LABELS.index("silence")
    level = 10 * np.log10(whole)
    over = 10 * np.log10((powers[-1].mean(1) + 1e-15) / (whole - powers[-1].mean(1) + 1e-15))
    targets[~sounding & (level > AUDIBLE), noise] = 1.0
    targets[~sounding & (level < SILENT), silence] = 1.0
    between = ~sounding & (level >= SILENT) & (level <= AUDIBLE)
    weights[between, noise] = weights[between, silence] = 0.0
    loud_floor = sounding & (over > -20)
    weights[loud_floor & (targets[:, noise] == 0), noise] = 0.0
    weights[targets > 0] = 1.0
    return targets, weights


def trimmed(audio: np.ndarray, decibels: float = -45.0) -> np.ndarray:
    """Without the silence before and after: 20 ms slices that much below the loudest."""
    count = len(audio) // _SLICE
    if count < 3:
        return audio
    power = np.square(audio[: count * _SLICE].reshape(count, _SLICE)).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (decibels / 10))
    return audio[loud[0] * _SLICE : (loud[-1] + 1) * _SLICE] if len(loud) else audio


def _taught(category: str) -> tuple[str | None, tuple[str, ...]]:
    return NO_LABEL.get(category, category), MASKED.get(category, ())


def _rest(source: Source) -> tuple[str | None, tuple[str, ...]]:
    return source.label, source.masked


def _factor(decibels: float) -> np.float32:
    return np.float32(10 ** (decibels / 20))


def _powers(audio: np.ndarray) -> np.ndarray:
    """(n,) to the power of each 20 ms slice, (blocks, slices)."""
    return np.square(audio.reshape(-1, _SLICES, _SLICE), dtype=np.float32).mean(2)


def _loudest(audio: np.ndarray) -> float:
    """RMS of the loudest block."""
    return float(np.sqrt(_powers(audio).mean(1).max()))


def _leveled(audio: np.ndarray) -> np.ndarray:
    return (audio * np.float32(LEVEL / max(_loudest(audio), 1e-6))).astype(np.float32)


def _add(total: np.ndarray, audio: np.ndarray, at: int) -> None:
    """Adds as much of `audio` as lies within `total` when it begins at `at`."""
    first, last = max(at, 0), min(at + len(audio), len(total))
    if last > first:
        total[first:last] += audio[first - at : last - at]

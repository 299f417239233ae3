"""Degraded speech made on the fly: noise, rooms, codecs, band limits, clipping, level, alone and together.

`Mixer` draws pairs (degraded, clean) from what `mixture_cache.build_cache` made, at a few milliseconds each, so that
loading never waits.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from duplex.models.corpora.bank import Bank
from duplex.models.corpora.degradations import (
    babble,
    band_limit,
    clatter,
    clip,
    coloured_noise,
    come_and_go,
    equalise,
    events,
    fft_convolve,
    quantise,
    rms,
    speed,
)
from duplex.models.corpora.rooms import early_part, on_the_way
from duplex.models.corpora.synthetic_sounds import synthetic
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import TASKS
from duplex.streaming.errors import InputError

TASK_SHARES = {"enhance": 0.3, "dereverb": 0.13, "codec": 0.12, "bandwidth": 0.12, "auto": 0.33}


class Mixer:
    """Draws training pairs. All randomness comes from the generator given to each call.

    Args:
        cache: the folder that `build_cache` filled.
        split: "train" or "valid"; valid speakers, noises and rooms are never seen in training.
    """

    def __init__(self, cache: str | os.PathLike, split: str = "train", with_codecs: bool = True) -> None:
        cache = Path(cache)
        self._speech = Bank.load(cache / f"speech-{split}")
        self._noise = Bank.load(cache / f"noise-{split}")
        music = cache / f"music-{split}"
        self._wider = split == "train"
        self._music = Bank.load(music) if music.with_suffix(".index.npz").exists() else None
        self._rooms = np.load(cache / f"rooms-{split}.npz")["rooms"]
        if with_codecs:
            coded = np.load(cache / f"coded-{split}.npz")
            self._coded = coded["pairs"]
            self._plain = np.flatnonzero(coded["plain"])
        # Speakers weigh the square root of their time: 300 voices matter more than one voice's hour.
        durations = np.diff(self._speech.starts).astype(np.float64)
        totals = np.bincount(self._speech.groups, durations)
        weights = durations / np.sqrt(totals[self._speech.groups])
        self._weights = np.cumsum(weights / weights.sum())

    def _speaker_item(self, rng: np.random.Generator) -> int:
        return min(int(np.searchsorted(self._weights, rng.random())), len(self._speech) - 1)

    def speech(self, rng: np.random.Generator, length: int, augment: bool = True) -> tuple[np.ndarray, int]:
        """Clean speech (length,) float32 with its speaker's number; speed, equaliser and level changed."""
        for _ in range(8):
            item = self._speaker_item(rng)
            factor = float(np.exp(rng.normal(0, 0.12))) if augment and rng.random() < 0.6 else 1.0
            factor = min(max(factor, 0.75), 1.33)
            audio = self._speech.crop(item, int(length * factor) + 64, rng)
            if rms(audio) > 0.004:
                break
        audio = speed(audio, factor)[:length]
        audio = np.pad(audio, (0, length - len(audio)))
        if augment and rng.random() < 0.5:
            audio = equalise(audio, rng, spread=4.0)
        return audio * np.float32(0.06 / max(rms(audio), 1e-4)), int(self._speech.groups[item])

    def noise(self, rng: np.random.Generator, length: int, speaker: int) -> np.ndarray:
        """One to three noise sources together, (length,) float32 at unit level; `speaker` is kept out of babble."""
        total = np.zeros(length, np.float32)
        for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
            part = self._noise_source(rng, length, speaker)
            if rng.random() < 0.25:
                part = come_and_go(part, rng)
            part = part * np.float32(10 ** (rng.uniform(-12, 0) / 20)) / max(rms(part), 1e-5)
            total += part
        return total / max(rms(total), 1e-5)

    def _noise_source(self, rng: np.random.Generator, length: int, speaker: int) -> np.ndarray:
        if self._wider and rng.random() < 0.4:
            return self._made_up(rng, length)
        kind = rng.random()
        if kind < 0.45:
            return self._recording(self._noise, rng, length)
        if kind < 0.57 and self._music is not None:
            return self._recording(self._music, rng, length)
        if kind < 0.74:
            return coloured_noise(length, rng)
        if kind < 0.82:
            part = clatter(length, rng)
            return fft_convolve(part, self.room(rng)) if rng.random() < 0.5 else part
        return babble(self._voices(rng, length, speaker), self._rooms, rng)

    def _made_up(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Sounds that were not recorded so: synthetic ones, recordings in turn, far too fast or slow or backwards."""
        if rng.random() < 0.5:
            part = synthetic(length, rng)
            return fft_convolve(part, self.room(rng)) if rng.random() < 0.3 else part
        bank = self._noise if self._music is None or rng.random() < 0.85 else self._music
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < length:
            longest = int(np.exp(rng.uniform(np.log(0.1), np.log(2.0))) * SAMPLE_RATE)
            part = bank.crop(int(rng.integers(len(bank))), 2 * longest, rng)
            part = speed(part, float(np.exp(rng.normal(0, 0.35))))[:longest]
            if rng.random() < 0.3:
                part = part[::-1]
            parts.append(part * np.float32(10 ** (rng.uniform(-10, 0) / 20) / max(rms(part), 1e-5)))
        return equalise(np.concatenate(parts)[:length], rng, spread=5.0)

    def _recording(self, bank: Bank, rng: np.random.Generator, length: int) -> np.ndarray:
        item = int(rng.integers(len(bank)))
        factor = float(rng.uniform(0.8, 1.25))
        short = bank.starts[item + 1] - bank.starts[item] < length
        if short and rng.random() < 0.7:
            part = events(speed(bank.item(item), factor), length, rng)
        else:
            part = np.resize(speed(bank.crop(item, int(length * 1.3), rng), factor), length)
        part = equalise(part, rng, spread=5.0)
        return fft_convolve(part, self.room(rng)) if rng.random() < 0.3 else part

    def _voices(self, rng: np.random.Generator, length: int, speaker: int) -> list[np.ndarray]:
        voices = []
        for _ in range(int(rng.choice([1, 2, 3, 5, 7], p=[0.05, 0.15, 0.25, 0.3, 0.25]))):
            item = self._speaker_item(rng)
            if self._speech.groups[item] != speaker:
                voices.append(self._speech.crop(item, length, rng))
        return voices or [rng.standard_normal(length).astype(np.float32)]

    def room(self, rng: np.random.Generator) -> np.ndarray:
        """A room impulse response, (n,) float32, direct sound at sample 0 with amplitude 1."""
        return self._rooms[int(rng.integers(len(self._rooms)))].astype(np.float32)

    def _in_room(self, clean: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`clean` in a room, at times on the way to another place in it, and its direct sound alone."""
        if rng.random() < 0.15:
            share = on_the_way(len(clean), rng)
            places = [(clean * (1 - share), self.room(rng)), (clean * share, self.room(rng))]
        else:
            places = [(clean, self.room(rng))]
        heard, near = np.zeros_like(clean), np.zeros_like(clean)
        for part, response in places:
            heard += fft_convolve(part, response)
            near += fft_convolve(part, early_part(response))
        return heard, near

    def add_noise(self, audio: np.ndarray, rng: np.random.Generator, speaker: int, low: float, high: float):
        """`audio` with noise at an SNR drawn from [low, high] dB over the active part of the speech."""
        noise = self.noise(rng, len(audio), speaker)
        snr = rng.uniform(low, high)
        frames = audio[: len(audio) // 320 * 320].reshape(-1, 320)
        power = (frames**2).mean(1)
        active = power[power > 0.01 * power.max()].mean() if len(power) else 1e-8
        return audio + noise * np.float32(np.sqrt(active) * 10 ** (-snr / 20))

    def noisy_room(self, clean: np.ndarray, rng: np.random.Generator, speaker: int = -1):
        """(degraded, target): a room half of the time, noise most of the time."""
        source, target = clean, clean
        if rng.random() < 0.5:
            source, target = self._in_room(clean, rng)
        if rng.random() < 0.8:
            source = self.add_noise(source, rng, speaker, 0, 20)
        return source, target

    def draw(self, task: str, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """One pair (degraded, clean), both (length,) float32, for `task`."""
        clean, speaker = self.speech(rng, length)
        if task == "enhance":
            source, target = self.add_noise(clean, rng, speaker, -5, 20), clean
            if rng.random() < 0.15:  # a slightly echoing talker stays as he is close up
                response = self.room(rng)
                near = early_part(response, 0.03)
                source, target = fft_convolve(source, near), fft_convolve(clean, near)
        elif task == "dereverb":
            source, target = self._in_room(clean, rng)
            if rng.random() < 0.4:
                source = self.add_noise(source, rng, speaker, 20, 40)
        elif task == "codec":
            source, target = self._coded_pair(rng, length, plain=True)
        elif task == "bandwidth":
            source, target = band_limit(clean, rng), clean
        elif task == "vocode":
            source, target = clean, clean  # the mel bands are taken from the spectrum
        elif task == "auto":
            source, target = self._combined(clean, rng, speaker, length)
        else:
            raise InputError(f"no mixture for task {task!r}: choose one of {', '.join(TASKS)}")
        gain = np.float32(10 ** (rng.uniform(-30, 0) / 20) / max(np.abs(source).max(), 1e-3))
        source, target = source * gain, target * gain
        if task == "enhance" and rng.random() < 0.05:
            source = clip(source, rng)
        return quantise(source), target.astype(np.float32)

    def _coded_pair(self, rng: np.random.Generator, length: int, plain: bool):
        index = int(rng.choice(self._plain)) if plain else int(rng.integers(len(self._coded)))
        source, target = self._coded[index]
        at = int(rng.integers(0, len(source) - length + 1)) if len(source) > length else 0
        pair = [
            np.pad(x[at : at + length].astype(np.float32) / 32768, (0, max(0, length - len(x))))
            for x in (source, target)
        ]
        return pair[0], pair[1]

    def _combined(self, clean: np.ndarray, rng: np.random.Generator, speaker: int, length: int):
        kind = rng.random()
        if kind < 0.06:
            return clean, clean  # nothing wrong: leave it alone
        if kind < 0.26:
            return self._coded_pair(rng, length, plain=False)
        source, target = clean, clean
        if rng.random() < 0.45:
            source, target = self._in_room(clean, rng)
        if rng.random() < 0.85:
            source = self.add_noise(source, rng, speaker, -5, 25)
        if rng.random() < 0.25:
            source = band_limit(source, rng)
        if rng.random() < 0.15:
            source = clip(source, rng)
        if rng.random() < 0.1:
            source = equalise(source, rng, spread=6.0)
        return source, target

    def batch(self, rng: np.random.Generator, size: int, length: int, tasks: dict[str, float] | None = None):
        """(degraded, clean, task numbers): (size, length) float32 twice and (size,) int64."""
        shares = tasks or TASK_SHARES
        names = list(shares)
        drawn = rng.choice(len(names), size, p=np.array(list(shares.values())) / sum(shares.values()))
        pairs = [self.draw(names[d], rng, length) for d in drawn]
        # One explicit-task item in four is labelled auto, so that auto also knows the single faults.
        labels = [TASKS.index("auto" if names[d] != "vocode" and rng.random() < 0.25 else names[d]) for d in drawn]
        return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]), np.array(labels, np.int64)

"""A cache of rendered conversations on disk, from which training batches are cropped.

Rendering and training run beside each other: `python -m duplex.models.diarization.train.example_cache` adds to the
cache, and then replaces its oldest, while a training draws from whatever is there.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from duplex.models.corpora.manifest import data_folder
from duplex.models.diarization.config import NETWORKS, SAMPLE_RATE, DiarizationConfig
from duplex.models.diarization.features import Features
from duplex.models.diarization.train.losses import in_order_of_appearance, slot_labels
from duplex.models.diarization.train.simulation import Conversation, simulate
from duplex.models.diarization.train.speaker_corpus import Voices

SHARES = {1: 0.08, 2: 0.22, 3: 0.19, 4: 0.22, 5: 0.09, 6: 0.08, 7: 0.05, 8: 0.07}
LONG_SHARE = 0.06


def frame_activity(activity: np.ndarray, frames: int, per_frame: int = 10) -> np.ndarray:
    """(10 ms frames, speakers) bool to (frames, speakers): active for at least half of it."""
    padded = np.zeros((frames * per_frame, activity.shape[1]), bool)
    padded[: len(activity)] = activity[: len(padded)]
    return padded.reshape(frames, per_frame, -1).mean(axis=1) >= 0.5


def at_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    """16 kHz audio at the rate of a network, (n,) float32."""
    if rate == SAMPLE_RATE:
        return samples
    import soxr

    return soxr.resample(samples, SAMPLE_RATE, rate)


def render(conversation: Conversation, features: Features) -> dict[str, np.ndarray]:
    """Log-mel features every 10 ms (float16), activity every 100 ms, and who the speakers are."""
    half = np.zeros(features.config.window // 2, np.float32)
    samples = at_rate(conversation.samples, features.sample_rate)
    logmel = features.log_mel(np.concatenate([half, samples, half]))
    frames = len(samples) // features.hop
    return {
        "logmel": logmel.astype(np.float16),
        "activity": frame_activity(conversation.activity, frames),
        "identities": conversation.identities,
    }


class Folder:
    """Conversations in a folder that is being filled. Files are named by their number of speakers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[int, list[Path]] = {}
        self._looked = -1e9

    def files(self) -> dict[int, list[Path]]:
        """By number of speakers; looked up anew every minute."""
        if time.monotonic() - self._looked > 60:
            self._looked = time.monotonic()
            self._files = {}
            for path in sorted(self.folder.glob("*.npz")):
                self._files.setdefault(int(path.name[0]), []).append(path)
        return self._files

    @staticmethod
    def read(path: Path, *names: str) -> list[np.ndarray] | None:
        """Arrays of one of the files; None while it is being replaced."""
        try:
            with np.load(path) as kept:
                return [kept[name] for name in names]
        except (OSError, ValueError, KeyError):
            return None


class Pool(Folder):
    """Training batches of the conversations in a folder."""

    def __init__(self, folder: Path, config: DiarizationConfig) -> None:
        super().__init__(folder)
        self.config = config
        self._features = Features(config)

    def batch(
        self, rng: np.random.Generator, size: int, frames: int, shares: dict[int, float], slots: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(inputs (size, frames, splice), labels (size, frames, slots), identities (size, frames), -1 where not one
        speaks alone); crops begin anywhere, as a listener may."""
        rows = []
        while len(rows) < size:
            row = self._crop(rng, frames, shares, slots)
            if row is not None:
                rows.append(row)
        inputs, labels, identities = zip(*rows, strict=True)
        return np.stack(inputs), np.stack(labels), np.stack(identities)

    def _crop(self, rng, frames, shares, slots):
        files = self.files()
        counts = [count for count in shares if files.get(count)]
        weights = np.array([shares[count] for count in counts])
        among = files[int(rng.choice(counts, p=weights / weights.sum()))]
        kept = self.read(among[int(rng.integers(len(among)))], "logmel", "activity", "identities")
        if kept is None:
            return None
        logmel, activity, numbers = kept
        if len(activity) < frames:
            return None
        first = 0 if rng.random() < 0.3 else int(rng.integers(len(activity) - frames + 1))
        activity = activity[first : first + frames]
        order = in_order_of_appearance(activity)
        if len(order) > slots - 2:
            return None
        activity = activity[:, order]
        thin = self.config.subsampling
        part = logmel[first * thin : (first + frames) * thin + 2 * self.config.context].astype(np.float32)
        inputs = self._network_inputs(part, frames)
        if rng.random() < 0.3:
            _mask_bands(rng, inputs, self.config.mels)
        alone = activity.sum(axis=1) == 1
        identities = np.where(alone, numbers[order][activity.argmax(axis=1)] if len(order) else -1, -1)
        return inputs, slot_labels(activity, slots), identities

    def _network_inputs(self, logmel: np.ndarray, frames: int) -> np.ndarray:
        features = self._features
        state = features.initial_state()
        wanted = frames * self.config.subsampling + self.config.context
        if len(logmel) < wanted:
            logmel = np.concatenate([logmel, np.repeat(logmel[-1:], wanted - len(logmel), axis=0)])
        return features.splice(features.without_mean(logmel, state), state)[:frames]


def _mask_bands(rng: np.random.Generator, inputs: np.ndarray, mels: int) -> None:
    """A few neighbouring mel bands unheard (Park et al. 2019, SpecAugment)."""
    width = int(rng.integers(1, 7))
    at = int(rng.integers(mels - width))
    inputs.reshape(len(inputs), -1, mels)[:, :, at : at + width] = 0.0


def fill(
    folder: Path,
    data: Path,
    voices: Voices,
    render: Callable[[Conversation], dict[str, np.ndarray]],
    size: int,
    seed: int,
    least: int = 0,
) -> None:
    """Renders until killed; with `least`, until so many are there. Files beyond `size` replace the oldest."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = data / "text" / "earnings22_turns.csv.gz"
    number = 1 + max((int(path.stem.split("-")[1]) for path in folder.glob("*.npz")), default=-1)
    while not least or number < least:
        rng = np.random.default_rng([seed, number])
        speakers = int(rng.choice(list(SHARES), p=np.array(list(SHARES.values())) / sum(SHARES.values())))
        seconds = 400.0 if rng.random() < LONG_SHARE else 100.0
        unfinished = folder / f".{number}.tmp"
        with open(unfinished, "wb") as file:
            np.savez(file, **render(simulate(rng, voices, speakers, seconds, calls)))
        for old in folder.glob(f"?-{number - size:06d}.npz"):
            old.unlink()
        os.replace(unfinished, folder / f"{speakers}-{number:06d}.npz")
        number += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Render simulated conversations for the training of diarization.")
    parser.add_argument("--out", required=True, help="folder of the pool")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA")
    parser.add_argument("--network", choices=tuple(NETWORKS), default="lite", help="whose features to compute")
    parser.add_argument("--size", type=int, default=4000, help="conversations kept")
    parser.add_argument("--least", type=int, default=0, help="stop when so many have been rendered; 0: never")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    features = Features(NETWORKS[arguments.network])
    drawn = partial(render, features=features)
    fill(Path(arguments.out), data, Voices.load(data), drawn, arguments.size, arguments.seed, arguments.least)


if __name__ == "__main__":
    main()

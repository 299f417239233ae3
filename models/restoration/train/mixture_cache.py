"""What mixtures are made of, decoded, simulated and rendered once into a folder.

Whole kinds of noise are left out of training: they are what validation hears, beside the split `valid` of the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from duplex.models.corpora.bank import Bank, decoded_bank
from duplex.models.corpora.manifest import NOISE, SPEECH, all_rows, rows, voiceless
from duplex.models.corpora.rooms import recorded_rooms, simulate_rooms
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.train.coded import degrade
from duplex.models.restoration.train.mixtures import Mixer

UNHEARD_KINDS = (
    "door", "glass", "machine_tool", "paper_cloth", "phone_ring", "thunder", "train", "vehicle_engine", "wind",
    "Clock tick", "Dog bark",
)  # fmt: skip
"""Labels of noise that are left out of training."""

LATE = -10.0  # dB: the direct sound against all that follows, in the rooms that echo most


def _bank(folder: Path, chosen: list[dict], group: str) -> Bank:
    names: dict[str, int] = {}
    return decoded_bank(folder, chosen, [names.setdefault(str(row.get(group)), len(names)) for row in chosen])


def unheard_noises(folder: Path) -> list[dict]:
    """Rows of UNHEARD_KINDS, of both splits. Without NOISE: the training that the shipped weights began with heard all
    kinds of it."""
    known = [*all_rows(folder, "train"), *all_rows(folder, "valid")]
    return [row for row in voiceless(known) if row["label"] in UNHEARD_KINDS and row["dataset"] not in NOISE]


def _noises(folder: Path, split: str) -> list[dict]:
    found = [row for row in voiceless(all_rows(folder, split)) if row["kind"] == "noise"]
    known = [row for row in found if row["label"] not in UNHEARD_KINDS]
    return known if split == "train" else unheard_noises(folder) or known


def _music(folder: Path, split: str) -> list[dict]:
    return [row for row in voiceless(all_rows(folder, split)) if row["kind"] == "music"]


def build_cache(folder: Path, cache: Path, rooms: int = 3000, coded: int = 3000, seed: int = 0) -> None:
    """Decodes, simulates and renders into `cache`; whatever is there already is kept."""
    cache.mkdir(parents=True, exist_ok=True)
    for split in ("train", "valid"):
        chosen = {
            "speech": (rows(folder, SPEECH, split), "speaker"),
            "noise": (_noises(folder, split), "label"),
            "music": (_music(folder, split), "source_key"),
        }
        for name, (found, group) in chosen.items():
            path = cache / f"{name}-{split}"
            if found and not path.with_suffix(".index.npz").exists():
                _bank(folder, found, group).save(path)
        path = cache / f"rooms-{split}.npz"
        if not path.exists():
            count = rooms if split == "train" else min(rooms, 40)
            simulated = simulate_rooms(count, np.random.default_rng([seed, split == "train"]), late=LATE)
            np.savez(path, rooms=np.concatenate([simulated, recorded_rooms(folder, split)]))
        path = cache / f"coded-{split}.npz"
        if not path.exists():
            count = coded if split == "train" else min(coded, 60)
            mixer = Mixer(cache, split, with_codecs=False)
            rng = np.random.default_rng([seed, 7, split == "train"])
            pairs = []
            for number in range(count):
                clean, _ = mixer.speech(rng, 4 * SAMPLE_RATE)
                source, target = clean, clean
                if number % 3 == 2:  # coded after it was noisy or echoing: for combined faults
                    source, target = mixer.noisy_room(clean, rng)
                level = rng.uniform(0.2, 0.95) / max(np.abs(source).max(), 1e-4)
                source, target = source * level, target * level
                pairs.append((degrade(source, rng), target))
            stacked = np.clip(np.array(pairs), -1, 1) * 32767
            plain = np.arange(count) % 3 != 2
            np.savez(path, pairs=stacked.astype(np.int16), plain=plain)

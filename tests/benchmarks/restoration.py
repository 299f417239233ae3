"""What each engine of restoration makes of noisy and of clean speech, and what it costs.

    python -m tests.benchmarks.restoration FOLDER [--clips 8] [--seeds 3] [--engines lite deepfilternet …]

FOLDER has a manifest.jsonl (speech_rows.py). Speech of the split "valid" is mixed at 0, 5 and 10 dB with sounds, one
after the other, of kinds that were left out of training the included network (doors, glass, tools, paper, telephones,
thunder, trains, engines, wind). What the makers of the other engines trained on is theirs to say. Engines whose weights
are not here are pulled.

All engines, and RNNoise where it is installed, hear the same mixtures in one run, through the live stage. Cost is CPU
time of a hop on one thread, and of 16 ms.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import LIVE_ENGINES, RestoreOptions, load_stage
from duplex.models.restoration.metrics import score
from duplex.models.restoration.train.mixture_cache import unheard_noises
from duplex.streaming.stage import Stage
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.speech_rows import mixed, read, rows

RATIOS = (0.0, 5.0, 10.0)
SECONDS = 5
MEASURES = ("pesq", "estoi", "si_sdr")

Restores = Callable[[np.ndarray], np.ndarray]


class Timed:
    """A stage, and the CPU time of each of its steps in seconds."""

    def __init__(self, stage: Stage[Any, np.ndarray]) -> None:
        self.hop_seconds = stage.hop / stage.sample_rate
        self.costs: list[float] = []
        self._stage = stage

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        stage, hop = self._stage, self._stage.hop
        padded = np.pad(audio, (0, -len(audio) % hop))
        state, outs = stage.initial_state(), []
        for at in range(0, len(padded), hop):
            began = time.thread_time()
            out, state = stage.step(padded[at : at + hop], state)
            self.costs.append(time.thread_time() - began)
            outs.append(out)
        return np.concatenate([*outs, stage.flush(state)])[stage.latency :][: len(audio)]


def bed(sounds: list[np.ndarray], length: int, random: np.random.Generator) -> np.ndarray:
    """Sounds in turn, drawn at random, each at the same power."""
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < length:
        sound = sounds[int(random.integers(len(sounds)))][: 2 * SAMPLE_RATE]
        parts.append(sound / np.sqrt(np.mean(sound**2)))
    return np.concatenate(parts)[:length]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=8, help="of speech, for each seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=LIVE_ENGINES[1:], choices=LIVE_ENGINES[1:])
    options = parser.parse_args()
    spoken = [row for row in rows(options.data) if row["dataset"] == "librispeech_tc100_1utt" and row["dur"] >= SECONDS]
    noises = [read(options.data, row) for row in unheard_noises(options.data)]
    noises = [sound for sound in noises if len(sound) >= 0.3 * SAMPLE_RATE and np.mean(sound**2) > 1e-8]
    timed = {name: Timed(load_stage(RestoreOptions("enhance", engine=name))) for name in options.engines}
    restorers: dict[str, Restores] = {"input": lambda audio: audio}
    if importlib.util.find_spec("pyrnnoise"):
        from duplex.models.restoration.train.evaluate import rnnoise

        restorers["RNNoise"] = rnnoise
    restorers |= timed
    figures: dict[tuple[str, float | None], list[list[float]]] = {}
    for seed in range(options.seeds):
        random = np.random.default_rng(seed)
        for index in random.permutation(len(spoken))[: options.clips]:
            speech = read(options.data, spoken[index])[: SECONDS * SAMPLE_RATE]
            noise = bed(noises, len(speech), random)
            for ratio in (*RATIOS, None):
                heard = speech if ratio is None else mixed(speech, noise, ratio)
                for name, restore in restorers.items():
                    measured = score(speech, restore(heard))
                    figures.setdefault((name, ratio), []).append([measured[key] for key in MEASURES])
    print(versions(["onnxruntime", "numpy", "pesq", "pystoi", "pyrnnoise"]))
    count = options.clips * options.seeds
    print(f"{count} clips of {SECONDS} s at each ratio, {len(noises)} sounds; PESQ-WB / ESTOI / SI-SDR dB, means")
    lines = []
    for name in restorers:
        cells = []
        for ratio in (*RATIOS, None):
            pesq, estoi, sdr = np.nanmean(figures[name, ratio], axis=0)
            cells.append(f"{pesq:.2f} / {estoi:.3f} / {min(sdr, 99):.1f}")
        lines.append([name, *cells, *_cost(timed.get(name))])
    header = ["", *(f"{ratio:.0f} dB" for ratio in RATIOS), "clean", "hop ms", "CPU p50", "p95", "p95 of 16 ms"]
    print(table(header, lines))


def _cost(timed: Timed | None) -> list[str]:
    """Of a hop, and of as many as come next to 16 ms: not every hop of a mean costs the same."""
    if timed is None:
        return [""] * 4
    middle, high = (1e3 * quantile(timed.costs, q) for q in (0.5, 0.95))
    hops = max(1, round(0.016 / timed.hop_seconds))
    sums = np.add.reduceat(timed.costs, range(0, len(timed.costs), hops))
    frame = 1e3 * quantile(sums.tolist(), 0.95) * 0.016 / (hops * timed.hop_seconds)
    return [f"{1e3 * timed.hop_seconds:.0f}", f"{middle:.2f}", f"{high:.2f}", f"{frame:.2f}"]


if __name__ == "__main__":
    main()

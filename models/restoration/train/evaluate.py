"""Scores on held-out speakers, noises and rooms: `python -m duplex.models.restoration.train.evaluate`.

For each task the input, RNNoise (`pyrnnoise`, 48 kHz inside), the lite network with 1, 2 and 4 steps through the live
stage, and the engines that live sound and recordings get instead, latency taken off: PESQ-WB, ESTOI, SI-SDR and
log-spectral distance, means over the recordings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.corpora.codecs import align
from duplex.models.corpora.manifest import data_folder
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import TASKS, RestoreOptions, load_stage
from duplex.models.restoration.engines import BEST, BEST_LIVE
from duplex.models.restoration.metrics import score
from duplex.models.restoration.stage import STEPS, RestorationStage
from duplex.models.restoration.train.mixture_cache import build_cache
from duplex.models.restoration.train.mixtures import Mixer
from duplex.streaming.blocks import Blocks
from duplex.streaming.stage import Stage

SCORED = (*TASKS[1:5], "auto", *TASKS[5:])
"""Tasks in the order that seeds their mixtures."""
SEED = 2026


def rnnoise(audio: np.ndarray) -> np.ndarray:
    """`audio` (n,) float32 at 16 kHz through RNNoise, aligned with its input."""
    import soxr
    from pyrnnoise import rnnoise as library

    wide = soxr.resample(audio, SAMPLE_RATE, library.SAMPLE_RATE)
    state = library.create()
    size = library.FRAME_SIZE
    wide = np.clip(np.pad(wide, (0, -len(wide) % size + 2 * size)) * 32767, -32768, 32767).astype(np.int16)
    frames = [library.process_mono_frame(state, frame)[0] for frame in wide.reshape(-1, size)]
    library.destroy(state)
    out = soxr.resample(np.concatenate(frames).astype(np.float32) / 32768, library.SAMPLE_RATE, SAMPLE_RATE)
    return align(out, audio, reach=800)


def whole(stage: Stage[Any, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A stage as a function of a recording."""

    def run(audio: np.ndarray) -> np.ndarray:
        blocks = Blocks(stage)
        return np.concatenate([blocks.step(audio), blocks.flush()])

    return run


def mixtures(cache: Path, task: str, count: int, seconds: float = 4.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same (degraded, clean) pairs each time, from the valid split."""
    mixer = Mixer(cache, "valid")
    kind = "vocode" if task == "phase" else task
    rngs = [np.random.default_rng([SEED, SCORED.index(task), number]) for number in range(count)]
    return [mixer.draw(kind, rng, int(seconds * SAMPLE_RATE)) for rng in rngs]


def evaluate(cache: Path, count: int, tasks: tuple[str, ...] = SCORED, weights: str | None = None) -> list[dict]:
    """A row of mean scores for each task and system."""
    rows = []
    for task in tasks:
        systems: dict[str, Callable[[np.ndarray], np.ndarray]] = {"input": lambda audio: audio, "RNNoise": rnnoise}
        for steps in STEPS:
            name = f"{steps} step{'s' if steps > 1 else ''}"
            systems[name] = whole(RestorationStage(task, steps, weights=weights))
        for engine in dict.fromkeys(best.get(task) for best in (BEST_LIVE, BEST)):
            if engine is not None:
                systems[engine] = whole(load_stage(RestoreOptions(task, engine=engine)))
        if task in ("phase", "vocode"):  # the input is the reference itself
            del systems["input"], systems["RNNoise"]
        pairs = mixtures(cache, task, count)
        for name, system in systems.items():
            scores = [score(clean, system(degraded)) for degraded, clean in pairs]
            means = {key: round(float(np.nanmean([each[key] for each in scores])), 3) for key in scores[0]}
            rows.append({"task": task, "system": name, **means})
            print(f"| {task} | {name} | " + " | ".join(f"{value:.3f}" for value in means.values()) + " |", flush=True)
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description="Score the bundled restoration network on held-out mixtures.")
    options.add_argument("--data", help="the data folder (default: $DUPLEX_DATA or ../shared/data)")
    options.add_argument("--cache", default="runs/restoration/cache", help="decoded audio; built if missing")
    options.add_argument("--count", type=int, default=24, help="mixtures of each task")
    options.add_argument("--tasks", nargs="*", default=SCORED, choices=SCORED)
    options.add_argument("--weights", help="another ONNX graph")
    options.add_argument("--json", help="also write the rows to this file")
    arguments = options.parse_args()
    build_cache(data_folder(arguments.data), Path(arguments.cache))
    print("| task | system | PESQ-WB | ESTOI | SI-SDR | LSD |\n|---|---|---|---|---|---|")
    rows = evaluate(Path(arguments.cache), arguments.count, tuple(arguments.tasks), arguments.weights)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

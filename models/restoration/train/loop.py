"""What the trainings of all restoration networks share: batches, validation, and a loop that goes on where it stopped.

The schedule runs by wall clock: linear warm-up, then a cosine that ends with the minutes given. The weights that are
validated and kept are averages (EMA) of those that learn.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from duplex.models.corpora.manifest import data_folder
from duplex.models.corpora.optimizers import scale
from duplex.models.corpora.training_run import add_line, write_state
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.metrics import score
from duplex.models.restoration.train.behind_wpe import Pairs
from duplex.models.restoration.train.mixture_cache import build_cache
from duplex.models.restoration.train.mixtures import Mixer

Mixtures = list[tuple[str, np.ndarray, np.ndarray]]
"""(task, degraded, clean), waveforms (samples,) float32."""


class Batches(torch.utils.data.IterableDataset):
    """Endless batches (degraded, clean, task); each worker and each start has randomness of its own.

    source: a cache of mixtures, or a file of pairs.
    """

    def __init__(self, source: Path, size: int, length: int, shares: dict[str, float], seed: int, start: int) -> None:
        self.arguments = (source, size, length, shares, seed, start)

    def __iter__(self):
        source, size, length, shares, seed, start = self.arguments
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([seed, start, worker.id if worker else 0])
        torch.set_num_threads(1)
        mixer = Mixer(source) if source.is_dir() else Pairs(source)
        while True:
            yield tuple(torch.from_numpy(x) for x in mixer.batch(rng, size, length, shares))


def valid_set(cache: Path, tasks: tuple[str, ...]) -> Mixtures:
    """The fixed validation mixtures of 4 s."""
    mixer = Mixer(cache, "valid")
    return [(task, *mixer.draw(task, np.random.default_rng([99, n]), 4 * SAMPLE_RATE)) for n, task in enumerate(tasks)]


def mean_scores(mixtures: Mixtures, restore: Callable[[np.ndarray, str], np.ndarray]) -> dict[str, dict]:
    """Mean scores of `restore(degraded, task)` for each task, and of all as `all`."""
    scores: dict[str, list[dict]] = {}
    for task, degraded, clean in mixtures:
        scores.setdefault(task, []).append(score(clean, restore(degraded, task)))
    means = {
        task: {name: round(float(np.nanmean([row[name] for row in rows])), 4) for name in rows[0]}
        for task, rows in scores.items()
    }
    means["all"] = {
        name: round(float(np.mean([row[name] for row in means.values()])), 4) for name in next(iter(means.values()))
    }
    return means


def prepare(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """(output folder, cache), both made and the cache filled."""
    out = Path(arguments.out)
    cache = Path(arguments.cache or out.parent / "cache")
    out.mkdir(parents=True, exist_ok=True)
    build_cache(data_folder(arguments.data), cache, arguments.rooms, arguments.coded)
    torch.manual_seed(arguments.seed)
    return out, cache


@dataclass(frozen=True)
class Training:
    """One network on its way.

    Attributes:
        out: folder of `last.pt` (everything needed to go on) and `log.jsonl`.
        net, average: the network that learns, and a twin for the mean of its weights.
        optimisers: at the highest learning rate.
        loss: of a batch (degraded, clean, task) on the network's device, and its parts for the log.
        validate: scores of the average, as from mean_scores.
        keep: stores the average; called when PESQ + ESTOI is the best so far.
        shares: of the tasks in the mixtures; hop: crops are a multiple of it.
        clip: norm that gradients are cut to; warm_up: in steps.
    """

    out: Path
    net: nn.Module
    average: nn.Module
    optimisers: list[torch.optim.Optimizer]
    loss: Callable[[list[Tensor]], tuple[Tensor, dict[str, float]]]
    validate: Callable[[], dict[str, dict]]
    keep: Callable[[], None]
    shares: dict[str, float]
    hop: int
    clip: float = 5.0
    warm_up: int = 150


def fit(training: Training, arguments: argparse.Namespace, source: Path, minutes: float) -> None:
    """Runs until the minutes, or `--max-steps`, are used up; goes on from `last.pt` where there is one.

    source: of its batches.
    """
    net, average, steppers = training.net, training.average, training.optimisers
    for stepper in steppers:
        for group in stepper.param_groups:
            group["peak"] = group["lr"]
    step, used, best = 0, 0.0, -math.inf
    last = training.out / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=arguments.device, weights_only=True)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        for stepper, state in zip(steppers, saved["optimisers"], strict=True):
            stepper.load_state_dict(state)
        step, used, best = saved["step"], saved["used"], saved["best"]
    length = training.hop * round(arguments.seconds * SAMPLE_RATE / training.hop)
    loader = torch.utils.data.DataLoader(
        Batches(source, arguments.batch, length, training.shares, arguments.seed, step),
        batch_size=None,
        num_workers=arguments.workers,
        prefetch_factor=8 if arguments.workers else None,
    )
    total, begun = minutes * 60, time.monotonic() - used
    checked = time.monotonic()
    sums: dict[str, float] = {}
    count = 0

    for batch in loader:
        elapsed = time.monotonic() - begun
        finished = elapsed >= total or step >= arguments.max_steps
        if finished or time.monotonic() - checked >= arguments.every * 60:
            figures = training.validate()
            value = figures["all"]["pesq"] + figures["all"]["estoi"]
            if value > best:
                best = value
                training.keep()
            state = {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "step": step,
                "used": elapsed,
                "best": best,
            }
            write_state(last, {**state, "optimisers": [stepper.state_dict() for stepper in steppers]})
            means = {name: round(value / max(count, 1), 5) for name, value in sums.items()}
            add_line(
                training.out / "log.jsonl", {"step": step, "minutes": round(elapsed / 60, 1), "valid": figures} | means
            )
            sums, count, checked = {}, 0, time.monotonic()
        if finished:
            break
        factor = scale(step, elapsed / total, training.warm_up)
        loss, parts = training.loss([x.to(arguments.device) for x in batch])
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = group["peak"] * factor
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), training.clip)
        if torch.isfinite(norm):
            for stepper in steppers:
                stepper.step()
        decay = min(0.997, (step + 1) / (step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(_averaged(average), _averaged(net), 1 - decay)
        step += 1
        count += 1
        for name, value in {"loss": float(loss.detach()), **parts}.items():
            sums[name] = sums.get(name, 0.0) + value


def _averaged(net: nn.Module) -> list[Tensor]:
    """Weights and the statistics of norms."""
    return [*net.parameters(), *(buffer for buffer in net.buffers() if buffer.is_floating_point())]

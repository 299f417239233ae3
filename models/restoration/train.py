"""Trains the lite network: `python -m models.restoration.train --out runs/restoration/lite --minutes 84`.

The schedule runs by wall clock: linear warm-up, then a cosine that ends with the minutes given. Interrupt it whenever
you like; the same command goes on from its last checkpoint. Validation scores the averaged weights (EMA) on a fixed set
of held-out speakers, noises and rooms; the best by PESQ + ESTOI is kept as `best.safetensors`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.restoration.config import SAMPLE_RATE, TASKS, LiteConfig
from models.restoration.lite import LiteNet
from models.restoration.losses import magnitude_loss, restoration_loss
from models.restoration.metrics import score
from models.restoration.mixtures import TASK_SHARES, Mixer, build_cache, data_folder
from models.restoration.offline import restore
from models.restoration.spectrum import compress, mel_only, running_gain, stft
from models.restoration.weights_file import save_weights

VALID_TASKS = ("enhance",) * 10 + ("dereverb",) * 4 + ("codec",) * 4 + ("bandwidth",) * 4 + ("auto",) * 4
VOCODE = TASKS.index("vocode")


class Batches(torch.utils.data.IterableDataset):
    """Endless batches (degraded, clean, task); each worker and each start has randomness of its own."""

    def __init__(self, cache: Path, size: int, length: int, shares: dict[str, float], seed: int, start: int) -> None:
        self.arguments = (cache, size, length, shares, seed, start)

    def __iter__(self):
        cache, size, length, shares, seed, start = self.arguments
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([seed, start, worker.id if worker else 0])
        torch.set_num_threads(1)
        mixer = Mixer(cache)
        while True:
            yield tuple(torch.from_numpy(x) for x in mixer.batch(rng, size, length, shares))


def valid_set(cache: Path, tasks: tuple[str, ...] = VALID_TASKS) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The fixed validation mixtures of 4 s: (task, degraded, clean)."""
    mixer = Mixer(cache, "valid")
    return [(task, *mixer.draw(task, np.random.default_rng([99, n]), 4 * SAMPLE_RATE)) for n, task in enumerate(tasks)]


def validate(net: LiteNet, mixtures: list[tuple[str, np.ndarray, np.ndarray]], steps: int = 1) -> dict[str, dict]:
    """Mean scores of each task, and of all as `all`."""
    scores: dict[str, list[dict]] = {}
    for task, degraded, clean in mixtures:
        scores.setdefault(task, []).append(score(clean, restore(net, degraded, task, steps)))
    means = {
        task: {name: round(float(np.nanmean([row[name] for row in rows])), 4) for name in rows[0]}
        for task, rows in scores.items()
    }
    means["all"] = {
        name: round(float(np.mean([row[name] for row in means.values()])), 4) for name in next(iter(means.values()))
    }
    return means


def optimisers(net: LiteNet, rate: float, muon: bool) -> list[torch.optim.Optimizer]:
    """AdamW, or Muon (orthogonalised momentum) for the matrices of the trunk and AdamW for everything else."""
    matrices = [
        p
        for name, p in net.named_parameters()
        if muon and p.ndim == 2 and name.startswith("blocks") and p.numel() < 50_000
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in net.parameters() if id(p) not in chosen]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)]
    if matrices:
        found.append(torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return found


def scale(step: int, progress: float, warm_up: int = 150) -> float:
    """Learning-rate factor: linear warm-up in steps, cosine over the share of the time that is gone."""
    return min(1.0, (step + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0)))


def train_step(net: LiteNet, batch, first_share: float, bf16: bool) -> tuple[torch.Tensor, dict[str, float]]:
    """Loss of a batch: t = 0 (the predictor) for `first_share` of the items, t uniform for the others."""
    degraded, clean, task = batch
    config = net.config
    spectrum, wanted = stft(degraded, config.window), stft(clean, config.window)
    only_magnitudes = bool((task == VOCODE).all())
    if only_magnitudes:
        spectrum = mel_only(wanted)
    gain = running_gain(spectrum)
    noisy, target = (compress(s * gain, config.exponent) for s in (spectrum, wanted))
    t = torch.rand(len(task), device=noisy.device)
    t = torch.where(torch.rand_like(t) < first_share, torch.zeros_like(t), t)
    start = noisy + config.sigma * 0.5**0.5 * torch.randn_like(noisy)
    point = start + t[:, None, None, None] * (target - start)
    with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bf16):
        estimate, _ = net(noisy, point, net.conditions(t, task), net.initial_state(len(task)))
    if only_magnitudes:
        return magnitude_loss(estimate.float(), target)
    return restoration_loss(estimate.float(), target, gain, clean, config.exponent)


def train(arguments: argparse.Namespace) -> None:
    """Runs until the minutes are used up; see the module's text."""
    out, cache = Path(arguments.out), Path(arguments.cache or Path(arguments.out).parent / "cache")
    out.mkdir(parents=True, exist_ok=True)
    build_cache(data_folder(arguments.data), cache, arguments.rooms, arguments.coded)
    torch.manual_seed(arguments.seed)
    config = LiteConfig(blocks=arguments.blocks, channels=arguments.channels, across=arguments.across)
    if arguments.vocode:
        config = replace(config, generated=1.0)
    net = LiteNet(config).to(arguments.device)
    average = LiteNet(config).to(arguments.device)
    average.load_state_dict(net.state_dict())
    if arguments.start:
        from models.restoration.weights_file import load_weights

        net.load_state_dict(load_weights(arguments.start).state_dict())
        average.load_state_dict(net.state_dict())
    steppers = optimisers(net, arguments.rate, arguments.muon)
    step, used, best = 0, 0.0, -math.inf
    last = out / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=arguments.device, weights_only=True)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        for stepper, state in zip(steppers, saved["optimisers"], strict=True):
            stepper.load_state_dict(state)
        step, used, best = saved["step"], saved["used"], saved["best"]
    shares = {"vocode": 1.0} if arguments.vocode else TASK_SHARES
    mixtures = valid_set(cache, ("vocode",) * 8 if arguments.vocode else VALID_TASKS)
    loader = torch.utils.data.DataLoader(
        Batches(
            cache,
            arguments.batch,
            config.hop * round(arguments.seconds * SAMPLE_RATE / config.hop),
            shares,
            arguments.seed,
            step,
        ),
        batch_size=None,
        num_workers=arguments.workers,
        prefetch_factor=8 if arguments.workers else None,
    )
    total, begun = arguments.minutes * 60, time.monotonic() - used
    checked = time.monotonic()
    sums: dict[str, float] = {}
    count = 0

    def note(row: dict) -> None:
        with open(out / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    for batch in loader:
        elapsed = time.monotonic() - begun
        finished = elapsed >= total or step >= arguments.max_steps
        if finished or time.monotonic() - checked >= arguments.every * 60:
            figures = validate(average, mixtures)
            value = figures["all"]["pesq"] + figures["all"]["estoi"]
            if value > best:
                best = value
                save_weights(out / "best.safetensors", average)
            state = {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "step": step,
                "used": elapsed,
                "best": best,
            }
            torch.save({**state, "optimisers": [stepper.state_dict() for stepper in steppers]}, out / "last.tmp")
            (out / "last.tmp").replace(last)
            note({"step": step, "minutes": round(elapsed / 60, 1), "valid": figures} | _means(sums, count))
            sums, count, checked = {}, 0, time.monotonic()
        if finished:
            break
        factor = scale(step, elapsed / total)
        loss, parts = train_step(net, [x.to(arguments.device) for x in batch], arguments.first_share, arguments.bf16)
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = group["peak"] * factor
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        if torch.isfinite(norm):
            for stepper in steppers:
                stepper.step()
        decay = min(0.997, (step + 1) / (step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - decay)
        step += 1
        count += 1
        for name, value in {"loss": float(loss.detach()), **parts}.items():
            sums[name] = sums.get(name, 0.0) + value


def _means(sums: dict[str, float], count: int) -> dict[str, float]:
    return {name: round(value / max(count, 1), 5) for name, value in sums.items()}


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    options = argparse.ArgumentParser(description="Train the lite restoration network.")
    add = options.add_argument
    add("--data", help="the data folder (default: $DUPLEX_DATA or ../shared/data)")
    add("--out", default="runs/restoration/lite", help="checkpoints and log")
    add("--cache", help="decoded audio (default: `cache` beside --out)")
    add("--minutes", type=float, default=90, help="length of the schedule, by wall clock")
    add("--max-steps", type=int, default=10**9)
    add("--every", type=float, default=5, help="minutes between validations")
    add("--batch", type=int, default=8)
    add("--seconds", type=float, default=2.0, help="length of a training crop")
    add("--rate", type=float, default=2e-3)
    add("--muon", action=argparse.BooleanOptionalAction, default=True)
    add("--bf16", action=argparse.BooleanOptionalAction, default=True)
    add("--first-share", type=float, default=0.8, help="share of items at t = 0")
    add("--blocks", type=int, default=2)
    add("--channels", type=int, default=48)
    add("--across", choices=("gru", "global"), default="gru")
    add("--rooms", type=int, default=1200)
    add("--coded", type=int, default=1500)
    add("--workers", type=int, default=1)
    add("--threads", type=int, default=1)
    add("--device", default="cpu")
    add("--seed", type=int, default=0)
    add("--vocode", action="store_true", help="train the magnitudes of the vocode task instead of the other tasks")
    add("--start", help="weights to start from")
    return options


def main() -> None:
    arguments = parser().parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments)


if __name__ == "__main__":
    main()

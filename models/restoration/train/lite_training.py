"""Trains the lite network: `python -m duplex.models.restoration.train --out runs/restoration/lite --minutes 84`.

The schedule runs by wall clock: linear warm-up, then a cosine that ends with the minutes given. Interrupt it whenever
you like; the same command goes on from its last checkpoint. Validation scores the averaged weights (EMA) on a fixed set
of held-out speakers, noises and rooms; the best by PESQ + ESTOI is kept as `best.safetensors`. With `--network
published` it trains the published network in the same manner (train_published.py).
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch

from duplex.models.corpora.optimizers import adamw
from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.engines.wpe import dereverberated
from duplex.models.restoration.lite import LiteNet
from duplex.models.restoration.offline import restore
from duplex.models.restoration.published import WINDOWS
from duplex.models.restoration.spectrum import compress, mel_only, running_gain, stft
from duplex.models.restoration.train.behind_wpe import build_pairs
from duplex.models.restoration.train.deepfilter.training import SHARES, train_deepfilter
from duplex.models.restoration.train.loop import Training, fit, mean_scores, prepare, valid_set
from duplex.models.restoration.train.losses import magnitude_loss, restoration_loss
from duplex.models.restoration.train.mixtures import TASK_SHARES
from duplex.models.restoration.weights_file import load_weights, save_weights
from duplex.streaming.errors import SettingsError

VALID_TASKS = ("enhance",) * 10 + ("dereverb",) * 4 + ("codec",) * 4 + ("bandwidth",) * 4 + ("auto",) * 4
VOCODE = TASKS.index("vocode")
RATE = 2e-3
WARM_UP = 150


def optimisers(net: LiteNet, rate: float, muon: bool) -> list[torch.optim.Optimizer]:
    """AdamW, or Muon (orthogonalised momentum) for the matrices of the trunk and AdamW for everything else."""
    matrices = [
        p
        for name, p in net.named_parameters()
        if muon and p.ndim == 2 and name.startswith("blocks") and p.numel() < 50_000
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in net.parameters() if id(p) not in chosen]
    found: list[torch.optim.Optimizer] = [adamw(others, rate)]
    if matrices:
        found.append(torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    return found


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


def begin_with(net: LiteNet, start: LiteNet) -> None:
    """`net` computes what `start` does: blocks that `start` lacks begin as the identity (Net2Net, Chen et al. 2016).

    Raises SettingsError if `start` has more blocks.
    """
    if start.config.blocks > net.config.blocks:
        raise SettingsError(f"the weights to start from have {start.config.blocks} blocks: give as many with --blocks")
    values = net.state_dict() | start.state_dict()
    for name in ("condition.1.weight", "condition.1.bias"):  # scales and shifts, one block after the other
        told = values[name]
        values[name] = told.new_zeros(net.state_dict()[name].shape)
        values[name][: len(told)] = told
    net.load_state_dict(values)
    for block in net.blocks[start.config.blocks :]:
        for layer in (block.time_out, block.band_out):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)


def train(arguments: argparse.Namespace) -> None:
    """Runs until the minutes are used up; see the module's text."""
    name = "lite" if arguments.network == "lite" else f"{arguments.network}-{arguments.task}"
    arguments.out = arguments.out or f"runs/restoration/{name}"
    if arguments.network == "deepfilter":
        if arguments.task not in SHARES:
            raise SettingsError(f"task: deepfilter is trained for {' or '.join(SHARES)}, not for {arguments.task}")
        train_deepfilter(arguments)
        return
    if arguments.network == "published":
        from duplex.models.restoration.train.published_training import train_published

        train_published(arguments)
        return
    out, cache = prepare(arguments)
    config = LiteConfig(blocks=arguments.blocks, channels=arguments.channels, across=arguments.across)
    if arguments.vocode:
        config = replace(config, generated=1.0)
    net = LiteNet(config).to(arguments.device)
    if arguments.start:
        begin_with(net, load_weights(arguments.start))
    average = LiteNet(config).to(arguments.device)
    average.load_state_dict(net.state_dict())
    source, tasks = cache, ("vocode",) * 8 if arguments.vocode else VALID_TASKS
    if arguments.behind_wpe:
        source, tasks = build_pairs(cache, arguments.pairs), ("dereverb",) * 16
    mixtures = valid_set(cache, tasks)
    if arguments.behind_wpe:
        mixtures = [(task, dereverberated(degraded), clean) for task, degraded, clean in mixtures]

    def restored(audio: np.ndarray, task: str) -> np.ndarray:
        return restore(average, audio, task)

    training = Training(
        out=out,
        net=net,
        average=average,
        optimisers=optimisers(net, arguments.rate or RATE, arguments.muon),
        loss=lambda batch: train_step(net, batch, arguments.first_share, arguments.bf16),
        validate=lambda: mean_scores(mixtures, restored),
        keep=lambda: save_weights(out / "best.safetensors", average),
        shares={"vocode": 1.0} if arguments.vocode else TASK_SHARES,
        hop=config.hop,
        warm_up=arguments.warm_up or WARM_UP,
    )
    fit(training, arguments, source, arguments.minutes)


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    options = argparse.ArgumentParser(description="Train a restoration network.")
    add = options.add_argument
    add("--network", choices=("lite", "deepfilter", "published"), default="lite")
    add("--data", help="the data folder (default: $DUPLEX_DATA or ../shared/data)")
    add("--out", help="checkpoints and log (default: runs/restoration/lite or .../NETWORK-TASK)")
    add("--cache", help="decoded audio (default: `cache` beside --out)")
    add("--task", choices=TASKS, default="enhance", help="of the networks deepfilter (enhance, auto) and published")
    add("--minutes", type=float, default=90, help="length of the schedule, by wall clock")
    add("--max-steps", type=int, default=10**9)
    add("--every", type=float, default=5, help="minutes between validations")
    add("--batch", type=int, default=8)
    add("--seconds", type=float, default=2.0, help="length of a training crop")
    add("--rate", type=float, help="highest learning rate (default: 2e-3; others: 5e-4, a predictor six times that)")
    add(
        "--warm-up",
        type=int,
        help="steps to the highest rate (default: 150; deepfilter: 100; published: 1000)",
    )
    add("--workers", type=int, default=1)
    add("--threads", type=int, default=1)
    add("--device", default="cpu")
    add("--seed", type=int, default=0)
    add("--rooms", type=int, default=3000)
    add("--coded", type=int, default=3000)
    add = options.add_argument_group("lite network").add_argument
    add("--muon", action=argparse.BooleanOptionalAction, default=True)
    add("--bf16", action=argparse.BooleanOptionalAction, default=True)
    add("--first-share", type=float, default=0.8, help="share of items at t = 0")
    add("--blocks", type=int, default=2)
    add("--channels", type=int, default=48)
    add("--across", choices=("gru", "global"), default="gru")
    add("--vocode", action="store_true", help="train the magnitudes of the vocode task instead of the other tasks")
    add("--behind-wpe", action="store_true", help="train the network behind WPE instead: dereverb alone")
    add("--pairs", type=int, default=1500, help="of 8 s that the network behind WPE hears again and again")
    add("--start", help="weights to start from; they may have fewer blocks")
    add = options.add_argument_group("published network").add_argument
    add("--variant", choices=tuple(WINDOWS), default="512", help="window in samples")
    add("--width", type=int, default=128, help="channels of the U-Net's first level; 128 is the published size")
    add("--predictor-share", type=float, default=0.5, help="share of the minutes for the predictor, where there is one")
    add("--valid", type=int, default=8, help="mixtures of 4 s in a validation")
    return options


def main() -> None:
    arguments = parser().parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments)


if __name__ == "__main__":
    main()

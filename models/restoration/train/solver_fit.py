"""Learned Runge-Kutta solvers of Stream.FM: a tableau fitted to what a frozen flow network makes of speech.

`python -m duplex.models.restoration.train.solver_fit --weights TRAINED --cache CACHE --out FITTED` fits one to a
trained checkpoint (published_weights.py) on the mixtures of its task; CACHE is the folder that training has filled.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.published import PublishedConfig
from duplex.models.restoration.published_weights import load_published, save_published
from duplex.models.restoration.solvers import RALSTON32, RK4_38, LearnedTableau, Tableau, fit_tableau
from duplex.models.restoration.train.mixtures import Mixer
from duplex.models.restoration.train.spectral_losses import SpeechFeatureLoss, log_magnitude_loss
from duplex.models.restoration.unet import CausalNCSNpp


def fit_solver(
    predictor: CausalNCSNpp | None,
    flow: CausalNCSNpp,
    config: PublishedConfig,
    batches: Iterable[tuple[Tensor, Tensor]],
    start: Tableau | None = None,
    features: Callable[[Tensor, Tensor], Tensor] | None = None,
    learning_rate: float = 1e-3,
) -> tuple[Tableau, list[float]]:
    """The fitted tableau and the loss before each step. Both networks are frozen and stay so.

    batches: (degraded, clean) waveforms (B, n hops) on the networks' device; one step each, with fresh noise.
    start: Kutta's 3/8 rule (4 stages) where a predictor begins, else two of Ralston's schemes (5 stages).
    features: distance of speech features, such as SpeechFeatureLoss; the log-magnitude loss then weighs 0.001.
    """
    for network in (predictor, flow):
        if network is not None:
            network.eval().requires_grad_(False)
    seeds = count()

    def loss(tableau: Tableau, batch: tuple[Tensor, Tensor]) -> Tensor:
        degraded, clean = batch
        restorer = BufferedRestorer(predictor, flow, config, tableau, seed=next(seeds))
        flushed = F.pad(degraded, (0, restorer.latency))
        restored, _ = restorer.process(flushed, restorer.initial_state(len(degraded)))
        restored = restored[:, restorer.latency :]
        level = config.reference / clean.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-5)
        spectral = log_magnitude_loss(restored * level, clean * level)
        return spectral if features is None else 0.001 * spectral + features(restored * level, clean * level)

    if start is None:
        start = RALSTON32 if predictor is None else RK4_38
    learned = LearnedTableau(start).to(next(flow.parameters()).device)
    history = fit_tableau(learned, loss, batches, learning_rate)
    with torch.no_grad():
        return learned().detach(), history


def mixtures(
    mixer: Mixer, config: PublishedConfig, steps: int, size: int, frames: int, seed: int, device: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """`steps` batches (degraded, clean) of the system's task, (size, frames hops) each."""
    task = "vocode" if config.task == "phase" else config.task  # both start from clean speech
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        drawn = [mixer.draw(task, rng, frames * config.hop) for _ in range(size)]
        degraded, clean = (torch.from_numpy(np.stack(side)).to(device) for side in zip(*drawn, strict=True))
        yield degraded, clean


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Fit a solver to a trained checkpoint of the published network.")
    parser.add_argument("--weights", required=True, help="trained checkpoint")
    parser.add_argument("--out", required=True, help="the same checkpoint with the fitted solver")
    parser.add_argument("--cache", required=True, help="decoded audio, as training leaves it")
    parser.add_argument("--features", help="Hugging Face id or folder of a HuBERT or WavLM for the feature loss")
    parser.add_argument("--steps", type=int, default=25_000)
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--frames", type=int, default=127, help="length of a crop in hops")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    predictor, flow, config, start = load_published(given.weights)
    for network in (predictor, flow):
        if network is not None:
            network.to(given.device)
    features = SpeechFeatureLoss.from_pretrained(given.features).to(given.device) if given.features else None
    batches = mixtures(Mixer(given.cache), config, given.steps, given.batch, given.frames, given.seed, given.device)
    solver, history = fit_solver(predictor, flow, config, batches, start, features, given.rate)
    save_published(given.out, predictor, flow, config, solver)
    tenth = max(1, len(history) // 10)
    first, last = np.mean(history[:tenth]), np.mean(history[-tenth:])
    print(f"loss {first:.4f} in the first tenth of the steps, {last:.4f} in the last; solver written to {given.out}")


if __name__ == "__main__":
    main()

"""Learned Runge-Kutta solvers of Stream.FM: a tableau fitted to what a frozen flow network makes of speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor

from models.restoration.buffered import BufferedRestorer
from models.restoration.published import PublishedConfig
from models.restoration.solvers import RALSTON32, RK4_38, LearnedTableau, Tableau, fit_tableau
from models.restoration.spectral_losses import log_magnitude_loss
from models.restoration.unet import CausalNCSNpp


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

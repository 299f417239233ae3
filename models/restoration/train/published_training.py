"""Trains the published Stream.FM system.

Run `python -m duplex.models.restoration.train --network published --task enhance`.

The recipe of arXiv 2512.19442 with AdamW in place of SOAP: fp32 (TF32 on a GPU), 1000 steps of warm-up, half a cosine.
Where a path begins at a predictor's estimate, the predictor comes first, for `--predictor-share` of the minutes, in the
folder `predictor` beside the rest; its best checkpoint is then frozen, and the flow learns on it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from duplex.models.corpora.optimizers import adamw
from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.flow import as_channels, as_complex
from duplex.models.restoration.published import (
    SIGMAS,
    WINDOWS,
    PublishedConfig,
    build_networks,
    fitted_sigma,
    flow_loss,
    predictor_loss,
    training_spectra,
    uncompressed,
)
from duplex.models.restoration.published_weights import save_published
from duplex.models.restoration.solvers import euler
from duplex.models.restoration.spectrum import istft
from duplex.models.restoration.train.loop import Training, fit, mean_scores, prepare, valid_set
from duplex.models.restoration.train.mixtures import Mixer
from duplex.models.restoration.unet import CausalNCSNpp
from duplex.streaming.errors import SettingsError

RATE = 5e-4
PREDICTOR_RATE = 3e-3
WARM_UP = 1000
CLIPS = {"auto": 1.0, "enhance": 1.0, "codec": 5.0}
CLIP = 3.0
PREDICTOR_CLIP = 0.003
SIGMA_PAIRS = 128


def train_published(arguments: argparse.Namespace) -> None:
    """Runs until the minutes are used up; see the module's text. Raises SettingsError if `--out` holds another run."""
    if arguments.vocode or arguments.start:
        raise SettingsError("--vocode and --start are of the lite network: give --task, and --out to go on with a run")
    out, cache = prepare(arguments)
    torch.set_float32_matmul_precision("high")
    draws = "vocode" if arguments.task == "phase" else arguments.task
    config = _configuration(arguments, out, cache, draws)
    mixtures = valid_set(cache, (draws,) * arguments.valid)
    predictor, flow = build_networks(config)

    def training(
        folder: Path,
        net: CausalNCSNpp,
        rate: float,
        clip: float,
        loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
        restore: Callable[[CausalNCSNpp, np.ndarray], np.ndarray],
        keep: Callable[[CausalNCSNpp], None],
    ) -> Training:
        folder.mkdir(exist_ok=True)
        net = net.to(arguments.device)
        average = deepcopy(net).eval()
        return Training(
            out=folder,
            net=net.train(),
            average=average,
            optimisers=[adamw(net.parameters(), rate)],
            loss=lambda batch: (loss(net, batch[0], batch[1]), {}),
            validate=lambda: mean_scores(mixtures, lambda audio, _: restore(average, audio)),
            keep=lambda: keep(average),
            shares={draws: 1.0},
            hop=config.hop,
            clip=clip,
            warm_up=arguments.warm_up or WARM_UP,
        )

    minutes, rate = arguments.minutes, arguments.rate or RATE
    if predictor is not None:
        folder = out / "predictor"
        best = folder / "best.pt"
        minutes = (1 - arguments.predictor_share) * arguments.minutes
        # A flow that has begun keeps the predictor it began with.
        if not (out / "last.pt").exists():
            first = training(
                folder,
                predictor,
                rate * PREDICTOR_RATE / RATE,
                PREDICTOR_CLIP,
                lambda net, degraded, clean: predictor_loss(net, degraded, clean, config),
                lambda net, audio: predict(net, audio, config),
                lambda net: torch.save(net.state_dict(), best),
            )
            fit(first, arguments, cache, arguments.minutes - minutes)
        predictor.load_state_dict(torch.load(best, map_location="cpu", weights_only=True))
        predictor = predictor.to(arguments.device).eval().requires_grad_(False)

    # One step shows what a path from a predictor's estimate is worth; from the input alone it takes some more.
    solver = euler(1 if config.predicted else 4)
    second = training(
        out,
        flow,
        rate,
        CLIPS.get(config.task, CLIP),
        lambda net, degraded, clean: flow_loss(predictor, net, degraded, clean, config),
        lambda net, audio: BufferedRestorer(predictor, net, config, solver).forward(audio),
        lambda net: save_published(out / "best.safetensors", predictor, net, config),
    )
    fit(second, arguments, cache, minutes)


@torch.no_grad()
def predict(predictor: CausalNCSNpp, audio: np.ndarray, config: PublishedConfig) -> np.ndarray:
    """The predictor's own estimate of a whole signal (samples,) float32, without the flow."""
    device = next(predictor.parameters()).device
    padded = np.pad(audio, (0, -len(audio) % config.hop)).astype(np.float32)
    signal = torch.from_numpy(padded)[None].to(device)
    source, _, gain = training_spectra(signal, signal, config)
    estimate = istft(uncompressed(as_complex(predictor(as_channels(source))), gain, config))
    return estimate[0, : len(audio)].cpu().numpy()


def _configuration(arguments: argparse.Namespace, out: Path, cache: Path, draws: str) -> PublishedConfig:
    """That of the run in `out`, or a new one, with sigma measured where each bin has its own; kept in config.json."""
    path = out / "config.json"
    wanted = PublishedConfig(
        task=arguments.task,
        window=WINDOWS[arguments.variant],
        sigma=SIGMAS[arguments.task],
        width=arguments.width,
    )
    if path.exists():
        held = PublishedConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if (held.task, held.window, held.width) != (wanted.task, wanted.window, wanted.width):
            raise SettingsError(
                f"{out} holds a training of task {held.task}, variant {held.window}, width {held.width}: give the same "
                "options to go on with it, or another --out"
            )
        return held
    if wanted.task == "bandwidth":
        length = wanted.hop * round(2 * SAMPLE_RATE / wanted.hop)
        pairs = Mixer(cache).batch(np.random.default_rng(98), SIGMA_PAIRS, length, {draws: 1.0})
        wanted = fitted_sigma(wanted, *(torch.from_numpy(waveforms) for waveforms in pairs[:2]))
    path.write_text(json.dumps(wanted.to_dict()), encoding="utf-8")
    return wanted

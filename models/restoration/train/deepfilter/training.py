"""Trains DeepFilterNet3 further: `python -m duplex.models.restoration.train --network deepfilter --minutes 60`.

It hears the mixtures of its task as its engine hears sound, brought to the level of speech, and at times clean speech,
which is to stay as it is. The loss is that of the lite network and how it sounds (ear_loss.py). `best.tar.gz` holds the
averaged weights that scored best.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from duplex.models.corpora.optimizers import adamw
from duplex.models.restoration.engines.level import LOUD, QUIET
from duplex.models.restoration.engines.tuned import AHEAD
from duplex.models.restoration.spectrum import compress, running_gain, stft
from duplex.models.restoration.train.deepfilter.network import DeepFilterNet, hastened
from duplex.models.restoration.train.loop import Training, fit, mean_scores, prepare, valid_set
from duplex.models.restoration.train.losses import restoration_loss

WINDOW = 512
"""Of the loss."""
HOP = 1280
"""The least samples that are whole hops of the network and of the loss."""
EXPONENT = 0.3
RATE = 5e-4
WARM_UP = 100
CLEAN = 0.08
"""Share of recordings that nothing has been added to."""
SHARES = {"enhance": {"enhance": 1.0}, "auto": {"auto": 0.55, "dereverb": 0.2, "codec": 0.15, "bandwidth": 0.1}}
"""Mixtures that are heard for a task."""
VALID = {"enhance": ("enhance",) * 24, "auto": ("auto",) * 12 + ("dereverb",) * 6 + ("codec",) * 6}


def speech_gain(audio: Tensor) -> Tensor:
    """(B, 1): brings recordings (B, samples) between the levels that the engine leaves as they are."""
    level = audio.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-5)
    return level.clamp(QUIET, LOUD) / level


def enhancement_loss(net: torch.nn.Module, degraded: Tensor, clean: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Of a batch (B, samples) twice, and its parts."""
    untouched = torch.rand(len(clean), 1, device=clean.device) < CLEAN
    degraded = torch.where(untouched, clean, degraded)
    gain = speech_gain(degraded)
    clean = clean * gain
    spectrum, wanted = (stft(each, WINDOW) for each in (net(degraded * gain), clean))
    scale = running_gain(wanted)
    estimate, target = (compress(each * scale, EXPONENT) for each in (spectrum, wanted))
    return restoration_loss(estimate, target, scale, clean, EXPONENT, by_ear=True)


def restored(net: torch.nn.Module, audio: np.ndarray) -> np.ndarray:
    """`audio` (n,) float32 through the network, without delay."""
    with torch.no_grad():
        heard = torch.from_numpy(np.pad(audio, (0, -len(audio) % HOP)))[None]
        gain = speech_gain(heard)
        return (net(heard * gain) / gain)[0].numpy()[: len(audio)]


def train_deepfilter(arguments: argparse.Namespace) -> None:
    """Runs until the minutes are used up."""
    out, cache = prepare(arguments)
    start = Path(arguments.start) if arguments.start else None
    net, average = (hastened() if start is None else DeepFilterNet(start, AHEAD) for _ in range(2))
    mixtures = valid_set(cache, VALID[arguments.task])
    training = Training(
        out=out,
        net=net,
        average=average,
        optimisers=[adamw(list(net.parameters()), arguments.rate or RATE)],
        loss=lambda batch: enhancement_loss(net, *batch[:2]),
        validate=lambda: mean_scores(mixtures, lambda audio, task: restored(average, audio)),
        keep=lambda: average.save(out / "best.tar.gz"),
        shares=SHARES[arguments.task],
        hop=HOP,
        warm_up=arguments.warm_up or WARM_UP,
    )
    fit(training, arguments, cache, arguments.minutes)

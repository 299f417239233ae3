"""Whole-signal restoration in PyTorch: the reference that the streaming runtime must equal."""

from __future__ import annotations

import numpy as np
import torch

from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.lite import LiteNet
from duplex.models.restoration.phase import ITERATIONS, PhaseReconstruction
from duplex.models.restoration.spectrum import compress, expand, istft, mel_only, running_gain, soften, stft
from duplex.models.restoration.stage import frame_noise, start_phases


@torch.no_grad()
def restore(net: LiteNet, audio: np.ndarray, task: str = "auto", steps: int = 1, seed: int = 0) -> np.ndarray:
    """Restores a whole signal (samples,) float32 in one pass; Euler from t = 0 with `steps` network calls."""
    config = net.config
    short = -len(audio) % config.hop
    signal = torch.from_numpy(np.pad(audio, (0, short)).astype(np.float32))[None]
    spectrum = stft(signal, config.window)
    if task == "vocode":
        spectrum = mel_only(spectrum)
    gain = running_gain(spectrum)
    noisy = compress(spectrum * gain, config.exponent)
    drawn = np.stack([frame_noise(seed, frame, config.bins) for frame in range(noisy.shape[1])])
    point = noisy + config.sigma * torch.from_numpy(drawn)[None]
    estimate = point
    calls = 1 if task == "vocode" else steps
    for index in range(calls):
        t = torch.full((1,), index / calls)
        conditions = net.conditions(t, torch.tensor([TASKS.index(task)]))
        estimate, _ = net(noisy, point, conditions, net.initial_state(1))
        point = point + (estimate - point) / (calls - index)
    restored = soften(expand(estimate, config.exponent), spectrum * gain, config.generated) / gain
    if task == "vocode":
        return rebuild_phase(restored.abs()[0].numpy(), steps, seed)[: len(audio)]
    return istft(restored)[0, : len(audio)].numpy()


def rebuild_phase(magnitudes: np.ndarray, steps: int = 1, seed: int = 0) -> np.ndarray:
    """A signal from its STFT magnitudes (frames, bins), as the stage rebuilds it: ((frames − 1) bins,) float32."""
    rebuild = PhaseReconstruction(magnitudes.shape[1], ITERATIONS * steps)
    state = rebuild.initial_state()
    blocks = []
    for frame, row in enumerate(magnitudes):
        block, state = rebuild.step(row, start_phases(seed, frame, len(row)), state)
        blocks.append(block)
    return np.concatenate(blocks[1:])

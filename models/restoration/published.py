"""Stream.FM (arXiv 2512.19442) at its published size: configuration, networks, spectra, training losses.

Spectra are complex (batch, frames, bins) in the compressed domain: square-root Hann STFT at half overlap, Nyquist bin
dropped, amplitudes to the power 0.5. One thing differs from the paper: where it divides a whole file by its peak,
which no live stage can, a causal running gain (spectrum.py) brings the level to that of such a file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.decoupling import decouple
from duplex.models.restoration.flow import as_channels, as_complex, estimate_sigma, flow_matching_loss
from duplex.models.restoration.spectrum import compress, expand, istft, mel_projection, running_gain, stft
from duplex.models.restoration.train.spectral_losses import predictor_waveform_loss
from duplex.models.restoration.unet import CausalNCSNpp, UNetConfig
from duplex.streaming.errors import SettingsError

WINDOWS = {"512": 512, "256": 256, "640": 640}
"""Variants by their window in samples: 32 ms (total latency 48 ms), 16 ms (24 ms), and 40 ms for codecs whose frames
are 20 ms long."""

SIGMAS = {
    "auto": 0.05,
    "enhance": 0.05,
    "dereverb": 0.35,
    "codec": 0.35,
    "bandwidth": 0.25,
    "phase": 0.25,
    "vocode": 0.25,
}
"""Noise at the start of the path. Around a predictor's estimate it is small. Bandwidth extension wants one value per
bin, from `fitted_sigma`."""

PREDICTED = ("auto", "enhance")
"""Tasks whose path begins at a predictor's estimate. The paper has no `auto`; it is built like enhancement."""


@dataclass(frozen=True)
class PublishedConfig:
    """task: one of TASKS; window: samples, hop is half of it; sigma: scalar or one value per bin; reference: RMS that
    the running gain brings the input to, about that of speech with its peak at 1; rank: of the decoupled convolutions,
    0 for full ones; width, multipliers, blocks: of the U-Net."""

    task: str = "enhance"
    window: int = 512
    exponent: float = 0.5
    sigma: float | tuple[float, ...] = 0.05
    sigma_x: float = 0.001
    reference: float = 0.1
    rank: int = 0
    width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 2, 2)
    blocks: int = 2

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise SettingsError(f"no restoration task {self.task!r}: choose one of {', '.join(TASKS)}")
        if not isinstance(self.sigma, float | int) and len(self.sigma) != self.bins:
            raise SettingsError(
                f"sigma has {len(self.sigma)} values for {self.bins} bins: give one each, or one in all"
            )

    @property
    def hop(self) -> int:
        return self.window // 2

    @property
    def bins(self) -> int:
        return self.window // 2

    @property
    def predicted(self) -> bool:
        return self.task in PREDICTED

    def sigma_like(self, spectrum: Tensor) -> Tensor:
        """Scalar or (F,), on the device of `spectrum`."""
        return torch.as_tensor(self.sigma, dtype=spectrum.real.dtype, device=spectrum.device)

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> PublishedConfig:
        sigma = values["sigma"]
        sigma = tuple(sigma) if isinstance(sigma, list | tuple) else sigma
        return cls(**{**values, "sigma": sigma, "multipliers": tuple(values["multipliers"])})


def build_networks(config: PublishedConfig) -> tuple[CausalNCSNpp | None, CausalNCSNpp]:
    """(predictor or None, flow network) with random weights."""
    shape = {
        "bins": config.bins,
        "width": config.width,
        "multipliers": config.multipliers,
        "blocks": config.blocks,
    }
    predictor = CausalNCSNpp(UNetConfig(in_channels=2, timed=False, **shape)) if config.predicted else None
    flow = CausalNCSNpp(UNetConfig(in_channels=6 if config.predicted else 4, **shape))
    return decouple_published(predictor, flow, config, config.rank)[:2] if config.rank else (predictor, flow)


def build_published(task: str, variant: str = "512") -> tuple[CausalNCSNpp | None, CausalNCSNpp, PublishedConfig]:
    """The published system for a task, untrained: (predictor or None, flow network, configuration).

    variant: "512" (32 ms windows), "256" (16 ms) or "640" (40 ms). Raises SettingsError on others and unknown tasks.
    """
    if variant not in WINDOWS:
        raise SettingsError(f"no variant {variant!r} of the published network: choose one of {', '.join(WINDOWS)}")
    config = PublishedConfig(task=task, window=WINDOWS[variant], sigma=SIGMAS.get(task, 0.0))
    return *build_networks(config), config


def decouple_published(
    predictor: CausalNCSNpp | None, flow: CausalNCSNpp, config: PublishedConfig, rank: int
) -> tuple[CausalNCSNpp | None, CausalNCSNpp, PublishedConfig]:
    """A trained system with its convolutions cut to `rank` terms (decoupling.py), ready for fine-tuning."""
    predictor = decouple(predictor, rank) if predictor is not None else None
    return predictor, decouple(flow, rank), replace(config, rank=rank)


def observed(spectrum: Tensor, config: PublishedConfig) -> Tensor:
    """What the task leaves of a level-normalised, uncompressed spectrum; then compressed. Y of the flow.

    "phase" keeps the magnitudes alone, "vocode" what 80 mel bands tell of them, the others everything.
    """
    if config.task in ("phase", "vocode"):
        magnitude = spectrum.abs()
        if config.task == "vocode":
            projection = torch.from_numpy(mel_projection(config.bins + 1)).to(magnitude)
            magnitude = (magnitude @ projection.T).abs()
        spectrum = torch.complex(magnitude, torch.zeros_like(magnitude))
    return torch.view_as_complex(compress(spectrum, config.exponent))


def uncompressed(spectrum: Tensor, gain: Tensor, config: PublishedConfig) -> Tensor:
    """A restored spectrum (B, n, F) as the signal's own: amplitudes expanded, the gain (B, n, 1) taken off."""
    return expand(torch.view_as_real(spectrum), config.exponent) / gain


def training_spectra(degraded: Tensor, clean: Tensor, config: PublishedConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Waveforms (B, n hops) -> Y, S (both at the level of the degraded signal) and the gain (B, n + 1, 1)."""
    spectrum = stft(degraded, config.window)
    gain = running_gain(spectrum) * config.reference
    target = torch.view_as_complex(compress(stft(clean, config.window) * gain, config.exponent))
    return observed(spectrum * gain, config), target, gain


def fitted_sigma(config: PublishedConfig, degraded: Tensor, clean: Tensor) -> PublishedConfig:
    """`config` with sigma measured on pairs of waveforms (items, n hops): per bin for bandwidth extension."""
    source, target, _ = training_spectra(degraded, clean, config)
    sigma = estimate_sigma(source, target, per_bin=config.task == "bandwidth")
    return replace(config, sigma=tuple(sigma.tolist()) if sigma.ndim else float(sigma))


def predictor_loss(predictor: CausalNCSNpp, degraded: Tensor, clean: Tensor, config: PublishedConfig) -> Tensor:
    """The predictor's loss on waveforms (B, n hops), each scaled to one level; it is trained first, alone."""
    source, _, gain = training_spectra(degraded, clean, config)
    estimate = istft(uncompressed(as_complex(predictor(as_channels(source)).float()), gain, config))
    level = config.reference / degraded.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-5)
    return predictor_waveform_loss(estimate * level, clean * level)


def flow_loss(
    predictor: CausalNCSNpp | None,
    flow: CausalNCSNpp,
    degraded: Tensor,
    clean: Tensor,
    config: PublishedConfig,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The flow network's loss on waveforms (B, n hops). The predictor is frozen: put it in evaluation mode."""
    source, target, _ = training_spectra(degraded, clean, config)
    mean, conditions = source, (source,)
    if predictor is not None:
        with torch.no_grad():
            mean = as_complex(predictor(as_channels(source)).float())
        conditions = (mean, source)
    return flow_matching_loss(flow, target, mean, config.sigma_like(source), conditions, config.sigma_x, generator)

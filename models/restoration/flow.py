"""Joint flow matching: straight paths from the degraded spectrum plus noise to the clean one.

Stream.FM (arXiv 2512.19442). Both ends of a path carry the same noise Z, complex normal of unit total variance (one
half in each part): X_0 = M + sigma_y Z, X_1 = S + sigma_x Z, X_t = (1 - t) X_0 + t X_1, and the network learns
dX_t/dt = X_1 - X_0. M is the degraded spectrum Y, or a predictor's estimate E of the clean one. Spectra are complex,
(batch, frames, bins).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_X = 0.001
"""Noise left at the clean end."""


def as_channels(*spectra: Tensor) -> Tensor:
    """n complex (B, T, F) to real (B, 2n, T, F): all the real parts, then all the imaginary ones."""
    return torch.stack([s.real for s in spectra] + [s.imag for s in spectra], dim=1)


def as_complex(channels: Tensor) -> Tensor:
    """(B, 2, T, F) to complex (B, T, F)."""
    return torch.complex(channels[:, 0], channels[:, 1])


def flow_matching_loss(
    network: nn.Module,
    clean: Tensor,
    mean: Tensor,
    sigma_y: float | Tensor,
    conditions: tuple[Tensor, ...],
    sigma_x: float = SIGMA_X,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Half the squared error of the velocity at one random t per item, summed over the spectrum; the batch's mean.

    clean: S; mean: M, where the path begins; sigma_y: scalar or (F,); conditions: what the network sees beside X_t.
    """
    device = generator.device if generator is not None else clean.device
    z = torch.randn(clean.shape, dtype=clean.dtype, generator=generator, device=device).to(clean.device)
    start = mean + sigma_y * z
    target = clean + sigma_x * z - start
    t = torch.rand(len(clean), generator=generator, device=device).to(clean.device)
    x_t = start + t[:, None, None] * target
    velocity = as_complex(network(as_channels(x_t, *conditions), t).float())
    return 0.5 * (torch.view_as_real(target - velocity) ** 2).sum(dim=(1, 2, 3)).mean()


def estimate_sigma(degraded: Tensor, clean: Tensor, per_bin: bool = False, factor: float = 3.0) -> Tensor:
    """How much noise covers the distance between degraded and clean spectra, each (items, T, F): scalar or (F,).

    A third of the 99.7 % quantile over items of the root mean square error (three standard deviations reach the worst
    items), times `factor`, which the published configurations set to 3. Per bin, smoothed over 3 bins.
    """
    power = (degraded - clean).abs() ** 2
    error = power.mean(dim=1 if per_bin else (1, 2)).sqrt()
    sigma = torch.quantile(error, 0.997, dim=0) / 3 * factor
    if not per_bin:
        return sigma
    reach = torch.arange(-9, 10, dtype=sigma.dtype, device=sigma.device)
    kernel = torch.exp(-0.5 * (reach / 3) ** 2)
    padded = F.pad(sigma[None, None], (9, 9), mode="replicate")
    return F.conv1d(padded, (kernel / kernel.sum())[None, None])[0, 0]

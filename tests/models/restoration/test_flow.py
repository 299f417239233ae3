"""Joint flow matching: the path, its target, the loss, and the choice of the noise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from duplex.models.restoration.flow import as_channels, as_complex, estimate_sigma, flow_matching_loss


class Recorder(nn.Module):
    """A network that answers what it is told and keeps what it was asked."""

    def __init__(self, answer: Tensor | None = None) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        self.asked.append((x, t))
        return torch.zeros(len(x), 2, *x.shape[2:]) if self.answer is None else self.answer


def spectra(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.complex64)


def test_channels_are_all_real_parts_then_all_imaginary_ones() -> None:
    a, b, c = (spectra(2, 3, 4) for _ in range(3))
    channels = as_channels(a, b, c)
    assert channels.shape == (2, 6, 3, 4)
    for index, part in enumerate((a.real, b.real, c.real, a.imag, b.imag, c.imag)):
        assert torch.equal(channels[:, index], part)
    assert torch.equal(as_complex(as_channels(a)), a)


def test_path_begins_at_the_mean_and_ends_at_the_clean_spectrum_with_the_same_noise() -> None:
    clean, mean = spectra(400, 6, 8), spectra(400, 6, 8)
    network = Recorder()
    flow_matching_loss(network, clean, mean, 0.3, (mean,), 0.3, torch.Generator().manual_seed(3))
    x, t = network.asked[0]
    assert torch.equal(as_complex(x[:, [1, 3]]), mean)
    along = t[:, None, None]
    noise = (as_complex(x[:, [0, 2]]) - (1 - along) * mean - along * clean) / 0.3
    assert noise.real.var().item() == pytest.approx(0.5, rel=0.03)
    assert noise.imag.var().item() == pytest.approx(0.5, rel=0.03)
    assert 0 <= t.min() < 0.05 and 0.95 < t.max() <= 1


def test_equal_noise_at_both_ends_cancels_in_the_target() -> None:
    clean, mean = spectra(2, 3, 4), spectra(2, 3, 4)
    perfect = Recorder(as_channels(clean - mean))
    assert flow_matching_loss(perfect, clean, mean, 0.3, (mean,), 0.3).item() == pytest.approx(0, abs=1e-9)


def test_loss_is_half_the_squared_error_summed_over_the_spectrum() -> None:
    clean, mean = spectra(3, 4, 5), spectra(3, 4, 5)
    loss = flow_matching_loss(Recorder(), clean, mean, 0.0, (mean,), 0.0)
    assert loss.item() == pytest.approx((0.5 * (clean - mean).abs() ** 2).sum().item() / 3, rel=1e-5)


def test_sigma_may_differ_from_bin_to_bin() -> None:
    mean = torch.zeros(500, 4, 2, dtype=torch.complex64)
    network = Recorder()
    flow_matching_loss(network, mean, mean, torch.tensor([0.0, 2.0]), (mean,), 0.0)
    x, t = network.asked[0]
    noise = as_complex(x[:, [0, 2]]) / (1 - t[:, None, None])
    assert noise[..., 0].abs().max() == 0
    assert noise[..., 1].abs().square().mean().sqrt().item() == pytest.approx(2, rel=0.05)


def test_the_same_generator_seed_gives_the_same_loss() -> None:
    clean, mean = spectra(2, 3, 4), spectra(2, 3, 4)
    losses = [
        flow_matching_loss(Recorder(), clean, mean, 0.5, (mean,), generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_sigma_reaches_the_worst_items() -> None:
    clean = torch.zeros(200, 10, 8, dtype=torch.complex64)
    degraded = clean.clone()
    degraded[:] = 0.1
    degraded[-2:] = 0.7
    assert estimate_sigma(degraded, clean).item() == pytest.approx(0.7, rel=1e-3)
    assert estimate_sigma(degraded, clean, factor=1).item() == pytest.approx(0.7 / 3, rel=1e-3)


def test_sigma_per_bin_follows_the_error_smoothly() -> None:
    clean = torch.zeros(20, 5, 64, dtype=torch.complex64)
    degraded = clean.clone()
    degraded[..., 32:] = 1j
    sigma = estimate_sigma(degraded, clean, per_bin=True)
    assert sigma.shape == (64,)
    assert (sigma.diff() >= -1e-6).all()
    assert sigma[:20].max() < 1e-4 and sigma[44:].min().item() == pytest.approx(1, abs=1e-4)
    assert 0.4 < sigma[32] < 0.6

"""Losses close to the ear: nothing for the same, more for more noise, as the measures they are after."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from duplex.models.restoration.train.ear_loss import disturbance, intelligibility
from tests.models.restoration import signals


def recordings(levels: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """The demo's voices with noise of each level, and without."""
    clean = torch.from_numpy(signals.recording()[16_000:64_000]).expand(len(levels), -1)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(clean.shape[1]).astype(np.float32))
    return clean + torch.tensor(levels)[:, None] * noise, clean


def test_the_same_is_not_disturbed() -> None:
    _, clean = recordings([0.0])
    assert disturbance(clean, clean) < 0.01
    assert intelligibility(clean, clean) == pytest.approx(1, abs=1e-3)


def test_more_noise_is_worse() -> None:
    noisy, clean = recordings([0.001, 0.004, 0.016, 0.064])
    assert (disturbance(noisy, clean).diff() > 0).all()
    assert (intelligibility(noisy, clean).diff() < 0).all()


def test_what_is_added_counts_more_than_what_is_missing() -> None:
    _, clean = recordings([0.0])
    quiet, loud = (disturbance(clean * gain, clean) for gain in (0.5, 2.0))
    assert loud > quiet > 0


def test_level_and_silence_do_not_matter() -> None:
    noisy, clean = recordings([0.01])
    for measure in (disturbance, intelligibility):
        assert torch.allclose(measure(noisy * 0.1, clean * 0.1), measure(noisy, clean), rtol=0.02)
        silent = torch.zeros_like(clean).requires_grad_()
        measure(silent, torch.zeros_like(clean)).sum().backward()
        assert torch.isfinite(silent.grad).all()


def test_it_agrees_with_the_measures() -> None:
    pytest.importorskip("pystoi")
    from duplex.models.restoration.metrics import score

    noisy, clean = recordings([0.002, 0.006, 0.02, 0.06])
    measured = [score(one.numpy(), other.numpy()) for one, other in zip(clean, noisy, strict=True)]
    estimated = (-disturbance(noisy, clean), intelligibility(noisy, clean))
    for name, values in zip(("pesq", "estoi"), estimated, strict=True):
        wanted = np.array([each[name] for each in measured])
        assert np.corrcoef(wanted, values.numpy())[0, 1] > 0.8, name

"""The spectral front end: exact reconstruction, PyTorch and NumPy alike, gain that sees only the past."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.restoration import spectrum as sp
from tests.models.restoration.signals import speech_like

EXPONENT = 0.3


def spectra(seconds: float = 0.8) -> torch.Tensor:
    return sp.stft(torch.from_numpy(speech_like(seconds)[: int(seconds * 62.5) * 256])[None], 512)


def test_istft_inverts_stft() -> None:
    audio = torch.from_numpy(speech_like(0.8)[: 50 * 256])[None]
    torch.testing.assert_close(sp.istft(sp.stft(audio, 512)), audio, atol=2e-4, rtol=0)  # less the Nyquist bin


@settings(max_examples=25, deadline=None)
@given(st.floats(-50, 40), st.floats(0.2, 1.0))
def test_expand_inverts_compress_at_any_level(level: float, exponent: float) -> None:
    values = torch.view_as_complex(torch.randn(4, 256, 2)) * 10 ** (level / 20)
    back = sp.expand(sp.compress(values, exponent), exponent)
    torch.testing.assert_close(back, values, rtol=2e-3, atol=float(values.abs().max()) * 1e-3)


def test_one_frame_in_numpy_equals_pytorch() -> None:
    whole = spectra()
    gain = sp.running_gain(whole)
    compressed = sp.compress(whole * gain, EXPONENT)
    restored = sp.expand(compressed, EXPONENT)
    level = 0.0
    for index, frame in enumerate(whole[0].numpy()):
        level = sp.next_level(frame, level, index)
        assert level**-0.5 == pytest.approx(float(gain[0, index, 0]), rel=1e-4)
        parts = sp.compress_frame(frame * np.float32(gain[0, index, 0]), EXPONENT)
        np.testing.assert_allclose(parts, compressed[0, index], atol=1e-5)
        np.testing.assert_allclose(sp.expand_frame(parts, EXPONENT), restored[0, index], atol=1e-4)


def test_softening_touches_only_what_is_more_than_was_heard() -> None:
    heard = spectra()
    torch.testing.assert_close(sp.soften(heard * 0.5, heard, 0.35), heard * 0.5, rtol=1e-3, atol=1e-6)
    more = sp.soften(heard * 4, heard, 0.5)
    torch.testing.assert_close(more, heard * 2.5, rtol=1e-3, atol=1e-6)  # halfway between all of it and none
    silent = torch.zeros_like(heard)
    torch.testing.assert_close(sp.soften(heard, silent, 0.35), heard * 0.35)
    frame = sp.soften_frame((heard * 4)[0, 9].numpy(), heard[0, 9].numpy(), 0.5)
    np.testing.assert_allclose(frame, more[0, 9], atol=1e-6)


def test_gain_sees_only_the_past() -> None:
    whole = spectra()
    changed = whole.clone()
    changed[:, 30:] *= 7
    torch.testing.assert_close(sp.running_gain(changed)[:, :30], sp.running_gain(whole)[:, :30])


@pytest.mark.parametrize("level", [-60, -20, 0])
def test_gain_takes_the_level_out(level: float) -> None:
    whole = spectra()
    factor = 10 ** (level / 20)
    steady = whole * sp.running_gain(whole)
    torch.testing.assert_close(whole * factor * sp.running_gain(whole * factor), steady, rtol=1e-2, atol=1e-3)


def test_silence_is_not_raised_without_limit() -> None:
    gain = sp.running_gain(torch.zeros(1, 5, 256, dtype=torch.complex64))
    assert float(gain.max()) == pytest.approx(1 / sp.FLOOR)


def test_mel_bands_keep_a_smooth_spectrum_and_lose_a_fine_one() -> None:
    smooth = np.exp(-np.linspace(0, 4, 256)).astype(np.float32)
    np.testing.assert_allclose(sp.through_mel(smooth)[4:240], smooth[4:240], rtol=0.15)
    comb = np.zeros(256, np.float32)
    comb[160::8] = 1
    assert np.abs(sp.through_mel(comb) - comb)[160:].mean() > 0.1
    torch.testing.assert_close(
        sp.mel_only(torch.from_numpy(smooth.astype(np.complex64))).real, torch.from_numpy(sp.through_mel(smooth))
    )

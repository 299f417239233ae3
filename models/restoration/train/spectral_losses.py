"""Waveform losses of Stream.FM's predictor and learned solvers: STFT magnitudes at several scales, speech features."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from duplex.streaming.errors import ModelError

PREDICTOR_WINDOWS = (256, 512, 768, 1024)
SOLVER_WINDOWS = (320, 512, 640)


def _magnitudes(audio: Tensor, windows: tuple[int, ...], overlaps: tuple[int, ...]) -> Iterator[Tensor]:
    """|STFT| of (B, samples) for each window (Hann, samples) and each hop, a fraction 1/overlap of the window."""
    for size in windows:
        window = torch.hann_window(size, device=audio.device)
        for overlap in overlaps:
            spectrum = torch.stft(audio, size, size // overlap, window=window, normalized=True, return_complex=True)
            yield (torch.view_as_real(spectrum).square().sum(-1) + 1e-12).sqrt()


def predictor_waveform_loss(estimate: Tensor, clean: Tensor) -> Tensor:
    """Half the L1 distance of the waveforms (B, samples), half that of the magnitudes, mean over 4 windows x 2 hops."""
    pairs = zip(
        _magnitudes(estimate, PREDICTOR_WINDOWS, (2, 4)), _magnitudes(clean, PREDICTOR_WINDOWS, (2, 4)), strict=True
    )
    scales = torch.stack([(a - b).abs().mean() for a, b in pairs])
    return 0.5 * (estimate - clean).abs().mean() + 0.5 * scales.mean()


def log_magnitude_loss(estimate: Tensor, clean: Tensor, floor: float = 1e-5) -> Tensor:
    """Mean squared distance of the natural logarithms of the magnitudes, mean over 3 windows x 4 hops."""
    pairs = zip(
        _magnitudes(estimate, SOLVER_WINDOWS, (2, 3, 4, 5)),
        _magnitudes(clean, SOLVER_WINDOWS, (2, 3, 4, 5)),
        strict=True,
    )
    return torch.stack([((a + floor).log() - (b + floor).log()).square().mean() for a, b in pairs]).mean()


class SpeechFeatureLoss(nn.Module):
    """Mean squared distance of the hidden states of a frozen self-supervised speech model, over all of its layers.

    model: takes (B, samples) at 16 kHz and gives hidden states, as HuBERT, WavLM and wav2vec 2.0 in `transformers` do.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)

    @classmethod
    def from_pretrained(cls, name: str) -> SpeechFeatureLoss:
        """By Hugging Face id or folder. Raises ModelError if it cannot be had."""
        from transformers import AutoModel

        try:
            return cls(AutoModel.from_pretrained(name))
        except (OSError, ValueError) as error:
            raise ModelError(f"speech model {name}: {error}; give the id or folder of a HuBERT or WavLM") from error

    def forward(self, estimate: Tensor, clean: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.model(_standardised(clean), output_hidden_states=True).hidden_states
        found = self.model(_standardised(estimate), output_hidden_states=True).hidden_states
        return torch.stack([(a - b).square().mean() for a, b in zip(found, wanted, strict=True)]).mean()


def _standardised(audio: Tensor) -> Tensor:
    """Zero mean and unit variance, as these models are trained on."""
    return (audio - audio.mean(-1, keepdim=True)) / (audio.std(-1, keepdim=True) + 1e-5)

"""DeepFilterNet3 (Schröter et al. 2023) over whole recordings, to train it further.

The engine runs its graphs frame by frame.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.engines.deepfilter_features import (
    FORGETTING,
    first_levels,
    first_magnitudes,
)
from duplex.models.restoration.engines.deepfilternet import (
    AHEAD,
    ARCHIVE,
    BANDS,
    FILTERED,
    FRAMES_A_SECOND,
    ORDER,
    WIDTHS,
    band_of,
    unpacked,
    vorbis,
)
from duplex.models.restoration.train.deepfilter.published_graph import PublishedGraph, gru
from duplex.models.store import fetch

HOP = SAMPLE_RATE // FRAMES_A_SECOND


class DeepFilterNet(nn.Module):
    """(B, samples) at 16 kHz, whole hops of 10 ms -> as many samples, restored, without delay.

    archive: as published, or as `save` made it. ahead: frames that it waits for. Raises ModelError.
    """

    def __init__(self, archive: Path, ahead: int = AHEAD) -> None:
        super().__init__()
        self._parts = nn.ModuleDict({name: PublishedGraph(part) for name, part in unpacked(archive).items()})
        self.ahead = ahead
        band = band_of(HOP + 1)
        sums = (band[:, None] == np.arange(BANDS)) / WIDTHS
        self.register_buffer("_window", torch.from_numpy(vorbis(2 * HOP)), persistent=False)
        self.register_buffer("_sums", torch.from_numpy(sums.astype(np.float32)), persistent=False)
        self.register_buffer("_band", torch.from_numpy(band), persistent=False)

    def hasten(self) -> None:
        """It waits for one frame less: what filtered a frame now filters the next, as far as the newest goes."""
        self.ahead -= 1
        part = self._parts["df_dec"]
        with torch.no_grad():
            weight = part["df_out.0.weight"]  # groups of bins, inputs, outputs: taps of two numbers, of some bins
            weight.copy_(_later(weight.unflatten(-1, (-1, ORDER, 2)), 3).flatten(2))
            for name in ("onnx::Conv_268", "onnx::Conv_269"):
                part[name].copy_(_later(part[name].unflatten(0, (ORDER, 2)), 0).flatten(0, 1))

    def save(self, archive: Path) -> None:
        with tarfile.open(archive, "w:gz") as written:
            for name, part in self._parts.items():
                content = part.written()
                entry = tarfile.TarInfo(f"{name}.onnx")
                entry.size = len(content)
                written.addfile(entry, io.BytesIO(content))

    def forward(self, audio: Tensor) -> Tensor:
        padded = functional.pad(audio, (HOP, (self.ahead + 1) * HOP))
        frames = padded.unfold(-1, 2 * HOP, HOP) * self._window
        spectra = torch.fft.rfft(frames) / (2 * HOP)
        with torch.no_grad():
            bands, bins = self._features(spectra)
        gains, taps = self._filters(bands, bins)
        late = self.ahead
        wanted = spectra[:, : spectra.shape[1] - late]
        low = functional.pad(spectra[..., :FILTERED], (0, 0, ORDER - 1, 0))
        low = low.unfold(1, ORDER, 1)[:, late:]  # of frames and taps, the newest last
        filtered = (low * taps[:, late:]).sum(-1)
        masked = wanted[..., FILTERED:] * gains[:, late:][..., self._band[FILTERED:]]
        frames = torch.fft.irfft(torch.cat([filtered, masked], -1) * (2 * HOP), n=2 * HOP) * self._window
        return (frames[:, 1:, :HOP] + frames[:, :-1, HOP:]).flatten(1)

    def _features(self, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 161) -> the bands' levels (B, 1, T, 32) and the lowest bins (B, 2, T, 96), both normalized."""
        levels = 10 * torch.log10(spectra.abs().square() @ self._sums + 1e-10)
        bands = (levels - _running_mean(levels, first_levels(BANDS))) / 40
        low = spectra[..., :FILTERED]
        unit = torch.view_as_real(low / _running_mean(low.abs(), first_magnitudes(FILTERED)).sqrt())
        return bands[:, None], unit.permute(0, 3, 1, 2)

    def _filters(self, bands: Tensor, bins: Tensor) -> tuple[Tensor, Tensor]:
        """Gains of the bands (B, T, 32) and taps (B, T, 96, 5) complex64."""
        part = self._parts["enc"]
        heard = functional.conv2d(
            functional.pad(bands, (0, 0, 2, 0)), part["onnx::Conv_282"], part["onnx::Conv_283"], padding=(0, 1)
        )
        skips = [heard.relu()]
        for index, stride in ((1, 2), (2, 2), (3, 1)):
            inner = _by_channel(skips[-1], part[f"erb_conv{index}.0.weight"], stride)
            skips.append(_across(inner, part, 282 + 3 * index))
        inner = functional.conv2d(
            functional.pad(bins, (0, 0, 2, 0)), part["df_conv0.1.weight"], padding=(0, 1), groups=2
        )
        paths = _across(inner, part, 294)
        inner = _across(_by_channel(paths, part["df_conv1.0.weight"], 2), part, 297)
        told = _grouped(inner.permute(0, 2, 3, 1).flatten(2), part["df_fc_emb.0.weight"]).relu()
        told = told + skips[-1].permute(0, 2, 3, 1).flatten(2)
        known = self._recurrent(told, part, "emb_gru.linear_in.0.weight", "emb_gru.linear_out.0.weight")
        return self._gains(known, skips), self._taps(known, paths)

    def _gains(self, known: Tensor, skips: list[Tensor]) -> Tensor:
        part = self._parts["erb_dec"]
        found = self._recurrent(known, part, "emb_gru.linear_in.0.weight", "emb_gru.linear_out.0.weight")
        found = found.unflatten(-1, (8, 64)).permute(0, 3, 1, 2)
        for index, number in ((3, 288), (2, 294), (1, 300)):
            found = (
                found
                + _by_channel(skips[index], part[f"onnx::Conv_{number}"], 1, part[f"onnx::Conv_{number + 1}"]).relu()
            )
            weight = part[f"convt{index}.0.weight"]
            if index == 3:
                found = _by_channel(found, weight, 1)
            else:
                found = functional.conv_transpose2d(
                    found, weight, stride=(1, 2), padding=(0, 1), output_padding=(0, 1), groups=64
                )
            found = _across(found, part, number + 3)
        found = found + _by_channel(skips[0], part["onnx::Conv_306"], 1, part["onnx::Conv_307"]).relu()
        found = functional.conv2d(found, part["onnx::Conv_309"], part["onnx::Conv_310"], padding=(0, 1))
        return found[:, 0].sigmoid()

    def _taps(self, known: Tensor, paths: Tensor) -> Tensor:
        part = self._parts["df_dec"]
        found = self._recurrent(known, part, "df_gru.linear_in.0.weight") + _grouped(known, part["df_skip.weight"])
        direct = functional.conv2d(functional.pad(paths, (0, 0, ORDER - 1, 0)), part["df_convp.1.weight"], groups=2)
        direct = _across(direct, part, 268).permute(0, 2, 3, 1)
        found = _grouped(found, part["df_out.0.weight"]).tanh().unflatten(-1, (FILTERED, 2 * ORDER)) + direct
        return torch.view_as_complex(found.unflatten(-1, (ORDER, 2)).contiguous())

    @staticmethod
    def _recurrent(found: Tensor, part: PublishedGraph, before: str, after: str | None = None) -> Tensor:
        found = _grouped(found, part[before]).relu()
        for node in part.model.graph.node:
            if node.op_type == "GRU":
                found = gru(found, *(part[name] for name in node.input[1:4]))
        return found if after is None else _grouped(found, part[after]).relu()


def hastened() -> DeepFilterNet:
    """The published network, 30 ms late instead of 40: where trainings begin. Raises ModelError."""
    net = DeepFilterNet(fetch("deepfilternet") / ARCHIVE)
    net.hasten()
    return net


def _across(found: Tensor, part: PublishedGraph, number: int) -> Tensor:
    """A convolution over channels alone, named by its number, and what lies above zero."""
    weight = part[f"onnx::Conv_{number}"]
    return functional.conv2d(found, weight, part[f"onnx::Conv_{number + 1}"]).relu()


def _by_channel(found: Tensor, weight: Tensor, stride: int, bias: Tensor | None = None) -> Tensor:
    """A convolution over bands of each channel by itself."""
    return functional.conv2d(found, weight, bias, (1, stride), (0, weight.shape[-1] // 2), groups=len(weight))


def _grouped(found: Tensor, weight: Tensor) -> Tensor:
    """(B, T, in) -> (B, T, out): linear in groups. weight: (groups, in / groups, out / groups)."""
    parts = found.unflatten(-1, (weight.shape[0], weight.shape[1]))
    return torch.einsum("btgi,gih->btgh", parts, weight).flatten(2)


def _later(taps: Tensor, axis: int) -> Tensor:
    """Each tap in the place of the next; the first has none."""
    first = torch.zeros_like(taps.narrow(axis, 0, 1))
    return torch.cat([first, taps.narrow(axis, 0, ORDER - 1)], axis)


def _running_mean(values: Tensor, first: np.ndarray) -> Tensor:
    """(B, T, n) -> the mean so far, which forgets."""
    frames = values.shape[1]
    steps = torch.arange(frames, device=values.device)
    age = steps[:, None] - steps
    forgetting = float(FORGETTING)
    weights = torch.where(age >= 0, (1 - forgetting) * forgetting ** age.clamp(min=0), torch.zeros(()))
    start = torch.from_numpy(first).to(values) * forgetting ** (steps[:, None] + 1)
    return weights @ values + start

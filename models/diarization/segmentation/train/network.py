"""PyanNet in PyTorch, to be trained further; `pyannet.py` is the same as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from duplex.models.diarization.segmentation import ENTRY, pyannet
from duplex.models.diarization.segmentation.networks import PUBLISHED
from duplex.models.diarization.segmentation.train.windows import AT_ONCE, LOCAL
from duplex.models.store import fetch
from duplex.models.torch_checkpoint import read_tensors

_SLOPE = 0.01
_UNLIKELY = -3.0
"""Bias of classes that the published network does not have."""


class PyanNet(nn.Module):
    """(windows, samples) at 16 kHz to (windows, frames, classes), logits. What comes before its band-pass filters, and
    they, stay as they are.

    speakers, at_once: that it tells apart in a window, and of them at a time.
    """

    def __init__(self, speakers: int, at_once: int) -> None:
        super().__init__()
        sets = pyannet.powerset(speakers, at_once)
        self.wav_norm = nn.InstanceNorm1d(1, affine=True)
        self.register_buffer("filters", torch.zeros(80, 1, 251))
        self.convolutions = nn.ModuleList([nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norms = nn.ModuleList([nn.InstanceNorm1d(width, affine=True) for width in (80, 60, 60)])
        self.lstm = nn.LSTM(60, 128, 4, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(sets))

    def forward(self, samples: Tensor) -> Tensor:
        # Quiet sounds beside loud ones need the precision.
        with torch.no_grad(), torch.autocast(samples.device.type, enabled=False):
            x = F.conv1d(self.wav_norm(samples[:, None]), self.filters, stride=10).abs()
        for layer, norm in enumerate(self.norms):
            if layer:
                x = self.convolutions[layer - 1](x)
            x = F.leaky_relu(norm(F.max_pool1d(x, 3)), _SLOPE)
        x, _ = self.lstm(x.permute(2, 0, 1))
        for linear in self.linear:
            x = F.leaky_relu(linear(x), _SLOPE)
        return self.classifier(x).transpose(0, 1)

    @torch.no_grad()
    def load_published(self, tensors: Mapping[str, np.ndarray]) -> None:
        """tensors: of the published checkpoint. A set of speakers that it has no class for begins as unlikely as that,
        with the mean of the weights of the classes of as many speakers; raises KeyError for another network's."""
        own = dict(self.state_dict())
        for name in own:
            if name == "filters":
                own[name] = torch.from_numpy(pyannet.filters(tensors))
            elif not name.startswith("classifier"):
                own[name] = torch.from_numpy(tensors[_published(name)].astype(np.float32))
        known = pyannet.sets(len(tensors["classifier.bias"]))
        sets = pyannet.sets(self.classifier.out_features)
        for part in ("weight", "bias"):
            found = tensors[f"classifier.{part}"].astype(np.float32)
            rows = []
            for members in sets:
                if members in known:
                    rows.append(found[known.index(members)])
                    continue
                size = min(len(members), max(map(len, known)))
                alike = [row for row, other in zip(found, known, strict=True) if len(other) == size]
                rows.append(np.mean(alike, axis=0) + (_UNLIKELY if part == "bias" else 0.0))
            own[f"classifier.{part}"] = torch.from_numpy(np.stack(rows))
        self.load_state_dict(own)

    def published(self) -> dict[str, np.ndarray]:
        """The tensors under the names of the published checkpoint, the filters as they are used."""
        return {_published(name): tensor.float().cpu().numpy() for name, tensor in self.state_dict().items()}


def begun() -> PyanNet:
    """What training begins with: the published network, with classes for LOCAL speakers, AT_ONCE of them."""
    net = PyanNet(LOCAL, AT_ONCE)
    net.load_published(read_tensors(fetch(ENTRY) / PUBLISHED))
    return net


def _published(name: str) -> str:
    part, _, rest = name.partition(".")
    if part == "wav_norm":
        return f"sincnet.wav_norm1d.{rest}"
    if part == "norms":
        return f"sincnet.norm1d.{rest}"
    if part == "convolutions":
        layer, _, kind = rest.partition(".")
        return f"sincnet.conv1d.{int(layer) + 1}.{kind}"
    return pyannet.FILTERS if part == "filters" else name

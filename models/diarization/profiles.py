"""Profiles: what the voice in each slot sounds like, as the mean of its embeddings.

The published decoder has to gather this in its retention, which takes very long training to learn; told outright (as
TS-VAD tells its network, Medennikov et al. 2020, and online clustering does), it keeps speakers apart from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SETTLED = 5.0
"""Frames after which a profile is trusted by half."""


@dataclass
class Profiles:
    """sums: (batch, slots, …, width) of embeddings, counts: (batch, slots, …) of frames, both weighted."""

    sums: Tensor
    counts: Tensor

    @classmethod
    def empty(cls, batch: int, slots: int, width: int, device: torch.device | None = None) -> Profiles:
        return cls(torch.zeros(batch, slots, width, device=device), torch.zeros(batch, slots, device=device))

    @classmethod
    def running(cls, embeddings: Tensor, spoken: Tensor) -> Profiles:
        """For every frame, of the frames before it: sums (batch, slots, frames, width).

        embeddings: (batch, frames, width). spoken: (batch, frames, slots), how much each frame counts.
        """
        weights = spoken.transpose(1, 2).float()
        parts = weights[..., None] * embeddings[:, None].float()
        return cls(parts.cumsum(2) - parts, weights.cumsum(2) - weights)

    def now(self) -> Profiles:
        """As `running` of one frame."""
        return Profiles(self.sums[:, :, None], self.counts[:, :, None])

    def heard(self, embedding: Tensor, logits: Tensor) -> Profiles:
        """With one more frame, (batch, width), if by the logits (batch, slots) one speaker is heard in it."""
        weights = alone(logits[:, None])[:, 0]
        return Profiles(self.sums + weights[..., None] * embedding[:, None], self.counts + weights)


def alone(logits: Tensor) -> Tensor:
    """How much each frame counts for each slot, (batch, frames, slots): the probability where one speaker is heard.

    Speech that no slot claims counts for the likeliest, so that a new voice is learned even if none dares to open.
    """
    probabilities = logits.float().sigmoid()
    speakers = probabilities[..., 1:-1]
    active = speakers > 0.5
    claimed = active.sum(-1, keepdim=True)
    unclaimed = (claimed == 0) & (probabilities[..., :1] < 0.5)
    likeliest = speakers == speakers.amax(-1, keepdim=True)
    counted = (active & (claimed == 1)) | (likeliest & unclaimed)
    return F.pad(speakers * counted, (1, 1))


class SlotProfile(nn.Module):
    """Tells each slot its profile, and adds the likeness of frame and profile to its logit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tell = nn.Linear(width + 2, width, bias=False)
        self.gain = nn.Parameter(torch.tensor(4.0))
        self.middle = nn.Parameter(torch.tensor(0.5))

    def forward(self, embeddings: Tensor, profiles: Profiles) -> tuple[Tensor, Tensor]:
        """embeddings: (batch, frames, width). Returns (batch, slots, frames, width) and (batch, frames, slots)."""
        trust = profiles.counts / (profiles.counts + SETTLED)
        mean = F.normalize(profiles.sums, dim=-1) * trust[..., None]
        likeness = (mean * embeddings[:, None]).sum(-1)
        told = self.tell(torch.cat([mean, likeness[..., None], trust[..., None]], dim=-1))
        return told, (self.gain * (likeness - self.middle * trust)).transpose(1, 2)

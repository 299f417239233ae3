"""Retention (Sun et al. 2023, arXiv 2307.08621) without positions: a sum of what was heard that queries can read.

S_t = g S_{t-1} + k_t v_t', o_t = q_t S_t / sqrt(n_t), n_t = g n_{t-1} + 1, normalised per head and gated. The published
network has g = 1 in every head: it never forgets, and a new frame's share falls with time. One scaling is used in the
parallel, the chunk-wise and the recurrent form, which are one function of chunks of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK = 128
"""Frames that are related to one another at once; longer inputs are taken in pieces."""


@dataclass
class RetentionState:
    """memory: (batch, heads, key, value). weight: (heads,), n_t above."""

    memory: Tensor
    weight: Tensor

    @classmethod
    def empty(cls, batch: int, width: int, heads: int, device: torch.device | None = None) -> RetentionState:
        size = width // heads
        return cls(torch.zeros(batch, heads, size, size, device=device), torch.zeros(heads, device=device))


class Retention(nn.Module):
    """(batch, frames, width) to the same, with memory. decays: g of each head."""

    def __init__(self, width: int, heads: int, decays: Sequence[float], chunk: int = CHUNK) -> None:
        super().__init__()
        self.heads = heads
        self.size = width // heads
        self.chunk = chunk
        self.query, self.key, self.value, self.gate = (nn.Linear(width, width) for _ in range(4))
        self.out = nn.Linear(width, width)
        for linear in (self.query, self.key, self.value, self.gate):
            nn.init.xavier_uniform_(linear.weight, gain=2**-2.5)
        self.register_buffer("decays", torch.tensor(decays, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor, state: RetentionState) -> tuple[Tensor, RetentionState]:
        if not x.shape[1]:
            return x, state
        q, k, v = (self._split(linear(x)) for linear in (self.query, self.key, self.value))
        k = k * self.size**-0.5
        parts = []
        for start in range(0, x.shape[1], self.chunk):
            piece = slice(start, start + self.chunk)
            out, state = self._chunk(q[:, :, piece], k[:, :, piece], v[:, :, piece], state)
            parts.append(out)
        retained = F.layer_norm(torch.cat(parts, dim=2), (self.size,), eps=1e-6)
        joined = retained.transpose(1, 2).reshape(x.shape)
        return self.out(F.silu(self.gate(x)) * joined), state

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, self.size).transpose(1, 2)

    def _chunk(self, q: Tensor, k: Tensor, v: Tensor, state: RetentionState) -> tuple[Tensor, RetentionState]:
        """q, k, v: (batch, heads, frames, size)."""
        frames = q.shape[2]
        steps = torch.arange(frames, device=q.device)
        ages = (steps[:, None] - steps[None, :]).to(torch.float32)
        mask = torch.where(ages >= 0, self.decays[:, None, None] ** ages.clamp(min=0), 0.0)
        onward = self.decays[:, None] ** (steps + 1)
        weights = mask.sum(-1) + onward * state.weight[:, None]
        inside = (q @ k.transpose(2, 3) * mask) @ v
        before = (q @ state.memory) * onward[None, :, :, None]
        out = (inside + before) / weights.sqrt()[None, :, :, None]
        remaining = self.decays[:, None] ** (frames - 1 - steps)
        added = (k * remaining[None, :, :, None]).transpose(2, 3) @ v
        kept = (self.decays**frames)[None, :, None, None] * state.memory
        return out, RetentionState(kept + added, weights[:, -1])

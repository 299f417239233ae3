"""LS-EEND: a causal Conformer with retention, a look-ahead convolution, and attractors decoded online.

Liang and Li, "LS-EEND: long-form streaming end-to-end neural diarization with online attractor extraction"
(arXiv 2410.06670), sections II and III. Everything runs in three forms that agree: over a whole recording, in chunks,
and frame by frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.profiles import Profiles, SlotProfile
from duplex.models.diarization.retention import Retention, RetentionState
from duplex.models.diarization.slot_positions import sinusoids


def feed_forward(width: int, inner: int, dropout: float) -> nn.Sequential:
    """Half-step feed-forward of a Conformer (Gulati et al. 2020)."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, inner),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(inner, width),
        nn.Dropout(dropout),
    )


class CausalConvolution(nn.Module):
    """The Conformer's convolution, padded on the left only; its state is its last kernel - 1 inputs."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, groups=width, bias=False)
        self.batch_norm = nn.BatchNorm1d(width)
        self.project = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x: (batch, frames, width), past: (batch, width, kernel - 1)."""
        gated = F.glu(self.expand(self.norm(x)), dim=-1).transpose(1, 2)
        padded = torch.cat([past, gated], dim=2)
        out = F.silu(self.batch_norm(self.depthwise(padded))).transpose(1, 2)
        return self.dropout(self.project(out)), padded[:, :, padded.shape[2] - past.shape[2] :]


class ConformerBlock(nn.Module):
    """Feed-forward, retention, convolution, feed-forward, norm."""

    def __init__(self, config: DiarizationConfig) -> None:
        super().__init__()
        self.first = feed_forward(config.width, config.encoder_inner, config.dropout)
        self.norm = nn.LayerNorm(config.width)
        self.retention = Retention(config.width, config.heads, config.decays)
        self.dropout = nn.Dropout(config.dropout)
        self.convolution = CausalConvolution(config.width, config.kernel, config.dropout)
        self.second = feed_forward(config.width, config.encoder_inner, config.dropout)
        self.last = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, memory: RetentionState, past: Tensor) -> tuple[Tensor, RetentionState, Tensor]:
        x = x + 0.5 * self.first(x)
        retained, memory = self.retention(self.norm(x), memory)
        x = x + self.dropout(retained)
        convolved, past = self.convolution(x, past)
        x = x + convolved
        return self.last(x + 0.5 * self.second(x)), memory, past


class SlotAttention(nn.Module):
    """Multi-head self-attention without a mask; parameters as in nn.MultiheadAttention, which cannot be exported for
    any number of slots."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, slots, width)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        )
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.out_proj((self.dropout(weights) @ v).transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """Retention over time for each slot, attention over the slots of each frame, feed-forward; norms after each."""

    def __init__(self, config: DiarizationConfig) -> None:
        super().__init__()
        self.retention = Retention(config.width, config.heads, config.decays)
        self.after_time = nn.LayerNorm(config.width)
        self.attention = SlotAttention(config.width, config.heads, config.dropout)
        self.after_slots = nn.LayerNorm(config.width)
        self.inner = nn.Sequential(
            nn.Linear(config.width, config.decoder_inner),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.decoder_inner, config.width),
        )
        self.after_inner = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, u: Tensor, memory: RetentionState) -> tuple[Tensor, RetentionState]:
        """u: (batch, slots, frames, width)."""
        batch, slots, frames, width = u.shape
        retained, memory = self.retention(u.flatten(0, 1), memory)
        u = self.after_time(u + self.dropout(retained.view_as(u)))
        across = u.transpose(1, 2).reshape(batch * frames, slots, width)
        attended = self.attention(across)
        u = self.after_slots(u + self.dropout(attended.view(batch, frames, slots, width).transpose(1, 2)))
        return self.after_inner(u + self.dropout(self.inner(u))), memory


@dataclass
class NetworkState:
    """Everything remembered of a stream; its size does not depend on how long it has been going on.

    encoder, decoder: memories of the retention. convolution: (batch, width, kernel - 1) per block. ahead: (batch,
    frames, width), the encoder's last outputs for the look-ahead convolution. skip: frames still to be held back.
    profiles: of the voices in the slots so far.
    """

    encoder: list[RetentionState]
    convolution: list[Tensor]
    ahead: Tensor
    decoder: list[RetentionState]
    skip: int
    profiles: Profiles


@dataclass
class Diarized:
    """logits: (batch, frames, slots). embeddings: (batch, frames, width), of unit length. hidden: encoder's output."""

    logits: Tensor
    embeddings: Tensor
    hidden: Tensor


class DiarizationNet(nn.Module):
    """Inputs (batch, frames, splice) to a logit per slot: silence, the speakers in order of appearance, nobody.

    look_ahead: which of the configured numbers of future frames to wait for.
    """

    def __init__(self, config: DiarizationConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.input = nn.Linear(config.splice, width)
        self.input_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConformerBlock(config) for _ in range(config.encoder_layers))
        self.ahead = nn.ModuleDict({str(n): nn.Conv1d(width, width, 2 * n + 1) for n in config.look_ahead})
        self.slot = nn.Linear(2 * width, width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.register_buffer("places", torch.from_numpy(sinusoids(config.slots, width)), persistent=False)
        self.scale = nn.Parameter(torch.tensor(8.0 if config.calibrated else 1.0), requires_grad=config.calibrated)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=config.calibrated)
        self.identify = nn.Linear(width, config.identities, bias=False) if config.identities else None
        self.profile = SlotProfile(width) if config.profiles else None
        nn.init.xavier_uniform_(self.input.weight)

    def initial_state(self, batch: int, look_ahead: int, slots: int | None = None) -> NetworkState:
        """slots: how many to decode, silence and nobody included."""
        config, device = self.config, self.bias.device
        slots = slots or config.slots

        def memory(rows: int) -> RetentionState:
            return RetentionState.empty(rows, config.width, config.heads, device)

        return NetworkState(
            [memory(batch) for _ in self.blocks],
            [torch.zeros(batch, config.width, config.kernel - 1, device=device) for _ in self.blocks],
            torch.zeros(batch, 2 * look_ahead, config.width, device=device),
            [memory(batch * slots) for _ in self.decoder],
            look_ahead,
            Profiles.empty(batch, slots, config.width, device),
        )

    def step(self, inputs: Tensor, state: NetworkState) -> tuple[Diarized, NetworkState]:
        """Any number of frames in; as many out, less those of the look-ahead at the beginning."""
        if not inputs.shape[1]:
            return self._decode(inputs.new_zeros(inputs.shape[0], 0, self.config.width), state)
        hidden, state = self._encode(inputs, state)
        return self._decode(hidden, state)

    def flush(self, state: NetworkState) -> Diarized:
        """The frames held back: the convolution sees zeros behind the end."""
        held = state.ahead.shape[1] // 2
        return self._decode(state.ahead.new_zeros(state.ahead.shape[0], held, self.config.width), state)[0]

    def forward(self, inputs: Tensor, look_ahead: int | None = None, slots: int | None = None) -> Diarized:
        """A whole recording, (batch, frames, splice)."""
        look_ahead = self.config.look_ahead[-1] if look_ahead is None else look_ahead
        state = self.initial_state(inputs.shape[0], look_ahead, slots)
        hidden, state = self._encode(inputs, state)
        padded = F.pad(hidden, (0, 0, 0, look_ahead))
        out, _ = self._decode(padded, state)
        return Diarized(out.logits, out.embeddings, hidden)

    def embed(self, inputs: Tensor, look_ahead: int) -> tuple[Tensor, Tensor]:
        """The first half of `forward`, for training: (embeddings, hidden), (batch, frames, width) each."""
        hidden, _ = self._encode(inputs, self.initial_state(inputs.shape[0], look_ahead))
        around = F.pad(hidden, (0, 0, look_ahead, look_ahead))
        convolved = self.ahead[str(look_ahead)](around.transpose(1, 2)).transpose(1, 2)
        return F.normalize(convolved, dim=-1), hidden

    def decode(self, embeddings: Tensor, slots: int, spoken: Tensor | None = None) -> Tensor:
        """The second half, all frames at once: logits (batch, frames, slots).

        spoken: (batch, frames, slots) in 0…1, how much each frame counts for the profile of each slot: given, as only
        then are the frames independent of one another (teacher forcing). Needed with profiles.
        """
        batch = embeddings.shape[0]
        memories = [RetentionState.empty(batch * slots, self.config.width, self.config.heads, embeddings.device)] * len(
            self.decoder
        )
        profiles = None if spoken is None else Profiles.running(embeddings, spoken)
        return self._attract(embeddings, memories, profiles, slots)[0]

    def _encode(self, inputs: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        x = self.input_norm(self.input(inputs))
        memories, pasts = [], []
        for block, memory, past in zip(self.blocks, state.encoder, state.convolution, strict=True):
            x, memory, past = block(x, memory, past)
            memories.append(memory)
            pasts.append(past)
        return x, replace(state, encoder=memories, convolution=pasts)

    def _decode(self, hidden: Tensor, state: NetworkState) -> tuple[Diarized, NetworkState]:
        slots = state.profiles.sums.shape[1]
        if not hidden.shape[1]:
            return Diarized(hidden.new_zeros(hidden.shape[0], 0, slots), hidden, hidden), state
        around = torch.cat([state.ahead, hidden], dim=1)
        reach = state.ahead.shape[1]
        convolved = self.ahead[str(reach // 2)](around.transpose(1, 2)).transpose(1, 2)
        skip = min(state.skip, convolved.shape[1])
        embeddings = F.normalize(convolved[:, skip:], dim=-1)
        state = replace(state, ahead=around[:, around.shape[1] - reach :], skip=state.skip - skip)
        if self.profile is None:
            logits, memories = self._attract(embeddings, state.decoder, None, slots)
            return Diarized(logits, embeddings, hidden), replace(state, decoder=memories)
        parts = []
        for at in range(embeddings.shape[1]):
            frame = embeddings[:, at : at + 1]
            logits, memories = self._attract(frame, state.decoder, state.profiles.now(), slots)
            state = replace(state, decoder=memories, profiles=state.profiles.heard(frame[:, 0], logits[:, 0]))
            parts.append(logits)
        logits = torch.cat(parts, dim=1) if parts else embeddings.new_zeros(embeddings.shape[0], 0, slots)
        return Diarized(logits, embeddings, hidden), state

    def _attract(
        self, embeddings: Tensor, memories: list[RetentionState], profiles: Profiles | None, slots: int
    ) -> tuple[Tensor, list[RetentionState]]:
        """Logits (batch, frames, slots) by the likeness of embeddings and attractors. profiles: for every frame."""
        places = self.places if slots == self.config.slots else self._some_places(slots)
        spread = embeddings[:, None].expand(-1, slots, -1, -1)
        placed = places[None, :, None].expand(spread.shape[0], -1, spread.shape[2], -1)
        u = self.slot(torch.cat([spread, placed], dim=-1))
        likeness = None
        if self.profile is not None and profiles is not None:
            told, likeness = self.profile(embeddings, profiles)
            u = u + told
        after = []
        for layer, memory in zip(self.decoder, memories, strict=True):
            u, memory = layer(u, memory)
            after.append(memory)
        cosines = torch.einsum("bstd,btd->bts", F.normalize(u, dim=-1), embeddings)
        logits = self.scale * cosines + self.bias
        return (logits if likeness is None else logits + likeness), after

    def _some_places(self, slots: int) -> Tensor:
        """Silence, the first speakers, and nobody, who keeps the last place."""
        return torch.cat([self.places[: slots - 1], self.places[-1:]])

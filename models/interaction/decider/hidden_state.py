"""The gate of a hidden state: linear heads on a language model's last layer, and a leaky integrator (MMDuet, arXiv
2411.17991; Dispider's silent head, arXiv 2501.03218). The language model itself stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from duplex.models.interaction.decider.contract import BLOCK, Action, Situation, Verdict
from duplex.models.interaction.decider.control_token import ORDER
from duplex.models.interaction.decider.model_stream import ModelStream, StreamState
from duplex.models.interaction.percepts import Percept
from duplex.streaming.errors import ModelError, first_line


@dataclass(frozen=True, slots=True)
class Heads:
    """weight: (heads, width) float32, bias: (heads,). actions: what each stands for; thresholds: of the integrated
    probability, for each. leak: what is left of a sum after a block."""

    weight: np.ndarray
    bias: np.ndarray
    actions: tuple[Action, ...]
    thresholds: tuple[float, ...]
    leak: float = 0.5

    def probabilities(self, hidden: np.ndarray) -> np.ndarray:
        """(heads,) of a hidden state (width,)."""
        probabilities: np.ndarray = 1.0 / (1.0 + np.exp(-(self.weight @ hidden + self.bias)))
        return probabilities


@dataclass(frozen=True, slots=True)
class HeadState:
    stream: StreamState = field(default_factory=StreamState)
    sums: tuple[float, ...] = ()
    at: float = 0.0


class HiddenStateGate:
    """An action is decided when the sum of its probabilities, of which a part leaks away with every block, reaches its
    threshold; the sum then begins anew. The score is the sum, at most 1."""

    name = "head"

    def __init__(self, stream: ModelStream, heads: Heads) -> None:
        self._stream = stream
        self._heads = heads

    def initial_state(self) -> HeadState:
        return HeadState(sums=(0.0,) * len(self._heads.actions))

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: HeadState
    ) -> tuple[Verdict | None, HeadState]:
        """Raises ModelError for a hidden state that holds no numbers."""
        cache, stream = self._stream.read(percepts, situation, state.stream)
        probabilities = self._heads.probabilities(cache.hidden.float().cpu().numpy())
        if not np.isfinite(probabilities).all():
            raise ModelError("the decider's model gave a hidden state that holds no numbers")
        left = self._heads.leak ** (max(0.0, situation.now - state.at) / BLOCK)
        sums = [total * left + float(each) for total, each in zip(state.sums, probabilities, strict=True)]
        over = {
            action: place
            for place, action in enumerate(self._heads.actions)
            if sums[place] >= self._heads.thresholds[place]
        }
        first = next((action for action in ORDER if action in over), None)
        if first is None:
            verdict = Verdict("silent", 1.0 - float(probabilities.max()), self.name)
        else:
            verdict = Verdict(first, min(1.0, sums[over[first]]), self.name)
            sums[over[first]] = 0.0
        return verdict, HeadState(stream, tuple(sums), situation.now)


def save_heads(heads: Heads, path: str | Path) -> None:
    """As a safetensors file; what is no tensor stands in its metadata."""
    from safetensors.numpy import save_file

    told = {"actions": list(heads.actions), "thresholds": list(heads.thresholds), "leak": heads.leak}
    tensors = {"weight": heads.weight.astype(np.float32), "bias": heads.bias.astype(np.float32)}
    save_file(tensors, path, {"heads": json.dumps(told)})


def load_heads(path: str | Path, width: int) -> Heads:
    """width: of the hidden states that they are to read. Raises ModelError for a file that is missing, is of another
    kind, or was trained on another model."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            told: Mapping[str, Any] = json.loads((file.metadata() or {})["heads"])
            weight, bias = file.get_tensor("weight"), file.get_tensor("bias")
        actions = tuple(cast(Action, action) for action in told["actions"])
        thresholds = tuple(float(threshold) for threshold in told["thresholds"])
        leak = float(told["leak"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{path} does not hold heads of a decider: {first_line(error)}") from error
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or not len(actions) == len(thresholds) == len(bias):
        raise ModelError(f"{path} holds heads of shapes that do not fit one another: {weight.shape}, {bias.shape}")
    unknown = set(actions) - (set(get_args(Action)) - {"silent"})
    if unknown:
        raise ModelError(f"{path} holds heads of unknown actions: {', '.join(sorted(unknown))}")
    if weight.shape[1] != width:
        raise ModelError(f"{path} reads hidden states of width {weight.shape[1]}, and this model's are {width} wide")
    return Heads(weight, bias, actions, thresholds, leak)

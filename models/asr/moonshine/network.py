"""Moonshine's two networks in ONNX Runtime: sound to states, and states to tokens, greedily, with a draft.

Jeffries et al. (2024), "Moonshine: Speech recognition for live transcription and voice commands". Sound of any length
is encoded as long as it is, and nothing is padded.

A growing utterance is decoded again and again, and mostly says the same. So the tokens of the pass before are a draft:
they are fed in one run, and the run's own choices say how many of them hold. That is speculative decoding (Leviathan,
Kalman and Matias 2023, with greedy choices): the tokens are those of decoding one by one, at a fraction of the runs.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from duplex.models.asr.moonshine.folding import open_folded
from duplex.models.asr.moonshine.tokens import END, START
from duplex.streaming.errors import ModelError, first_line

ENCODER, DECODER = "encoder_model.ort", "decoder_model_merged.ort"
SHORTEST = 1600
"""Samples; the encoder's convolutions refuse less than their receptive field."""

_RESUME = 6  # tokens of the draft that are tried behind a place where it did not hold
_JOIN = 4  # tokens of the draft among which the one that was chosen instead is looked for


class Bias(Protocol):
    """Raises the scores of tokens by what was chosen before."""

    def apply(self, logits: np.ndarray, chosen: Sequence[int]) -> None:
        """Adds to `logits`, (vocabulary,), in place."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """tokens: without start and end. chances: log-probability of each. attention: (tokens, layers, heads, frames), the
    weights with which each token was chosen. ended: the model said that there is no more; else the limit was reached.
    """

    tokens: list[int]
    chances: list[float]
    attention: np.ndarray
    ended: bool


class Network:
    """Both sessions. Any number of threads may use it at once; each run stays on the thread that calls.

    folder: with encoder_model.ort and decoder_model_merged.ort. Raises ModelError.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._encoder, self._decoder = open_folded(folder, ENCODER, DECODER)
        except ImportError as error:
            raise ModelError(f"{folder}: Moonshine needs onnxruntime: pip install onnxruntime") from error
        except Exception as error:  # ONNX Runtime has a class of its own for each cause
            raise ModelError(f"{folder}: not the networks of Moonshine: {first_line(error)}") from error
        self._masked = len(self._encoder.get_inputs()) > 1
        inputs = {spec.name: spec.shape for spec in self._decoder.get_inputs()}
        self._decoder_masked = "encoder_attention_mask" in inputs
        self._past = {name: shape for name, shape in inputs.items() if name.startswith("past_key_values")}
        self._attention = [spec.name for spec in self._decoder.get_outputs() if spec.name.startswith("attention.")]
        self._outputs = ["logits", *(_present(name) for name in self._past), *self._attention]

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """samples: (n,) float32 at 16 kHz, n ≥ SHORTEST. Returns states, (1, frames, width)."""
        feeds = {"input_values": samples[None]}
        if self._masked:
            feeds["attention_mask"] = np.ones((1, len(samples)), np.int64)
        (states,) = self._encoder.run(None, feeds)
        return states

    def decode(
        self, states: np.ndarray, samples: int, limit: int, draft: Sequence[int] = (), bias: Bias | None = None
    ) -> Decoded:
        """Tokens of the states of so many samples, at most `limit`. draft: tokens that are expected."""
        chosen: list[int] = []
        chances: list[float] = []
        attention: list[np.ndarray] = []
        guess = list(draft[: limit - 1])
        cache: dict[str, np.ndarray] | None = None
        pending = [START, *guess]
        ended = False
        while True:
            logits, cache, weights = self._run(pending, states, samples, cache)
            accepted = 0
            for row in logits:
                if bias is not None:
                    bias.apply(row, chosen)
                best = int(row.argmax())
                attention.append(weights[accepted])
                accepted += 1
                if best == END:
                    ended = True
                    break
                chosen.append(best)
                chances.append(float(row[best] - _log_sum_exp(row)))
                if len(chosen) >= limit or accepted == len(pending) or pending[accepted] != best:
                    break
            if ended or len(chosen) >= limit:
                break
            cache = _cut(cache, len(pending) - accepted)
            guess = _behind(chosen[-1], guess[accepted - 1 :])
            pending = [chosen[-1], *guess[: min(_RESUME, limit - len(chosen) - 1)]]
        return Decoded(chosen, chances, np.stack(attention[: len(chosen)]) if chosen else weights[:0], ended)

    def _run(
        self, tokens: list[int], states: np.ndarray, samples: int, cache: dict[str, np.ndarray] | None
    ) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
        """Logits, (tokens, vocabulary), the cache behind the tokens, and attention, (tokens, layers, heads, frames)."""
        feeds: dict[str, Any] = {
            "input_ids": np.array([tokens], np.int64),
            "encoder_hidden_states": states,
            "use_cache_branch": np.array([cache is not None]),
        }
        if self._decoder_masked:
            feeds["encoder_attention_mask"] = np.ones((1, samples), np.int64)
        feeds |= cache or {name: np.zeros((1, shape[1], 0, shape[3]), np.float32) for name, shape in self._past.items()}
        out = dict(zip(self._outputs, self._decoder.run(self._outputs, feeds), strict=True))
        # The encoder's part is made by the first run; the further ones pass on nothing of use.
        after = {
            name: out[_present(name)] if cache is None or ".decoder." in name else cache[name] for name in self._past
        }
        weights = np.stack([out[name][0] for name in self._attention])
        return out["logits"][0], after, weights.transpose(2, 0, 1, 3)


_shared: weakref.WeakValueDictionary[Path, Network] = weakref.WeakValueDictionary()
_loading = threading.Lock()


def load_network(folder: Path) -> Network:
    """The networks of a folder, shared by all that ask for them while anybody holds them. Raises ModelError."""
    with _loading:
        place = folder.resolve()
        network = _shared.get(place)
        if network is None:
            network = _shared[place] = Network(folder)
        return network


def _present(name: str) -> str:
    return name.replace("past_key_values", "present")


def _cut(cache: dict[str, np.ndarray], drop: int) -> dict[str, np.ndarray]:
    """Without the last `drop` tokens, which did not hold."""
    if not drop:
        return cache
    return {name: array[:, :, :-drop] if ".decoder." in name else array for name, array in cache.items()}


def _behind(token: int, draft: list[int]) -> list[int]:
    """What of the draft may follow: behind the same token, else as if one token had been replaced."""
    near = draft[:_JOIN]
    return draft[near.index(token) + 1 :] if token in near else draft[1:]


def _log_sum_exp(row: np.ndarray) -> float:
    top = row.max()
    return float(top + np.log(np.exp(row - top).sum()))

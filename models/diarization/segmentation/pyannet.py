"""PyanNet as an ONNX graph: who of up to three speakers speaks in a window of some seconds.

Bredin and Laurent (2021), "End-to-end speaker segmentation for overlap-aware resegmentation"; Plaquet and Bredin
(2023), "Powerset multi-class cross entropy loss for neural speaker diarization". Learned band-pass filters (Ravanelli
and Bengio 2018, SincNet) and convolutions, four bidirectional LSTM layers, two linear layers, and one class for each
set of speakers that may speak at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain, combinations

import numpy as np

from duplex.streaming.onnx_writer import OnnxWriter

STEP, REACH = 270, 991
"""Samples at 16 kHz from one frame to the next, and that a frame is made of."""

FILTERS = "sincnet.conv1d.0.filters"
"""The band-pass filters themselves, in weights that were trained further."""

_RATE = 16_000
_LAYERS = 4
_LEAST_HERTZ = 50.0
"""Of a filter's lower edge, and of its band's width."""
_SLOPE = 0.01
_INSIDE = 1e-5
"""Keeps the normalizations from dividing by nothing."""


def powerset(speakers: int, at_once: int) -> tuple[tuple[int, ...], ...]:
    """The speakers of each class: all sets of up to so many of them."""
    return tuple(chain.from_iterable(combinations(range(speakers), size) for size in range(at_once + 1)))


@cache
def sets(classes: int) -> tuple[tuple[int, ...], ...]:
    """Of a network with so many classes: three speakers, two at once, as published, or four, three at once. Raises
    KeyError for others."""
    return {len(each): each for each in (powerset(3, 2), powerset(4, 3))}[classes]


def graph(tensors: Mapping[str, np.ndarray]) -> bytes:
    """A model from `samples` (windows, 1, samples) to `classes` (frames, windows, sets), probabilities.

    tensors: of the published checkpoint. Raises KeyError if they are another network's.
    """
    made = OnnxWriter()
    norm = [tensors[f"sincnet.wav_norm1d.{part}"] for part in ("weight", "bias")]
    x = made.node("InstanceNormalization", "samples", *norm, epsilon=_INSIDE)
    x = made.node("Conv", x, filters(tensors), strides=[10])
    x = made.node("Abs", x)
    for layer in range(3):
        if layer:
            kernel = [tensors[f"sincnet.conv1d.{layer}.{part}"] for part in ("weight", "bias")]
            x = made.node("Conv", x, *kernel)
        x = made.node("MaxPool", x, kernel_shape=[3], strides=[3])
        norm = [tensors[f"sincnet.norm1d.{layer}.{part}"] for part in ("weight", "bias")]
        x = made.node("InstanceNormalization", x, *norm, epsilon=_INSIDE)
        x = made.node("LeakyRelu", x, alpha=_SLOPE)
    x = made.node("Transpose", x, perm=[2, 0, 1])
    for layer in range(_LAYERS):
        x = made.node("LSTM", x, *_lstm(tensors, layer), hidden_size=128, direction="bidirectional")
        x = made.node("Transpose", x, perm=[0, 2, 1, 3])
        x = made.node("Reshape", x, made.integers(0, 0, -1))
    for layer in range(2):
        x = _linear(made, x, tensors, f"linear.{layer}")
        x = made.node("LeakyRelu", x, alpha=_SLOPE)
    made.node("Softmax", _linear(made, x, tensors, "classifier"), axis=-1, name="classes")
    return made.model(["samples"], ["classes"])


def filters(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """(80, 1, 251), the band-pass filters of a checkpoint."""
    return tensors[FILTERS] if FILTERS in tensors else sinc_filters(tensors)


def sinc_filters(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """(80, 1, 251): 40 band-pass filters and the same a quarter of a turn later, windowed, of equal gain."""
    bank = "sincnet.conv1d.0.filterbank"
    low = _LEAST_HERTZ + np.abs(tensors[f"{bank}.low_hz_"].astype(np.float64))
    high = np.clip(low + _LEAST_HERTZ + np.abs(tensors[f"{bank}.band_hz_"]), _LEAST_HERTZ, _RATE / 2)
    half = tensors[f"{bank}.window_"].size
    time = 2 * np.pi * np.arange(-half, 0) / _RATE
    window = tensors[f"{bank}.window_"].reshape(1, half) / (time / 2)
    even = (np.sin(high * time) - np.sin(low * time)) * window
    odd = (np.cos(low * time) - np.cos(high * time)) * window
    middle = 2 * (high - low)
    cosines = np.concatenate([even, middle, even[:, ::-1]], axis=1)
    sines = np.concatenate([odd, np.zeros_like(middle), -odd[:, ::-1]], axis=1)
    return (np.concatenate([cosines, sines]) / np.tile(middle, (2, 1)))[:, None].astype(np.float32)


def _lstm(tensors: Mapping[str, np.ndarray], layer: int) -> list[np.ndarray]:
    """Weights of the input, of the state, and biases, both directions; gates in the order of ONNX."""

    def gates(kind: str) -> np.ndarray:
        parts = [tensors[f"lstm.{kind}_l{layer}{end}"] for end in ("", "_reverse")]
        # input, forget, cell, output there; input, output, forget, cell here
        return np.stack([np.concatenate([part[0:128], part[384:512], part[128:384]]) for part in parts])

    biases = np.concatenate([gates("bias_ih"), gates("bias_hh")], axis=1)
    return [gates("weight_ih"), gates("weight_hh"), biases]


def _linear(made: OnnxWriter, x: str, tensors: Mapping[str, np.ndarray], name: str) -> str:
    x = made.node("MatMul", x, np.ascontiguousarray(tensors[f"{name}.weight"].T))
    return made.node("Add", x, tensors[f"{name}.bias"])

"""CAM++ as an ONNX graph: the voice of a stretch of speech as a vector.

Wang et al. (2023), "CAM++: A fast and efficient network for speaker verification using context-aware masking". A
two-dimensional convolutional head, then densely connected time-delay layers, each masked by what its surroundings of
2 s and the whole stretch sound like; mean and deviation over time; a linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from duplex.streaming.onnx_writer import OnnxWriter

MELS = 80
WIDTH = 192
"""Of an embedding."""

_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers, and the dilation of their convolutions."""
_SEGMENT = 100
"""Frames of 20 ms of a mask's surroundings."""
_INSIDE = 1e-5

Tensors = Mapping[str, np.ndarray]


def graph(tensors: Tensors) -> bytes:
    """A model from `features` (stretches, frames, 80) to `embeddings` (stretches, 192).

    Its inputs `average` and `spread` are those of `surroundings`: operators that depend on the length are kept out of
    the graph. tensors: of the published checkpoint. Raises KeyError if they are another network's.
    """
    made = OnnxWriter()
    x = made.node("Transpose", "features", perm=[0, 2, 1])
    x = made.node("Unsqueeze", x, made.integers(1))
    x = _head(made, x, tensors)
    x = _relu(made, made.node("Conv", x, *_folded(tensors, "xvector.tdnn.linear", "xvector.tdnn.nonlinear"),
                              strides=[2], pads=[2, 2]))  # fmt: skip
    for number, (layers, dilation) in enumerate(_BLOCKS, 1):
        for layer in range(1, layers + 1):
            x = made.node(
                "Concat", x, _dense(made, x, tensors, f"xvector.block{number}.tdnnd{layer}", dilation), axis=1
            )
        name = f"xvector.transit{number}"
        x = _norm_relu(made, x, tensors, f"{name}.nonlinear.batchnorm")
        x = made.node("Conv", x, tensors[f"{name}.linear.weight"])
    x = _norm_relu(made, x, tensors, "xvector.out_nonlinear.batchnorm")
    x = made.node("Conv", _statistics(made, x), *_folded(tensors, "xvector.dense.linear", "xvector.dense.nonlinear"))
    made.node("Squeeze", x, made.integers(2), name="embeddings")
    return made.model(["features", "average", "spread"], ["embeddings"])


def surroundings(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """`average` (steps, segments), the mean of each segment and of all added up, and `spread` (segments, steps), which
    says what segment a step lies in; a step is two feature frames."""
    steps = (frames + 1) // 2
    segment = np.arange(steps) // _SEGMENT
    spread = (segment == np.arange(segment[-1] + 1)[:, None]).astype(np.float32)
    average = (spread / spread.sum(axis=1, keepdims=True) + 1 / steps).T
    return np.ascontiguousarray(average, np.float32), spread


def _head(made: OnnxWriter, x: str, tensors: Tensors) -> str:
    """(stretches, 1, mels, frames) to (stretches, 320, frames)."""

    def convolve(x: str, name: str, norm: str, stride: int, reach: int = 1) -> str:
        pads = [reach, reach, reach, reach]
        return made.node(
            "Conv", x, *_folded(tensors, f"head.{name}", f"head.{norm}", ""), strides=[stride, 1], pads=pads
        )

    x = _relu(made, convolve(x, "conv1", "bn1", 1))
    for layer in ("layer1", "layer2"):
        for place, stride in ((f"{layer}.0", 2), (f"{layer}.1", 1)):
            inner = _relu(made, convolve(x, f"{place}.conv1", f"{place}.bn1", stride))
            inner = convolve(inner, f"{place}.conv2", f"{place}.bn2", 1)
            around = convolve(x, f"{place}.shortcut.0", f"{place}.shortcut.1", stride, 0) if stride > 1 else x
            x = _relu(made, made.node("Add", inner, around))
    x = _relu(made, convolve(x, "conv2", "bn2", 2))
    return made.node("Reshape", x, made.integers(0, 320, -1))


def _dense(made: OnnxWriter, x: str, tensors: Tensors, name: str, dilation: int) -> str:
    """A layer's 32 new channels."""
    x = _norm_relu(made, x, tensors, f"{name}.nonlinear1.batchnorm")
    x = _relu(made, made.node("Conv", x, *_folded(tensors, f"{name}.linear1", f"{name}.nonlinear2")))
    local = f"{name}.cam_layer.linear_local.weight"
    heard = made.node("Conv", x, tensors[local], dilations=[dilation], pads=[dilation, dilation])
    # All steps of a segment have the same mask, so it is computed once for each.
    mask = made.node("MatMul", x, "average")
    for part in ("linear1", "linear2"):
        mask = made.node("Conv", mask, *(tensors[f"{name}.cam_layer.{part}.{kind}"] for kind in ("weight", "bias")))
        mask = made.node("Relu" if part == "linear1" else "Sigmoid", mask)
    return made.node("Mul", heard, made.node("MatMul", mask, "spread"))


def _statistics(made: OnnxWriter, x: str) -> str:
    """Mean and unbiased deviation over time, (stretches, 1024, 1)."""
    mean = made.node("ReduceMean", x, axes=[2])
    away = made.node("Sub", x, mean)
    total = made.node("ReduceSum", made.node("Mul", away, away), made.integers(2))
    steps = made.node("Gather", made.node("Shape", x), made.integers(2))
    freedom = made.node("Cast", made.node("Sub", steps, made.integers(1)), to=1)
    return made.node("Concat", mean, made.node("Sqrt", made.node("Div", total, freedom)), axis=1)


def _folded(tensors: Tensors, linear: str, norm: str, inner: str = ".batchnorm") -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a convolution and the normalization behind it as one."""
    scale, shift = _scale_and_shift(tensors, norm + inner)
    weight = tensors[f"{linear}.weight"]
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), shift


def _norm_relu(made: OnnxWriter, x: str, tensors: Tensors, norm: str) -> str:
    scale, shift = (part[:, None] for part in _scale_and_shift(tensors, norm))
    return _relu(made, made.node("Add", made.node("Mul", x, scale), shift))


def _scale_and_shift(tensors: Tensors, norm: str) -> tuple[np.ndarray, np.ndarray]:
    mean = tensors[f"{norm}.running_mean"]
    scale = tensors.get(f"{norm}.weight", np.float32(1)) / np.sqrt(tensors[f"{norm}.running_var"] + _INSIDE)
    return scale, tensors.get(f"{norm}.bias", np.float32(0)) - mean * scale


def _relu(made: OnnxWriter, x: str) -> str:
    return made.node("Relu", x)

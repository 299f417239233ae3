"""Writes networks as ONNX graphs, with int8 weights or as they are."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from duplex.streaming.onnx import quantize


def write_graph(
    module: nn.Module,
    arguments: tuple[torch.Tensor, ...],
    inputs: Mapping[str, Mapping[int, str]],
    outputs: Mapping[str, Mapping[int, str]],
    path: Path,
    quantized: bool,
) -> None:
    """Traces `module` with `arguments`. inputs, outputs: names, and of each the axes whose length varies.

    Needs `onnx` (extra: train).
    """
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(scratch) / "plain.onnx"
        torch.onnx.export(
            module.eval(),
            arguments,
            str(plain),
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={**inputs, **outputs},
        )
        if quantized:
            quantize(plain, path)
        else:
            shutil.copyfile(plain, path)

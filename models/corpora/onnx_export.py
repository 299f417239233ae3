"""Writes networks of PyTorch as graphs for ONNX Runtime: as they are, with int8 weights, or with halved ones.

Needs `onnx` (extra: train).
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from duplex.streaming.onnx import quantize

HALVED = 256
"""Values from which a tensor is stored in half precision; smaller ones are not worth a cast."""


def write_graph(
    module: nn.Module,
    arguments: tuple[torch.Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
    *,
    axes: Mapping[str, Mapping[int, str]] | None = None,
    weights: Literal["float32", "float16", "int8"] = "float32",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Traces `module` with `arguments`. axes: of tensors, those whose length varies, with a name; tensors
    of other graphs may be among them. metadata: what the file says of itself, instead of what the exporter writes."""
    axes = axes or {}
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(scratch) / "plain.onnx"
        # The tracing exporter keeps a recurrent layer as one operator; the newer one unrolls it into hundreds.
        torch.onnx.export(
            module.eval(),
            arguments,
            str(plain),
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: axes[name] for name in (*inputs, *outputs) if name in axes},
        )
        if weights == "int8":
            quantize(plain, path)
        else:
            shutil.copyfile(plain, path)
    if weights == "float16" or metadata is not None:
        import onnx

        graph = onnx.load(str(path))
        if weights == "float16":
            halve(graph)
        if metadata is not None:
            del graph.metadata_props[:]
            for key, value in metadata.items():
                graph.metadata_props.add(key=key, value=value)
        onnx.save(graph, str(path))


def halve(graph: Any) -> None:
    """Large weights in half precision, each with a cast that the runtime folds away when it opens the graph."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > HALVED:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)

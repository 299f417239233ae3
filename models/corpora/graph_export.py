"""Writes a network of PyTorch as a graph for ONNX Runtime, weights in half precision. Needs `onnx` (extra: train)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn


def write_graph(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
    metadata: Mapping[str, str],
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """axes: of inputs and outputs, those that have any length, with a name. metadata: what the file says of itself."""
    memory = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The tracing exporter keeps a recurrent layer as one operator; the newer one unrolls it into hundreds.
        torch.onnx.export(
            module.eval(),
            arguments,
            memory,
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dict(axes or {}),
        )
    graph = onnx.load_from_string(memory.getvalue())
    halve(graph)
    del graph.metadata_props[:]
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=value)
    onnx.save(graph, str(path))


def halve(graph: onnx.ModelProto) -> None:
    """Large weights in half precision, each with a cast that the runtime folds away when it opens the graph."""
    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 256:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)

"""The constants of a published ONNX graph as parameters: the network can be trained further and then runs as before."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from duplex.models.corpora.onnx_export import halve
from duplex.streaming.errors import ModelError, first_line


class PublishedGraph(nn.Module):
    """All but scalars may be learned. graph: as published, or as `written` made it. Raises ModelError."""

    def __init__(self, graph: bytes) -> None:
        super().__init__()
        try:
            self.model = onnx.load_from_string(graph)
        except Exception as error:  # protobuf has errors of its own
            raise ModelError(f"a part of the network cannot be read: {first_line(error)}") from None
        _gather(self.model)
        for each in self.model.graph.initializer:
            value = torch.from_numpy(np.array(numpy_helper.to_array(each)))
            if value.is_floating_point() and value.ndim:
                self.register_parameter(_key(each.name), nn.Parameter(value))
            else:
                self.register_buffer(_key(each.name), value, persistent=False)

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, _key(name))

    def written(self) -> bytes:
        """The graph with what was learned, large weights in half precision."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        learned = dict(self.named_parameters())
        for each in model.graph.initializer:
            if (value := learned.get(_key(each.name))) is not None:
                each.CopyFrom(numpy_helper.from_array(value.detach().cpu().numpy(), each.name))
        halve(model)
        return model.SerializeToString()


def gru(found: Tensor, inner: Tensor, outer: Tensor, bias: Tensor) -> Tensor:
    """(N, steps, in) -> (N, steps, out), of both directions if there are two; weights as ONNX's operator takes them."""
    directions, hidden = inner.shape[0], outer.shape[-1]
    places = torch.arange(3 * hidden, device=found.device)
    order = torch.cat([places[hidden : 2 * hidden], places[:hidden], places[2 * hidden :]])  # there the update is first
    weights = []
    for way in range(directions):
        one, two = bias[way].chunk(2)
        weights += [inner[way][order], outer[way][order], one[order], two[order]]
    rest = found.new_zeros(directions, found.shape[0], hidden)
    return torch.gru(found, rest, weights, True, 1, 0.0, False, directions == 2, True)[0]


def _gather(model: onnx.ModelProto) -> None:
    """Constants that nodes hold become initializers, and so do those that `halve` stored with a cast."""
    graph = model.graph
    known = {each.name: each for each in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].t.dims:
            value = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Cast" and node.input[0] in known:
            half = known[node.input[0]]
            value = numpy_helper.to_array(half).astype(np.float32)
            graph.initializer.remove(half)
        else:
            kept.append(node)
            continue
        graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)


def _key(name: str) -> str:
    return name.replace(".", "-")  # a module takes no dots in the names of its parameters

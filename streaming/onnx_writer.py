"""Writes an ONNX graph without the `onnx` package: how a network whose weights are only a table of tensors gets to run.

Field numbers: onnx.proto of the ONNX project, of which this knows nodes, weights in float32 and int64, and inputs and
outputs in float32 of any shape.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import numpy as np

from duplex.streaming.onnx_graph import FLOAT, INT64
from duplex.streaming.protobuf import BYTES, FIXED32, VARINT, Field, field, pieces

Attribute = int | float | str | Sequence[int]

_IR, _OPSET = 8, 17
"""Versions of the format and of the operators that are written, those of 2022."""

_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}


class OnnxWriter:
    """A graph as it grows: tensors are named by what `constant` and `node` return."""

    def __init__(self) -> None:
        self._graph: list[Field] = [(2, BYTES, b"graph")]
        self._made = 0

    def constant(self, array: np.ndarray) -> str:
        """A weight, float32 or int64."""
        name = self._name()
        tensor: list[Field] = [(1, VARINT, size) for size in array.shape]
        tensor += [(2, VARINT, _TYPES[array.dtype]), (8, BYTES, name.encode()), (9, BYTES, array.tobytes())]
        self._graph.append((5, BYTES, pieces(tensor)))
        return name

    def integers(self, *values: int) -> str:
        """A constant of axes, sizes or places."""
        return self.constant(np.array(values, np.int64))

    def node(self, op: str, *inputs: str | np.ndarray, name: str = "", **attributes: Attribute) -> str:
        """A node's first output. inputs: tensors, or arrays that become constants; "" for one left out. name: of the
        output, where it is one of the graph's."""
        output = name or self._name()
        read = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        message: list[Field] = [(1, BYTES, each.encode()) for each in read]
        message += [(2, BYTES, output.encode()), (4, BYTES, op.encode())]
        message += [(5, BYTES, _attribute(key, value)) for key, value in attributes.items()]
        self._graph.append((1, BYTES, pieces(message)))
        return output

    def model(self, inputs: Iterable[str], outputs: Iterable[str]) -> bytes:
        """The finished file."""
        ends = [(11, name) for name in inputs] + [(12, name) for name in outputs]
        graph = [*self._graph, *((number, BYTES, _value(name)) for number, name in ends)]
        opset = field(1, b"") + field(2, _OPSET)
        return b"".join(pieces([(1, VARINT, _IR), (8, BYTES, opset), (7, BYTES, pieces(graph))]))

    def _name(self) -> str:
        self._made += 1
        return f"t{self._made}"


def _value(name: str) -> bytes:
    """ValueInfoProto of a tensor of floats."""
    return field(1, name.encode()) + field(2, field(1, field(1, FLOAT)))


def _attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto, whose field 20 says which of the others holds the value."""
    content: list[Field]
    if isinstance(value, str):
        content, kind = [(4, BYTES, value.encode())], 3
    elif isinstance(value, float):
        content, kind = [(2, FIXED32, struct.pack("<f", value))], 1
    elif isinstance(value, int):
        content, kind = [(3, VARINT, value)], 2
    else:
        content, kind = [(8, VARINT, each) for each in value], 7
    return b"".join(pieces([(1, BYTES, name.encode()), *content, (20, VARINT, kind)]))

"""Recurrent graphs for whole sequences, changed so that a sequence may be fed in parts.

Such a graph begins each sequence with recurrences at rest and with silence before it. Two changes to its nodes bring
both out: a GRU takes its first state from an input of the graph and its last becomes an output; and padding goes, so
that whoever feeds the graph gives it the frames before. The numbers are those of the fields in onnx.proto3.
"""

from __future__ import annotations

from duplex.streaming.protobuf import BYTES, Field, field, fields, messages, pieces

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE = 1, 2, 4
_FIRST_STATE, _LAST_STATE = 5, 1  # among the inputs and outputs of ONNX's GRU
_FLOAT = 1


def streamed(model: bytes) -> tuple[bytes, int]:
    """The model with inputs `state.0`, … and outputs `next.0`, … of its GRUs, (1, 1, hidden), and their count.

    Outputs come last, in that order. Raises ValueError if it has none, or is no model.
    """
    count = 0
    made: list[Field] = []
    for number, kind, value in fields(memoryview(model)):
        if number == _MODEL_GRAPH and isinstance(value, memoryview):
            value, count = _graph(value)
        made.append((number, kind, value))
    if not count:
        raise ValueError("its graph has no recurrences")
    return b"".join(pieces(made)), count


def _graph(graph: memoryview) -> tuple[list[bytes | memoryview], int]:
    count = 0
    made: list[Field] = []
    for number, kind, value in fields(graph):
        if number == _GRAPH_NODE and isinstance(value, memoryview):
            match _type_of(value):
                case b"GRU":
                    value = _stateful(value, count)
                    count += 1
                case b"Pad":
                    value = _unpadded(value)
        made.append((number, kind, value))
    for index in range(count):
        made.append((_GRAPH_INPUT, BYTES, _tensor(f"state.{index}")))
        made.append((_GRAPH_OUTPUT, BYTES, _tensor(f"next.{index}")))
    return pieces(made), count


def _stateful(node: memoryview, index: int) -> list[bytes | memoryview]:
    made: list[Field] = []
    seen = {_NODE_INPUT: 0, _NODE_OUTPUT: 0}
    renamed = {(_NODE_INPUT, _FIRST_STATE): f"state.{index}", (_NODE_OUTPUT, _LAST_STATE): f"next.{index}"}
    for number, kind, value in fields(node):
        if number in seen:
            name = renamed.pop((number, seen[number]), None)
            value = value if name is None else name.encode()
            seen[number] += 1
        made.append((number, kind, value))
    if renamed:
        raise ValueError("one of its recurrences has no first or no last state")
    return pieces(made)


def _unpadded(node: memoryview) -> list[bytes | memoryview]:
    """An Identity in place of a Pad: the first of its inputs, no attributes."""
    inputs = [value for number, value in messages(node) if number == _NODE_INPUT]
    outputs = [value for number, value in messages(node) if number == _NODE_OUTPUT]
    kept: list[Field] = [(_NODE_INPUT, BYTES, inputs[0]), (_NODE_OUTPUT, BYTES, outputs[0])]
    return pieces([*kept, (_NODE_TYPE, BYTES, b"Identity")])


def _tensor(name: str) -> bytes:
    """ValueInfoProto: a tensor of floats, of any shape."""
    return field(1, name.encode()) + field(2, field(1, field(1, _FLOAT)))


def _type_of(node: memoryview) -> bytes:
    return next((bytes(value) for number, value in messages(node) if number == _NODE_TYPE), b"")

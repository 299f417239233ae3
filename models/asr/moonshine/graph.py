"""Makes a decoder's cross-attention an output of its graph, which its word times are read from.

The published decoder is one `If` node with a branch for the first step and one for all further ones. Neither gives its
attention away. An ONNX file is a Protocol Buffer (onnx.proto3 of the ONNX project), so that this takes no more than a
few fields put into three of its messages; their numbers are those of that file.
"""

from __future__ import annotations

from duplex.streaming.protobuf import BYTES, Field, field, fields, messages, pieces

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_OUTPUT = 1, 2, 12
_NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 2, 4, 5
_ATTRIBUTE_GRAPH = 6
_FLOAT = 1


def with_attention(model: bytes) -> tuple[bytes, int]:
    """The model with outputs `attention.0`, … of shape (batch, heads, tokens, frames), and their count.

    Raises ValueError if it is no decoder of that kind.
    """
    count = 0
    made: list[Field] = []
    for number, kind, value in fields(memoryview(model)):
        if number == _MODEL_GRAPH and isinstance(value, memoryview):
            value, count = _main_graph(value)
        made.append((number, kind, value))
    if not count:
        raise ValueError("its graph has no branches with cross-attention")
    return b"".join(pieces(made)), count


def _main_graph(graph: memoryview) -> tuple[list[bytes | memoryview], int]:
    count = 0
    made: list[Field] = []
    for number, kind, value in fields(graph):
        if number == _GRAPH_NODE and isinstance(value, memoryview) and _type_of(value) == b"If":
            value, count = _branching(value)
        made.append((number, kind, value))
    made += [(_GRAPH_OUTPUT, BYTES, _tensor(f"attention.{layer}")) for layer in range(count)]
    return pieces(made), count


def _branching(node: memoryview) -> tuple[list[bytes | memoryview], int]:
    """The `If` node: its branches put out the same number of tensors."""
    counts = set()
    made: list[Field] = []
    for number, kind, value in fields(node):
        if number == _NODE_ATTRIBUTE and isinstance(value, memoryview):
            attribute: list[Field] = []
            for inner, inner_kind, content in fields(value):
                if inner == _ATTRIBUTE_GRAPH and isinstance(content, memoryview):
                    content, found = _branch(content)
                    counts.add(found)
                attribute.append((inner, inner_kind, content))
            value = pieces(attribute)
        made.append((number, kind, value))
    if len(counts) != 1:
        raise ValueError("its branches do not have the same layers")
    count = counts.pop()
    made += [(_NODE_OUTPUT, BYTES, f"attention.{layer}".encode()) for layer in range(count)]
    return pieces(made), count


def _branch(graph: memoryview) -> tuple[list[bytes | memoryview], int]:
    """A branch in which every second Softmax, that of the cross-attention, is an output."""
    weights: list[bytes] = []
    for number, value in messages(graph):
        if number == _GRAPH_NODE and _type_of(value) == b"Softmax":
            weights += [bytes(content) for inner, content in messages(value) if inner == _NODE_OUTPUT]
    if len(weights) % 2:
        raise ValueError("its layers do not have two attentions each")
    cross = weights[1::2]
    # ONNX Runtime writes branches without the name that it asks for when it reads them.
    added: list[Field] = [(_GRAPH_NAME, BYTES, b"branch")]
    added += [(_GRAPH_OUTPUT, BYTES, _tensor(name.decode())) for name in cross]
    return [graph, *pieces(added)], len(cross)


def _tensor(name: str) -> bytes:
    """ValueInfoProto: a tensor of floats, of any shape."""
    return field(1, name.encode()) + field(2, field(1, field(1, _FLOAT)))


def _type_of(node: memoryview) -> bytes:
    return next((bytes(value) for number, value in messages(node) if number == _NODE_TYPE), b"")

"""Makes a decoder's cross-attention an output of its graph, which its word times are read from.

The published decoder is one `If` node with a branch for the first step and one for all further ones. Neither gives its
attention away. An ONNX file is a Protocol Buffer (onnx.proto3 of the ONNX project), so that this takes no more than a
few fields put into three of its messages; their numbers are those of that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_OUTPUT = 1, 2, 12
_NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 2, 4, 5
_ATTRIBUTE_GRAPH = 6
_FLOAT = 1

Field = tuple[int, int, "int | bytes | memoryview | list[bytes | memoryview]"]
"""Number, wire type, value: a message is bytes, or the pieces that it will be joined from."""


def with_attention(model: bytes) -> tuple[bytes, int]:
    """The model with outputs `attention.0`, … of shape (batch, heads, tokens, frames), and their count.

    Raises ValueError if it is no decoder of that kind.
    """
    count = 0
    fields: list[Field] = []
    for number, kind, value in _fields(memoryview(model)):
        if number == _MODEL_GRAPH:
            value, count = _main_graph(value)
        fields.append((number, kind, value))
    if not count:
        raise ValueError("its graph has no branches with cross-attention")
    return b"".join(_pieces(fields)), count


def _main_graph(graph: memoryview) -> tuple[list[bytes | memoryview], int]:
    count = 0
    fields: list[Field] = []
    for number, kind, value in _fields(graph):
        if number == _GRAPH_NODE and _type_of(value) == b"If":
            value, count = _branching(value)
        fields.append((number, kind, value))
    fields += [(_GRAPH_OUTPUT, _BYTES, _tensor(f"attention.{layer}")) for layer in range(count)]
    return _pieces(fields), count


def _branching(node: memoryview) -> tuple[list[bytes | memoryview], int]:
    """The `If` node: its branches put out the same number of tensors."""
    counts = set()
    fields: list[Field] = []
    for number, kind, value in _fields(node):
        if number == _NODE_ATTRIBUTE:
            attribute: list[Field] = []
            for inner, inner_kind, content in _fields(value):
                if inner == _ATTRIBUTE_GRAPH:
                    content, found = _branch(content)
                    counts.add(found)
                attribute.append((inner, inner_kind, content))
            value = _pieces(attribute)
        fields.append((number, kind, value))
    if len(counts) != 1:
        raise ValueError("its branches do not have the same layers")
    count = counts.pop()
    fields += [(_NODE_OUTPUT, _BYTES, f"attention.{layer}".encode()) for layer in range(count)]
    return _pieces(fields), count


def _branch(graph: memoryview) -> tuple[list[bytes | memoryview], int]:
    """A branch in which every second Softmax, that of the cross-attention, is an output."""
    weights: list[bytes] = []
    for number, _, value in _fields(graph):
        if number == _GRAPH_NODE and _type_of(value) == b"Softmax":
            weights += [bytes(content) for inner, _, content in _fields(value) if inner == _NODE_OUTPUT]
    if len(weights) % 2:
        raise ValueError("its layers do not have two attentions each")
    cross = weights[1::2]
    # ONNX Runtime writes branches without the name that it asks for when it reads them.
    added: list[Field] = [(_GRAPH_NAME, _BYTES, b"branch")]
    added += [(_GRAPH_OUTPUT, _BYTES, _tensor(name.decode())) for name in cross]
    return [graph, *_pieces(added)], len(cross)


def _tensor(name: str) -> bytes:
    """ValueInfoProto: a tensor of floats, of any shape."""
    elements = b"".join(_pieces([(1, _VARINT, _FLOAT)]))
    kind = b"".join(_pieces([(1, _BYTES, elements)]))
    return b"".join(_pieces([(1, _BYTES, name.encode()), (2, _BYTES, kind)]))


def _type_of(node: memoryview) -> bytes:
    return next((bytes(value) for number, _, value in _fields(node) if number == _NODE_TYPE), b"")


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """The fields of a message in order; a number is given as its bytes on the wire."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind, start = tag & 7, at
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            length, start = _varint(message, at)
            at = start + length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"its file is damaged: wire type {kind}")
        if at > len(message):
            raise ValueError("its file is cut short")
        yield tag >> 3, kind, message[start:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        value |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return value, at
        shift += 7
    raise ValueError("its file is cut short")


def _pieces(fields: Sequence[Field]) -> list[bytes | memoryview]:
    """The message, in pieces that are joined once: its tensors are megabytes."""
    pieces: list[bytes | memoryview] = []
    for number, kind, value in fields:
        pieces.append(_number(number << 3 | kind))
        if isinstance(value, int):
            pieces.append(_number(value))
            continue
        content = value if isinstance(value, list) else [value]
        if kind == _BYTES:
            pieces.append(_number(sum(map(len, content))))
        pieces += content
    return pieces


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])

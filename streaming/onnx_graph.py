"""Cuts an ONNX graph in parts, each a model of its own, without the `onnx` package.

A part is computed on its own: a window at a time, or with noise of the caller's instead of the graph's. Only what is
needed of protobuf is read (field numbers: onnx.proto of the ONNX project); weights are copied as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from duplex.streaming.protobuf import field, fields, messages, pieces

_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_SUBGRAPHS = (6, 11)
"""Fields of an attribute that hold graphs."""

FLOAT, INT64, BOOL = 1, 7, 9
"""Element types."""
TYPES = {"tensor(float)": FLOAT, "tensor(int64)": INT64, "tensor(bool)": BOOL}
"""ONNX Runtime's names of those."""


@dataclass(frozen=True, slots=True)
class Node:
    """inputs: what it reads, those of its subgraphs included; raw: as it stands in the file."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    raw: memoryview


class OnnxGraph:
    """The graph of a serialized model. Raises ValueError for bytes that are none."""

    def __init__(self, model: bytes) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self._initializers: dict[str, memoryview] = {}
        self._around: list[bytes] = []
        self._rest: list[bytes] = []
        found = False
        for number, kind, value in fields(memoryview(model)):
            if number != _GRAPH:
                self._around.append(b"".join(pieces([(number, kind, value)])))
            elif isinstance(value, memoryview):
                found = True
                self._read(value)
        if not found or not self.nodes:
            raise ValueError("there is no graph in it")
        self._producer = {name: index for index, node in enumerate(self.nodes) for name in node.outputs}
        self._declared = frozenset(self.inputs) - self._initializers.keys()

    def _read(self, graph: memoryview) -> None:
        for number, value in messages(graph):
            if number == _NODE:
                self.nodes.append(_node(value))
            elif number == _INITIALIZER:
                self._initializers[_name(value, 8)] = value
            elif number == _INPUT:
                self.inputs.append(_name(value, 1))
            elif number == _OUTPUT:
                self.outputs.append(_name(value, 1))
            elif number != _VALUE_INFO:
                self._rest.append(field(number, value))

    def producer(self, tensor: str) -> Node | None:
        """The node that computes a tensor; None for inputs and weights."""
        index = self._producer.get(tensor)
        return None if index is None else self.nodes[index]

    def depending(self, tensors: Iterable[str]) -> set[str]:
        """The tensors computed from any of these, these included. Nodes stand in topological order, as ONNX asks."""
        known = set(tensors)
        for node in self.nodes:
            if not known.isdisjoint(node.inputs):
                known.update(node.outputs)
        return known

    def frontier(self, given: Iterable[str], wanted: Iterable[str]) -> list[str]:
        """What must be fed, beside what does not depend on the graph's inputs, to compute `wanted` out of `given`."""
        given = set(given)
        inside = self.depending(given)
        varying = self.depending({*self._declared, *given})
        needed = self._needed(wanted, lambda name: name not in given and name in inside)
        read = {name for index in needed for name in self.nodes[index].inputs if name in varying}
        return sorted(name for name in read if name in given or name not in inside)

    def part(self, inputs: Mapping[str, int], outputs: Iterable[str]) -> bytes:
        """A model that computes `outputs` from `inputs` (name to element type, of any shape).

        Raises ValueError where they do not suffice.
        """
        outputs = list(outputs)
        needed = self._needed(outputs, lambda name: name not in inputs)
        nodes = [self.nodes[index] for index in sorted(needed)]
        read = {name for node in nodes for name in node.inputs} - inputs.keys()
        missing = sorted(name for name in read if name in self._declared)
        if missing:
            raise ValueError(f"a part of the graph needs {', '.join(missing)} too")
        graph = [field(_NODE, node.raw) for node in nodes]
        graph += [field(_INITIALIZER, raw) for name, raw in self._initializers.items() if name in read]
        graph += [field(_INPUT, _value(name, kind)) for name, kind in inputs.items()]
        graph += [field(_OUTPUT, field(1, name.encode())) for name in outputs]
        return b"".join([*self._around, field(_GRAPH, b"".join([*self._rest, *graph]))])

    def _needed(self, wanted: Iterable[str], computed: Callable[[str], bool]) -> set[int]:
        """Indices of the nodes before `wanted`; a tensor that is not `computed` is where the search ends, unless it is
        a constant."""
        varying = self.depending(self._declared)
        needed: set[int] = set()
        open_ = list(wanted)
        while open_:
            name = open_.pop()
            index = self._producer.get(name)
            if index is None or index in needed or not (computed(name) or name not in varying):
                continue
            needed.add(index)
            open_ += self.nodes[index].inputs
        return needed


def _node(raw: memoryview) -> Node:
    inputs, outputs, op = [], [], ""
    for number, value in messages(raw):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            op = _text(value)
        elif number == 5:
            inputs += _captured(value)
    return Node(op, tuple(name for name in inputs if name), tuple(name for name in outputs if name), raw)


def _captured(attribute: memoryview) -> Iterator[str]:
    """Names that the subgraphs of an attribute read, from outside or inside of them."""
    for number, value in messages(attribute):
        if number in _SUBGRAPHS:
            for inner, item in messages(value):
                if inner == _NODE:
                    yield from _node(item).inputs


def _value(name: str, kind: int) -> bytes:
    """ValueInfoProto of a tensor of any shape."""
    return field(1, name.encode()) + field(2, field(1, field(1, kind)))


def _name(message: memoryview, number: int) -> str:
    for found, value in messages(message):
        if found == number:
            return _text(value)
    return ""


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8", "replace")

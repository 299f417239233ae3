from __future__ import annotations

import numpy as np

from duplex.streaming.onnx import session
from duplex.streaming.onnx_graph import OnnxGraph
from duplex.streaming.onnx_writer import OnnxWriter


def test_a_written_graph_computes() -> None:
    rng = np.random.default_rng(0)
    weight, bias = rng.standard_normal((4, 3)).astype(np.float32), rng.standard_normal(3).astype(np.float32)
    made = OnnxWriter()
    x = made.node("Add", made.node("MatMul", "x", weight), bias)
    x = made.node("LeakyRelu", x, alpha=0.25)
    x = made.node("Transpose", x, perm=[1, 0])
    x = made.node("Reshape", x, made.integers(-1))
    made.node("Softmax", x, axis=-1, name="y")
    model = made.model(["x"], ["y"])
    given = rng.standard_normal((5, 4)).astype(np.float32)
    (found,) = session(model).run(None, {"x": given})
    raw = given @ weight + bias
    flat = np.where(raw > 0, raw, 0.25 * raw).T.ravel()
    np.testing.assert_allclose(found, np.exp(flat) / np.exp(flat).sum(), rtol=1e-5)


def test_texts_are_attributes_too() -> None:
    made = OnnxWriter()
    made.node("Pad", "x", made.integers(0, 2), mode="edge", name="y")
    (found,) = session(made.model(["x"], ["y"])).run(None, {"x": np.array([1, 2], np.float32)})
    np.testing.assert_array_equal(found, [1, 2, 2, 2])


def test_what_is_written_can_be_read_again() -> None:
    made = OnnxWriter()
    made.node("Relu", "x", name="y")
    graph = OnnxGraph(made.model(["x"], ["y"]))
    assert (graph.inputs, graph.outputs, [node.op for node in graph.nodes]) == (["x"], ["y"], ["Relu"])

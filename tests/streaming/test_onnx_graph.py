from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.onnx import session
from duplex.streaming.onnx_graph import FLOAT, INT64, OnnxGraph

VOICE = Path(__file__).resolve().parents[1] / "data" / "voices" / "tiny.onnx"


@pytest.fixture(scope="module")
def graph() -> OnnxGraph:
    return OnnxGraph(VOICE.read_bytes())


def test_inputs_and_outputs_are_those_of_the_file(graph):
    whole = session(VOICE)
    assert graph.inputs == [entry.name for entry in whole.get_inputs()]
    assert graph.outputs == [entry.name for entry in whole.get_outputs()]


def test_two_parts_after_one_another_compute_what_the_whole_does(graph):
    scales, speaker = np.array([0.0, 1.0, 0.0], np.float32), np.array([1])
    ids = np.array([[1, 0, 5, 0, 9, 0, 2]])
    whole = session(VOICE).run(None, {"input": ids, "input_lengths": [7], "scales": scales, "sid": speaker})[0]
    noise = np.zeros((1, 2, 7), np.float32)
    between = graph.frontier(["z"], ["output"])
    assert between == ["cond", "z"]
    first = session(
        graph.part({"input": INT64, "scales": FLOAT, "sid": INT64, "dp_noise": FLOAT, "noise": FLOAT}, ["z", "cond"])
    )
    frames = session(graph.part({"input": INT64, "scales": FLOAT, "dp_noise": FLOAT}, ["mean"])).run(
        None, {"input": ids, "scales": scales, "dp_noise": noise}
    )[0]
    z, condition = first.run(
        None, {"input": ids, "scales": scales, "sid": speaker, "dp_noise": noise, "noise": np.zeros_like(frames)}
    )
    second = session(graph.part({"z": FLOAT, "cond": FLOAT}, ["output"]))
    np.testing.assert_allclose(second.run(None, {"z": z, "cond": condition})[0], whole, atol=1e-5)


def test_a_part_that_needs_more_says_what(graph):
    with pytest.raises(ValueError, match="sid"):
        graph.part({"z": FLOAT}, ["output"])


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x08", VOICE.read_bytes()[:5000]])
def test_what_is_no_whole_model_is_told(content):
    with pytest.raises(ValueError):
        OnnxGraph(content)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.integers(0, 14_000).map(lambda end: VOICE.read_bytes()[:end]))
def test_any_bytes_are_a_graph_or_a_value_error(content):
    with contextlib.suppress(ValueError):
        OnnxGraph(content)

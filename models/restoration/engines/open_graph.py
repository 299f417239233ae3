"""Graphs of other people's networks, opened as one thing or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.onnx import session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_graph(path: Path, inputs: int, graph: bytes | None = None) -> InferenceSession:
    """A graph that must have so many inputs. graph: its bytes, if they are not those of the file. Raises ModelError."""
    try:
        opened = session(path if graph is None else graph, spinning=False, quiet=True)
    except Exception as error:  # ONNX Runtime has a class of its own for each cause
        raise ModelError(f"{path}: cannot be read as ONNX: {first_line(error)}") from None
    if len(opened.get_inputs()) != inputs:
        raise ModelError(f"{path}: has {len(opened.get_inputs())} inputs instead of {inputs}: it is another network")
    return opened

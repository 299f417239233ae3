"""The one place that imports ONNX Runtime, with its telemetry off."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from duplex.streaming.telemetry import disable_telemetry

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_ERRORS_ONLY = 3


def session(
    graph: str | Path | bytes, threads: int = 1, *, spinning: bool = True, quiet: bool = False
) -> InferenceSession:
    """A session of a graph, at a path or in bytes, on the CPU.

    threads: of one operator. spinning: its threads wait for work in a loop, which keeps a core busy. quiet: no
    warnings of the library. Raises what ONNX Runtime raises, a class of its own for each cause, and ImportError if it
    is not installed.
    """
    disable_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if quiet:
        options.log_severity_level = _ERRORS_ONLY
    opened = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(opened, options, ["CPUExecutionProvider"])


def onnx_of(path: str | Path) -> bytes:
    """The graph of a file in ONNX Runtime's own format (.ort) in that of ONNX, as it stands.

    In its own format a graph is taken as it is; in this one it is optimized when it is opened. Raises as `session`.
    """
    disable_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.save_model_format", "ONNX")
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "graph.onnx"
        options.optimized_model_filepath = str(written)
        onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        return written.read_bytes()


def version() -> str:
    """Of ONNX Runtime. Raises ImportError."""
    disable_telemetry()
    import onnxruntime

    return str(onnxruntime.__version__)


def fold(graph: bytes, target: Path) -> None:
    """Writes an ONNX graph with its constants computed to `target`, its weights beside it, to `target`.data.

    Weights in a file of their own are mapped into memory when the graph is opened, so that processes share them and
    what is not used is not read. Nothing in it depends on the processor. Raises as `session`.
    """
    disable_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = _ERRORS_ONLY
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ONNX")
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", f"{target.name}.data")
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])


def quantize(source: Path, target: Path) -> None:
    """Write the graph at `source` with int8 weights, a scale for each channel, to `target`."""
    disable_telemetry()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)

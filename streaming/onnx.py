"""The one place that imports ONNX Runtime, with its telemetry off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from duplex.streaming.telemetry import disable_telemetry

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def session(graph: str | Path | bytes, threads: int = 1) -> InferenceSession:
    """A session of a graph, at a path or in bytes, on the CPU. threads: of one operator.

    Raises what ONNX Runtime raises, a class of its own for each cause, and ImportError if it is not installed.
    """
    disable_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph if isinstance(graph, bytes) else str(graph), options, ["CPUExecutionProvider"]
    )


def quantize(source: Path, target: Path) -> None:
    """Write the graph at `source` with int8 weights, a scale for each channel, to `target`."""
    disable_telemetry()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)

"""Diarization: how often it errs, and what it costs on one core.

python -m tests.benchmarks.diarization DATA [--diarizer segmentation [--segmentation FILE]] [--conversations 3] # errors
python -m tests.benchmarks.diarization [--hours 3] [--frames 3000] [--weights FOLDER]

Without a data folder the cost of ls-eend: time for each 100 ms frame, real-time factor, state; and whether that grows.
The shipped network at each latency, and one of the published size (random weights: cost does not depend on them), both
in ONNX Runtime with one thread, fed frame by frame as in a call; processor time. Then the shipped one goes through
hours of speech-like noise: time a frame, state and resident memory in each tenth of them.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from duplex.models.diarization import WEIGHTS
from duplex.models.diarization.config import DIARIZERS, FRAME_SECONDS, PUBLISHED
from duplex.models.diarization.features import Features
from duplex.models.diarization.runtime import NetworkRuntime
from duplex.models.diarization.stage import LATENCIES, DiarizationState
from tests.benchmarks.report import quantile, table, versions


@dataclass
class Cost:
    """milliseconds: of processor time, for each frame. state: bytes, after each frame."""

    milliseconds: list[float]
    state: list[int]

    @property
    def real_time_factor(self) -> float:
        return sum(self.milliseconds) / 1000 / (len(self.milliseconds) * FRAME_SECONDS)


class Stream:
    """One call through features and network, a frame at a time."""

    def __init__(self, folder: Path, look_ahead: int) -> None:
        self.network = NetworkRuntime(folder, look_ahead)
        self.features = Features(self.network.config)
        self.state = DiarizationState(
            self.features.initial_state(), self.network.initial_state(), np.arange(self.network.speakers)
        )
        self._rng = np.random.default_rng(0)
        self._at = 0

    def run(self, frames: int) -> Cost:
        spent, sizes = [], []
        for _ in range(frames):
            chunk = self._speech()
            before = time.thread_time_ns()
            inputs, self.state.features = self.features.step(chunk, self.state.features)
            _, self.state.network = self.network.step(inputs, self.state.network)
            spent.append((time.thread_time_ns() - before) / 1e6)
            sizes.append(self.state.nbytes)
        return Cost(spent, sizes)

    def _speech(self) -> np.ndarray:
        """100 ms of voices of several pitches that come and go, in noise."""
        rate = self.features.sample_rate
        place = (self._at + np.arange(self.features.hop)) / rate
        self._at += self.features.hop
        pitch = (95, 130, 180, 240)[int(place[0] / 7) % 4]
        voice = (place * pitch % 1 - 0.5) * max(0.0, np.sin(2 * np.pi * 0.23 * place[0]))
        return (0.2 * voice + self._rng.normal(0, 0.003, len(place))).astype(np.float32)


def parameters(folder: Path) -> float:
    """Millions, from the graphs."""
    import onnx

    graphs = [onnx.load(str(folder / f"{part}.onnx")).graph for part in ("encoder", "decoder")]
    return sum(np.prod(tensor.dims) for graph in graphs for tensor in graph.initializer) / 1e6


def cost_row(name: str, folder: Path, look_ahead: int, frames: int) -> list[object]:
    stream = Stream(folder, look_ahead)
    stream.run(100)
    cost = stream.run(frames)
    return [
        name,
        parameters(folder),
        f"{quantile(cost.milliseconds, 0.5):.2f}",
        f"{quantile(cost.milliseconds, 0.95):.2f}",
        f"{cost.real_time_factor:.4f}",
        cost.state[-1] / 1024,
    ]


def hours_row(folder: Path, hours: float) -> tuple[list[list[object]], bool]:
    """Rows for each tenth of the time, and whether state and memory stayed flat after the first."""
    stream, process = Stream(folder, max(LATENCIES.values())), psutil.Process()
    stream.run(100)  # the latency fills
    rows, sizes, memory = [], set(), []
    for tenth in range(10):
        cost = stream.run(round(hours * 3600 / FRAME_SECONDS / 10))
        gc.collect()
        memory.append(process.memory_info().rss / 2**20)
        sizes.update(cost.state)
        middle, late = (quantile(cost.milliseconds, q) for q in (0.5, 0.95))
        span = f"{60 * hours * tenth / 10:.0f} to {60 * hours * (tenth + 1) / 10:.0f} min"
        rows.append([span, f"{middle:.2f}", f"{late:.2f}", cost.state[-1] / 1024, memory[-1]])
    return rows, max(sizes) - min(sizes) < 4096 and memory[-1] - memory[0] < 8


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="folder of recordings, whose errors are counted")
    parser.add_argument("--diarizer", action="append", choices=DIARIZERS[1:], help="an engine to score; default: all")
    parser.add_argument("--segmentation", type=Path, help="weights of a segmentation that was trained further")
    parser.add_argument("--conversations", type=int, default=1, help="simulated ones, of each number of speakers")
    parser.add_argument("--hours", type=float, default=3.0, help="simulated, for the test of flatness; 0: none")
    parser.add_argument("--frames", type=int, default=3000, help="of each measurement")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of an exported network")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(versions(["onnxruntime", "numpy"]), "\n")
    if args.data:
        from tests.benchmarks.diarization_errors import print_errors

        print_errors(args.data, args.diarizer or DIARIZERS[1:], args.conversations, weights=args.segmentation)
        return 0
    rows = [
        cost_row(f"shipped, {latency:g} s", args.weights, look_ahead, args.frames)
        for latency, look_ahead in LATENCIES.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        import torch

        from duplex.models.diarization.network import DiarizationNet
        from duplex.models.diarization.train.export import export

        torch.manual_seed(0)
        export(DiarizationNet(PUBLISHED), folder)
        rows.append(cost_row("published size, 1 s", Path(folder), 9, args.frames))
    print(table(["network", "M parameters", "ms/frame p50", "p95", "real-time factor", "state KiB"], rows))
    if not args.hours:
        return 0
    rows, flat = hours_row(args.weights, args.hours)
    print(f"\n{table(['stream of', 'ms/frame p50', 'p95', 'state KiB', 'resident MiB'], rows)}")
    print(f"flat over {args.hours:g} h: {'yes' if flat else 'NO'}")
    return 0 if flat else 1


if __name__ == "__main__":
    raise SystemExit(main())

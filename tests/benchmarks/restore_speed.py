"""Real-time factor of `restore` over files, on one and on two cores, and of live blocks beside RNNoise.

python -m tests.benchmarks.restore_speed [--minutes 2] [--files 4] [--rates 16000 48000] [--task auto]

RTF is time over the sound's duration, for all files together: below 0.1 is ten times as fast as real time. Wall time on
a busy machine says little; the CPU time of all processes is printed beside it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from duplex.batch.restore import Restorer, restore
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.restore_memory import write_long


def cpu_seconds() -> float:
    """Of this process and the children that have ended."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def files(args: argparse.Namespace, rate: int, jobs: int) -> list[object]:
    with tempfile.TemporaryDirectory() as folder:
        for at in range(args.files):
            source = Path(folder, "in", f"{at}.wav")
            source.parent.mkdir(exist_ok=True)
            write_long(source, args.minutes / args.files, rate, 1, "WAV")
        began, cpu = time.monotonic(), cpu_seconds()
        report = restore(Path(folder, "in"), Path(folder, "out"), jobs=jobs, task=args.task, steps=args.steps)
        wall, cpu = time.monotonic() - began, cpu_seconds() - cpu
        assert not report.failed, report.failed[0].error
        seconds = sum(each.seconds for each in report)
    return [f"files, {rate} Hz, {jobs} process(es)", seconds, wall, f"{wall / seconds:.4f}", f"{cpu / seconds:.4f}"]


def live(args: argparse.Namespace, rate: int) -> list[object]:
    """CPU time of each block of 20 ms."""
    block = rate // 50
    restorer = Restorer(args.task, sample_rate=rate, steps=args.steps, block_size=block)
    sound = 0.05 * np.random.default_rng(0).standard_normal((1500, block)).astype(np.float32)
    times = []
    for each in sound:
        began = time.thread_time()
        restorer.step(each)
        times.append(1000 * (time.thread_time() - began))
    times = times[50:]
    latency = 1000 * restorer.latency / rate
    return [f"live, {rate} Hz", latency, quantile(times, 0.5), quantile(times, 0.95), f"{np.mean(times) / 20:.4f}"]


def rnnoise() -> list[object] | None:
    try:
        from pyrnnoise import RNNoise
    except ImportError:
        return None
    denoiser = RNNoise(48_000)
    sound = (1000 * np.random.default_rng(0).standard_normal((1500, 1, 960))).astype(np.int16)
    times = []
    for each in sound:
        began = time.thread_time()
        list(denoiser.denoise_chunk(each))
        times.append(1000 * (time.thread_time() - began))
    times = times[50:]
    return ["RNNoise, 48000 Hz", 10.0, quantile(times, 0.5), quantile(times, 0.95), f"{np.mean(times) / 20:.4f}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="of sound for each line, over all files")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--rates", type=int, nargs="+", default=[16_000, 48_000])
    parser.add_argument("--task", default="auto")
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    print(versions(["duplex", "numpy", "onnxruntime", "soxr", "pyrnnoise"]), f"· load {os.getloadavg()[0]:.1f}\n")
    rows = [files(args, rate, jobs) for rate in args.rates for jobs in (1, 2)]
    print(table(["restore", "sound s", "wall s", "wall RTF", "CPU RTF"], rows), end="\n\n")
    lines = [live(args, rate) for rate in args.rates]
    other = rnnoise()
    print(table(["20 ms blocks", "latency ms", "p50 ms", "p95 ms", "CPU RTF"], [*lines, *([other] if other else [])]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

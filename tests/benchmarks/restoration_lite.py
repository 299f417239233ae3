"""What live restoration costs a frame of 16 ms, and whether it holds for ten minutes.

python -m tests.benchmarks.restoration_lite --speech FILE [--seconds 20] [--compile] [--minutes 10]

What `auto` takes, the lite stage with each number of solver steps and each kind of task, the same network in eager
PyTorch (and compiled with --compile), and RNNoise on the same audio, whose frames are 10 ms: cost is also given as a
share of real time. One thread each. CPU time is what counts on a machine that does other work; wall time is given
beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import soundfile

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import TASKS, RestoreOptions, load_stage
from duplex.models.restoration.stage import WEIGHTS, RestorationStage
from duplex.streaming.audio import to_mono
from duplex.streaming.blocks import Blocks
from duplex.streaming.resample import resample
from tests.benchmarks.report import quantile, table, versions

HOP = RestorationStage.hop


def timed(step: Callable[[np.ndarray], object], audio: np.ndarray, hop: int, rate: int) -> list[object]:
    """p50 and p95 of wall time, p50 of CPU time, all in ms, and CPU time over real time in per cent."""
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop)
    wall, cpu = [], []
    for frame in frames:
        began, used = time.perf_counter(), time.thread_time()
        step(frame)
        cpu.append(time.thread_time() - used)
        wall.append(time.perf_counter() - began)
    wall, cpu = wall[10:], cpu[10:]
    figures = [1e3 * quantile(wall, 0.5), 1e3 * quantile(wall, 0.95), 1e3 * quantile(cpu, 0.5)]
    return [*(f"{figure:.2f}" for figure in figures), 100 * sum(cpu) / len(cpu) * rate / hop]


def engine_step(task: str) -> Callable[[np.ndarray], object]:
    """Whatever live sound gets for a task; its hops may be others than the frames."""
    return Blocks(load_stage(RestoreOptions(task))).step


def stage_step(task: str, steps: int) -> Callable[[np.ndarray], object]:
    stage = RestorationStage(task, steps)
    state = stage.initial_state()

    def step(frame: np.ndarray) -> None:
        nonlocal state
        _, state = stage.step(frame, state)

    return step


def torch_step(compiled: bool) -> Callable[[np.ndarray], object]:
    """One network call a frame in PyTorch; transforms left out, which cost 0.1 ms."""
    import torch

    from duplex.models.restoration.weights_file import load_weights

    torch.set_num_threads(1)
    net = load_weights(WEIGHTS / "lite.safetensors")
    state = net.initial_state(1)
    conditions = net.conditions(torch.zeros(1), torch.tensor([TASKS.index("auto")])).detach()
    call = torch.compile(net) if compiled else net
    frame = torch.randn(1, 1, net.config.bins, 2) * 0.3

    def step(_: np.ndarray) -> None:
        nonlocal state
        with torch.inference_mode():
            _, state = call(frame, frame, conditions, state)

    return step


def rnnoise_step() -> tuple[Callable[[np.ndarray], object], int, int]:
    from pyrnnoise import rnnoise

    state = rnnoise.create()
    return lambda frame: rnnoise.process_mono_frame(state, frame), rnnoise.FRAME_SIZE, rnnoise.SAMPLE_RATE


def endurance(audio: np.ndarray, minutes: float) -> str:
    """The same audio over and over: lag, level and memory at the end as at the start?"""
    stage = load_stage(RestoreOptions("auto"))
    blocks = Blocks(stage)
    rounds = max(2, round(minutes * 60 * SAMPLE_RATE / len(audio)))
    process = psutil.Process()
    outs, memory, given = [], [], 0
    for number in range(rounds):
        out = blocks.step(audio)
        given += len(out)
        if number in (1, rounds - 1):
            outs.append(out)
            memory.append(process.memory_info().rss / 2**20)
    lag = int(np.argmax(np.correlate(outs[1][:20_000], outs[0][1000:19_000], "valid"))) - 1000
    levels = [10 * np.log10(np.square(out).mean() + 1e-12) for out in outs]
    given += len(blocks.flush())
    return (
        f"{rounds * len(audio) / SAMPLE_RATE / 60:.1f} minutes: lag {lag} samples, level "
        f"{levels[1] - levels[0]:+.2f} dB, memory {memory[1] - memory[0]:+.1f} MiB; "
        f"{len(audio) * rounds} samples in, {given} out"
    )


def main() -> None:
    options = argparse.ArgumentParser(description="Cost and endurance of live restoration.")
    options.add_argument("--speech", type=Path, required=True)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--compile", action="store_true", help="also torch.compile (a minute to warm up)")
    arguments = options.parse_args()
    samples, rate = soundfile.read(arguments.speech, dtype="float32")
    mono = resample(to_mono(samples), rate, SAMPLE_RATE)
    audio = np.resize(mono, int(arguments.seconds * SAMPLE_RATE)).astype(np.float32)
    audio += np.random.default_rng(0).standard_normal(len(audio)).astype(np.float32) * 0.01
    print(versions(["onnxruntime", "torch", "numpy", "pyrnnoise"]))
    rows = [[f"live, {task}", *timed(engine_step(task), audio, HOP, 16000)] for task in ("enhance", "auto")]
    rows += [
        [f"stage, auto, {steps} step{'s' if steps > 1 else ''}", *timed(stage_step("auto", steps), audio, HOP, 16000)]
        for steps in (1, 2, 4)
    ]
    rows += [[f"stage, {task}", *timed(stage_step(task, 1), audio, HOP, 16000)] for task in ("phase", "vocode")]
    rows.append(["network call, PyTorch eager", *timed(torch_step(False), audio, HOP, 16000)])
    if arguments.compile:
        rows.append(["network call, PyTorch compiled", *timed(torch_step(True), audio, HOP, 16000)])
    step, size, rnnoise_rate = rnnoise_step()
    wide = resample(audio, SAMPLE_RATE, rnnoise_rate).clip(-1, 1)
    rows.append(["RNNoise (10 ms frames)", *timed(step, wide, size, rnnoise_rate)])
    print(table(["", "wall p50 ms", "wall p95 ms", "CPU p50 ms", "CPU % of real time"], rows))
    print(endurance(mono[: len(mono) // HOP * HOP], arguments.minutes))


if __name__ == "__main__":
    main()

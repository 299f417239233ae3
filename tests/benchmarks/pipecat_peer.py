"""The pipecat half of `queue_hop` and `slow_consumer`, run by the interpreter that has pipecat: prints one JSON object.

Needs nothing of this project, so that it runs in another environment. Frames are pipecat's microphone frames of 20 ms.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from importlib.metadata import version

from loguru import logger
from pipecat.frames.frames import EndFrame, InputAudioRawFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

FRAME = bytes(640)


class Relay(FrameProcessor):
    """A stage that passes on what it is given, after `seconds` of waiting (on average exactly so long)."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.due = 0.0

    async def process_frame(self, frame, direction) -> None:
        await super().process_frame(frame, direction)
        if self.seconds and isinstance(frame, InputAudioRawFrame):
            self.due = max(self.due, frame.metadata["stamp"]) + self.seconds
            await asyncio.sleep(max(0.0, self.due - time.perf_counter()))
        await self.push_frame(frame, direction)


class Sink(FrameProcessor):
    """Books how long each frame took from its stamp to here."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.expected = expected
        self.latencies: list[float] = []
        self.started = asyncio.Event()
        self.finished = asyncio.Event()

    async def process_frame(self, frame, direction) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()
        elif isinstance(frame, InputAudioRawFrame):
            self.latencies.append(time.perf_counter() - frame.metadata["stamp"])
            if len(self.latencies) == self.expected:
                self.finished.set()
        await self.push_frame(frame, direction)


async def run(relays: list[Relay], frames: int, pace: float) -> tuple[float, list[float]]:
    """CPU seconds from the first frame in to the last one out, and each frame's latency in seconds."""
    sink = Sink(frames)
    worker = PipelineWorker(
        Pipeline([*relays, sink]),
        params=PipelineParams(enable_metrics=False),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
        enable_turn_tracking=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await sink.started.wait()
    await asyncio.sleep(0.2)
    first = relays[0]
    gc.collect()
    began_cpu, began = time.process_time(), time.perf_counter()
    for index in range(frames):
        if pace:
            await asyncio.sleep(max(0.0, began + index * pace - time.perf_counter()))
        frame = InputAudioRawFrame(audio=FRAME, sample_rate=16_000, num_channels=1)
        frame.metadata["stamp"] = time.perf_counter()
        await first.queue_frame(frame)
    await sink.finished.wait()
    spent = time.process_time() - began_cpu
    await worker.queue_frame(EndFrame())
    await running
    return spent, sink.latencies


async def main(task: dict) -> dict:
    relays = [Relay(task.get("consume", 0.0)) for _ in range(task["stages"])]
    spent, latencies = await run(relays, task["frames"], task["pace"])
    return {"cpu": spent, "latencies": latencies, "version": version("pipecat-ai")}


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))

"""How long a decision takes, in real time: audio block complete → decision, and decision → first audible sample.

    python -m tests.benchmarks.decisions_latency [--decider rules] [--recording FILE] [--seconds 60]

A recording is fed at its own pace to a session with the default engines, twice: as it is, and with a responder that
takes three seconds for its first word and a tool that holds a worker of the pool for two. Perceiving and deciding must
not notice. Wall time throughout; a block counts as complete when its last sample was fed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.events import Decided, Event, Reply
from duplex.models.interaction.contract import Answerer, Control, Request, Say
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from tests.benchmarks.costs import recording_audio
from tests.benchmarks.report import quantile, table, versions

FIRST_WORD, TOOL = 3.0, 2.0
"""Seconds that the slow responder, and its tool, take."""
TARGETS = {"block complete → decision, p95": 40.0, "decision → first audible sample, p50": 300.0}


class Slow:
    """An answerer whose tool holds a worker, and whose first word comes late."""

    name = "slow"

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        await request.run("respond", time.sleep, TOOL)
        await asyncio.sleep(FIRST_WORD - TOOL)
        async for piece in self._answerer.answer(request):
            yield piece

    async def close(self) -> None:
        await self._answerer.close()


class Stopwatch:
    """A sink that notes when frames are perceived and blocks are decided, against when they were complete."""

    def __init__(self) -> None:
        self.began = 0.0
        self.heard: list[float] = []
        self.decided: list[float] = []
        self.replies: list[float] = []
        self.feeding = True
        """Words that the recognizer finds when nothing is fed any more are decided on late by this clock."""

    def late(self, sample: int) -> float:
        """Milliseconds since the sample was fed."""
        return 1000 * (time.monotonic() - self.began - sample / SAMPLE_RATE)

    def on_input(self, frame: Any) -> None:
        if self.feeding:
            self.heard.append(self.late(frame.end))

    def on_output(self, chunk: Any) -> None:
        pass

    def on_event(self, event: Event) -> None:
        if isinstance(event, Decided) and self.feeding:
            self.decided.append(self.late(event.start))
        elif isinstance(event, Reply):
            self.replies.append(1000 * (event.first_audible - event.decided) / SAMPLE_RATE)


async def play(audio: np.ndarray, engines: Engines, settings: Settings) -> Stopwatch:
    watch = Stopwatch()
    async with Session(settings, engines=engines, sinks=[watch]) as session:
        watch.began = time.monotonic()
        for end in range(FRAME, len(audio), FRAME):
            await asyncio.sleep(max(0.0, watch.began + end / SAMPLE_RATE - time.monotonic()))
            session.feed(audio[end - FRAME : end])
        watch.feeding = False
        await session.finish(10.0)
    return watch


def row(name: str, values: list[float]) -> list[object]:
    return [name, len(values), *(quantile(values, q) for q in (0.5, 0.95)), max(values, default=float("nan"))]


async def compare(audio: np.ndarray, settings: Settings) -> int:
    engines = await asyncio.to_thread(Engines.from_settings, settings)
    plain = await play(audio, engines, settings)
    slow = await play(audio, replace(engines, answerer=Slow(engines.answerer)), settings)
    await engines.close()
    rows = []
    for name, watch in (("as it is", plain), ("slow responder and tool", slow)):
        rows.append(row(f"{name}: frame fed → perceived", watch.heard))
        rows.append(row(f"{name}: block complete → decision", watch.decided))
        rows.append(row(f"{name}: decision → first audible sample", watch.replies))
    print(table(["milliseconds", "n", "p50", "p95", "max"], rows))
    met = True
    for watch in (plain, slow):
        met &= quantile(watch.decided, 0.95) <= TARGETS["block complete → decision, p95"]
    met &= quantile(plain.replies, 0.5) <= TARGETS["decision → first audible sample, p50"]
    print(
        f"{', '.join(f'{name} at most {most:.0f} ms' for name, most in TARGETS.items())}: {'met' if met else 'missed'}"
    )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--decider", default=Settings().decider)
    parser.add_argument("--recording", type=Path, help="by default the bundled conversation")
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    settings = Settings(decider=args.decider, log_decisions=True)
    audio = recording_audio(args.recording)[: round(args.seconds * SAMPLE_RATE)]
    print(versions(["duplex", "torch", "transformers"]))
    print(f"{len(audio) / SAMPLE_RATE:.0f} s of conversation, twice, in real time; decider {args.decider}")
    return asyncio.run(compare(audio, settings))


if __name__ == "__main__":
    sys.exit(main())

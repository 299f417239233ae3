"""Captions of a session that goes on for long: delay from spoken word to caption, computing and memory.

python -m tests.benchmarks.caption_delay [--minutes 60] [--pace free|real] [--to de] [--policy retranslate] [--speech F]

The default recognizer hears a recording again and again (the bundled demo, or a file, or all files of a folder one
after another) in a session that only writes down and translates. For each sixth of the time:

source: from the end of a spoken word, as the recognizer times it, to the moment from which it stands in the transcript
    and stays. Case and punctuation may still change.
target: the same for the words of the translation, as if these were spent evenly over the sentence (as LAAL does): word
    j of n belongs to the moment at which j/n of the sentence has been said.
translating: processor seconds for each minute of the clock.
memory: resident, at the end.

--pace free: at virtual time, which charges a translation the processor time of the one before it and other steps as
tests.benchmarks.costs measured them: an hour takes as long as its computing, and a busy machine does not change the
figures. --pace real: in real time, with threads, under a watchdog of the event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from duplex import events as ev
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.models.translation import Translation, Translator
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock, SystemClock, VirtualClock
from duplex.streaming.loop_watchdog import LoopWatchdog
from duplex.streaming.policies.simultaneous import common_prefix
from duplex.streaming.policies.spoken_form import comparable
from duplex.streaming.pool import InferencePool
from duplex.testing import feed
from tests.benchmarks.costs import measured_costs, recording_audio
from tests.benchmarks.report import table, versions

WINDOWS = 6
PAUSE = round(0.6 * SAMPLE_RATE)
"""Between two files of a folder."""
TAIL = 10.0
"""Seconds behind the time that is reported, in which what was said before is still written."""

Shown = tuple[float, tuple[str, ...]]
"""A moment, in seconds, and the words that stood there from then on."""


def stays(shown: Sequence[Shown]) -> list[float]:
    """For each word of the last state, the moment from which it stood in its place and stayed."""
    _, last = shown[-1]
    moments, count = [0.0] * len(last), len(last)
    for at, words in reversed(shown):
        count = min(count, common_prefix(words, last))
        moments[:count] = [at] * count
    return moments


class Delays:
    """A sink that measures. began: when sample 0 was spoken. source, target: (when it was said, delay), in seconds."""

    def __init__(self, clock: Clock) -> None:
        self.began = clock.now()
        self.source: list[tuple[float, float]] = []
        self.target: list[tuple[float, float]] = []
        self._clock = clock
        self._partials: list[Shown] = []
        self._words: list[tuple[str, float]] = []
        self._captions: dict[int, list[Shown]] = {}

    def on_input(self, frame: Any) -> None:
        pass

    def on_output(self, chunk: AudioChunk) -> None:
        pass

    def on_event(self, event: ev.Event) -> None:
        at = self._clock.now() - self.began
        if isinstance(event, ev.Word):
            self._words.append((comparable(event.text), event.end / SAMPLE_RATE))
            return
        if self._words:
            self._utterance(at)
        if isinstance(event, ev.Partial):
            self._partials.append((at, tuple(map(comparable, event.text.split()))))
        elif isinstance(event, ev.Translation):
            shown = self._captions.setdefault(event.caption, [])
            shown.append((at, tuple(event.text.split())))
            if event.final:
                self._caption(event, self._captions.pop(event.caption))

    def _utterance(self, at: float) -> None:
        """Its words are final."""
        shown = [*self._partials, (at, tuple(text for text, _ in self._words))]
        ends = [end for _, end in self._words]
        self.source += [(end, moment - end) for end, moment in zip(ends, stays(shown), strict=True)]
        self._partials, self._words = [], []

    def _caption(self, event: ev.Translation, shown: list[Shown]) -> None:
        moments = stays(shown)
        start, length = event.start / SAMPLE_RATE, (event.end - event.start) / SAMPLE_RATE
        for place, moment in enumerate(moments, 1):
            said = start + length * place / len(moments)
            self.target.append((said, moment - said))


def speech(path: str | None) -> np.ndarray:
    """(n,) at 16 kHz."""
    if path is None or not Path(path).is_dir():
        return recording_audio(Path(path) if path else None)
    files = sorted(each for each in Path(path).rglob("*") if each.suffix in (".wav", ".flac", ".ogg", ".opus", ".mp3"))
    return np.concatenate([part for file in files for part in (recording_audio(file), np.zeros(PAUSE, np.float32))])


class Timed:
    """A translator that counts its processor time: last, total in seconds."""

    def __init__(self, translator: Translator) -> None:
        self.name, self.pairs = translator.name, translator.pairs
        self.last = self.total = 0.0
        self._translator = translator

    def translate(self, *asked: Any) -> Translation:
        began = time.thread_time()
        try:
            return self._translator.translate(*asked)
        finally:
            self.last = time.thread_time() - began
            self.total += self.last


async def hold(
    audio: np.ndarray, minutes: float, engines: Engines, settings: Settings, clock: Clock, pool: InferencePool
) -> tuple[Delays, list[tuple[float, float]]]:
    """One session. Returns the delays and, at the end of each window, (seconds of translating, MB of memory) so far."""
    timed = engines.translator
    assert isinstance(timed, Timed)
    delays, process, marks = Delays(clock), psutil.Process(), []
    total = round(minutes * 60 * SAMPLE_RATE)
    async with Session(settings, engines=engines, clock=clock, pool=pool, sinks=[delays]) as session:
        delays.began = clock.now()
        for window in range(WINDOWS):
            first, last = (total * number // WINDOWS for number in (window, window + 1))
            for at in range(first, last, len(audio)):
                part = np.take(audio, np.arange(at, min(at + len(audio), last)), mode="wrap")
                await feed(session, part, clock)  # type: ignore[arg-type]
            marks.append((timed.total, process.memory_info().rss / 2**20))
        await session.finish(TAIL)
    return delays, marks


def rows(delays: Delays, marks: Sequence[tuple[float, float]], minutes: float) -> list[list[object]]:
    """One for each window, and one for all of them."""

    def quantiles(found: Sequence[tuple[float, float]], first: float, last: float) -> str:
        values = [delay for said, delay in found if first <= said < last]
        return f"{np.quantile(values, 0.5):.2f} / {np.quantile(values, 0.95):.2f}" if values else "-"

    step, made, before = minutes / WINDOWS, [], 0.0
    for number, (spent, memory) in enumerate(marks):
        edges = 60 * step * number, 60 * step * (number + 1)
        each = [quantiles(found, *edges) for found in (delays.source, delays.target)]
        until = f"{edges[1] / 60:.3g} min"
        made.append([until, *each, f"{(spent - before) / step:.2f}", f"{memory:.0f}"])
        before = spent
    whole = [quantiles(found, 0.0, 60 * minutes) for found in (delays.source, delays.target)]
    return [*made, ["all", *whole, f"{before / minutes:.2f}", ""]]


def free(audio: np.ndarray, minutes: float, engines: Engines, settings: Settings) -> list[list[object]]:
    clock, measured, timed = VirtualClock(), measured_costs(), engines.translator
    assert isinstance(timed, Timed)

    async def main() -> list[list[object]]:
        pool = InferencePool(
            settings.workers, inline=True, cost=lambda name: timed.last if name == "translate" else measured(name)
        )
        return rows(*await hold(audio, minutes, engines, settings, clock, pool), minutes)

    return clock.run(main())


async def real(
    audio: np.ndarray, minutes: float, engines: Engines, settings: Settings
) -> tuple[list[list[object]], LoopWatchdog]:
    async with AsyncExitStack() as stack:
        pool = InferencePool(settings.workers)
        stack.push_async_callback(pool.aclose)
        watchdog = await stack.enter_async_context(LoopWatchdog())
        made = rows(*await hold(audio, minutes, engines, settings, SystemClock(), pool), minutes)
    return made, watchdog


def main() -> None:
    parser = argparse.ArgumentParser(description="Delay, computing and memory of captions in a long session.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pace", choices=("free", "real"), default="free")
    parser.add_argument("--to", default="de")
    parser.add_argument("--policy", default="retranslate")
    parser.add_argument("--speech", help="a recording, or a folder of recordings (default: the bundled demo)")
    args = parser.parse_args()
    settings = Settings(
        assistant=False, diarize=False, sounds="off", translate_to=args.to, translation_policy=args.policy
    )
    engines, audio = Engines.from_settings(settings), speech(args.speech)
    assert engines.translator is not None
    engines.translator = Timed(engines.translator)
    began, watchdog = time.perf_counter(), None
    try:
        if args.pace == "free":
            made = free(audio, args.minutes, engines, settings)
        else:
            made, watchdog = asyncio.run(real(audio, args.minutes, engines, settings))
    finally:
        asyncio.run(engines.close())
    took = (time.perf_counter() - began) / 60
    print(f"{args.minutes:g} minutes in {took:.1f} ({args.pace}); {args.policy}; {versions(['onnxruntime'])}")
    head = ["until", "source p50 / p95 s", "target p50 / p95 s", "translating s/min", "memory MB"]
    print(table(head, made))
    if watchdog is not None:
        print(
            f"event loop: p99 {1000 * watchdog.quantile(0.99):.1f} ms late, longest {1000 * watchdog.longest_own:.1f} "
            f"ms of its own, {watchdog.stalls(0.02)} ticks later than 20 ms"
        )


if __name__ == "__main__":
    main()

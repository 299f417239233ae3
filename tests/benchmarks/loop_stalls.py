"""The longest time that the event loop is kept from its work, in real time: what every sound on it would wait for.

    python -m tests.benchmarks.loop_stalls [--only NAME ...] [--situations 20] [--calls 12] [--seconds 30] [--json FILE]

demo: the bundled conversation with the default engines, recorded. situations: some of the seeded ones. calls: sessions
with the default engines and one pool, each playing the demo from another place on, each recorded. long turn: forty
words joined by "and", and the pause after them. deletion: a recording of an hour is deleted while a call goes on.
dying worker: the recognizer's processes are killed in mid-utterance.

For each: how late the ticks of a watchdog are (p99 and the longest), how late once the waits for a processor are taken
off ("own": what the program itself blocked or computed on the loop), ticks later than 20 ms, and where the loop's
thread stood during its longest own stall. On a busy machine only "own" tells about the program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.serving.hosts.retention import Recordings
from duplex.session_record.recorder import EVENTS, Recorder
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.streaming.loop_watchdog import LoopWatchdog
from duplex.streaming.pool import InferencePool
from duplex.testing import Answer, ScriptedAnswerer, UserSpeech, feed, read_clips, scripted_engines
from duplex.testing.fakes import UserScript
from tests.benchmarks.costs import recording_audio
from tests.benchmarks.report import table, versions
from tests.benchmarks.situations import CLIPS, KINDS, REPLY, Situations
from tests.duplex.serving.rooms.test_room import call
from tests.duplex.serving.scripted import Peers, host, speak

LONG_TURN = (
    "so i was thinking about the thing that we talked about yesterday and then she said that we could go there and "
    "maybe you can tell me what you know about it and how we should do that and when"
)


async def converse(
    audio: np.ndarray, engines: Engines, pool: InferencePool | None = None, folder: Path | None = None
) -> None:
    """One session in real time, recorded into `folder`."""
    clock = SystemClock()
    sinks = [Recorder(folder)] if folder else []
    async with Session(Settings(), engines=engines, clock=clock, pool=pool, sinks=sinks) as session:
        await feed(session, audio, clock)  # type: ignore[arg-type]
        await session.finish()


async def demo(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    engines = await asyncio.to_thread(Engines.from_settings, Settings())
    audio = recording_audio()[: round(args.seconds * SAMPLE_RATE)]
    with tempfile.TemporaryDirectory() as folder:
        async with watched() as watchdog:
            await converse(audio, engines, folder=Path(folder))
    await engines.close()
    return watchdog


async def situations(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    engines = await asyncio.to_thread(Engines.from_settings, Settings())
    engines.answerer = ScriptedAnswerer([REPLY], name="one long reply")
    made = Situations(read_clips(CLIPS), seed=0)
    scenes = [made.scene(KINDS[number % len(KINDS)])[0].render() for number in range(args.situations)]
    async with watched() as watchdog:
        for scene in scenes:
            await converse(scene, engines)
    await engines.close()
    return watchdog


async def calls(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    engines = await asyncio.to_thread(Engines.from_settings, Settings())
    audio, pool = recording_audio(), InferencePool(Settings().workers)
    length = round(args.seconds * SAMPLE_RATE)
    with tempfile.TemporaryDirectory() as folder:
        async with watched() as watchdog, asyncio.TaskGroup() as group:
            for number in range(args.calls):
                part = np.roll(audio, -number * len(audio) // args.calls)[:length]
                group.create_task(converse(part, engines, pool, Path(folder) / str(number)))
    await engines.close()
    return watchdog


async def long_turn(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    words = len(LONG_TURN.split())
    sound = UserSpeech(0.3, 0.3 + words * 0.3, LONG_TURN)
    audio = UserScript((sound,)).audio(sound.end + 3)
    async with watched() as watchdog:
        await converse(audio, scripted_engines([sound], [Answer("all right", ttft=0.0)]))
    return watchdog


async def deletion(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    sound = UserSpeech(0.3, 1.3, "what time is it")
    audio = UserScript((sound,)).audio(4.0)
    with tempfile.TemporaryDirectory() as folder:
        peers, clock, recordings = Peers(), SystemClock(), Recordings(Path(folder) / "calls", 3600.0)
        async with host(peers, clock, [sound], [Answer("half past nine")], recordings=recordings) as held:
            one, peer = await call(held, peers)
            await held.consent(one, True)
            speaking = asyncio.create_task(speak(clock, {peer: audio}))
            await asyncio.sleep(1.0)
            await asyncio.to_thread(_lengthen, Path(folder))
            async with watched() as watchdog:
                await held.delete_recording(one)
                await speaking
    return watchdog


def _lengthen(folder: Path) -> None:
    (log,) = folder.rglob(EVENTS)
    with log.open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in _an_hour())


def _an_hour() -> list[dict[str, Any]]:
    """Events of 900 turns of twenty words."""
    events: list[dict[str, Any]] = []
    for turn in range(1, 901):
        start = turn * 4 * SAMPLE_RATE
        words = [[f"word{n}", start + n * 2000, start + (n + 1) * 2000] for n in range(20)]
        text = " ".join(str(word[0]) for word in words)
        common = {"start": start, "end": start + 40_000, "party": "user", "turn": turn}
        said = [{"text": text, "start": first, "end": last} for text, first, last in words]
        events.append({"type": "words", **common, "words": said, "stable": 20, "final": True})
        events.append({"type": "turn", **common, "text": text, "number": turn, "kind": "turn"})
    return events


async def dying_worker(args: argparse.Namespace, watched: Callable[[], LoopWatchdog]) -> LoopWatchdog:
    engines = await asyncio.to_thread(Engines.from_settings, Settings())
    audio = recording_audio()[: 12 * SAMPLE_RATE]

    async def kill() -> None:
        for _ in range(3):
            await asyncio.sleep(3.0)
            for child in await asyncio.to_thread(psutil.Process().children, True):
                child.kill()

    async with watched() as watchdog, asyncio.TaskGroup() as group:
        group.create_task(kill())
        await converse(audio, engines)
    await engines.close()
    return watchdog


SCENARIOS: dict[str, Callable[[argparse.Namespace, Callable[[], LoopWatchdog]], Awaitable[LoopWatchdog]]] = {
    "demo": demo,
    "situations": situations,
    "calls": calls,
    "long turn": long_turn,
    "deletion": deletion,
    "dying worker": dying_worker,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=tuple(SCENARIOS), default=list(SCENARIOS), metavar="NAME")
    parser.add_argument("--situations", type=int, default=20)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the demo, for `demo` and each of the calls")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(versions(["duplex", "pocketsphinx", "webrtcvad-wheels"]))
    results, rows = {}, []
    for name in args.only:
        watchdog = asyncio.run(SCENARIOS[name](args, lambda: LoopWatchdog(trace_above=0.01)))  # type: ignore[arg-type]
        worst = max(watchdog.worst, key=lambda stall: stall.own, default=None)
        where = _place(worst.where) if worst else ""
        results[name] = {**watchdog.as_dict(), "where": where}
        figures = [1e3 * value for value in (watchdog.quantile(0.99), watchdog.longest, watchdog.longest_own)]
        rows.append([name, watchdog.ticks, *figures, watchdog.stalls(), where])
        print(f"{name}: longest {figures[1]:.0f} ms, own {figures[2]:.0f} ms {where}", file=sys.stderr)
    print(table(["milliseconds", "ticks", "p99", "longest", "own", "over 20 ms", "where"], rows))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def _place(frames: tuple[str, ...]) -> str:
    """The innermost frame of the project."""
    floors = ("/duplex/", "/models/", "/streaming/", "/tests/")
    ours = [frame for frame in frames if any(floor in frame for floor in floors)]
    if not ours:
        return ""
    file, _, name = ours[-1].partition(" ")
    return f"{Path(file.rpartition(':')[0]).name} {name}"


if __name__ == "__main__":
    sys.exit(main())

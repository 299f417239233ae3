"""A spoken conversation by the OpenAI Realtime API, in real time: how soon it answers, and how soon it falls silent.

    python -m tests.benchmarks.realtime_latency [--rounds 10] [--url ws://HOST:PORT/v1 --pid PID ... [--key KEY]]

The `openai` package's own client says a question, hears the answer begin, and interrupts it with another question, by
WebSocket, with synthesized speech at the pace of time. Without --url a `duplex serve` of its own is asked; else the
server at that address, whose processes are PID and those below it. Answers come from a model server in this process
(printed at the start), so that any server that is told its address says the same.

First audio: end of speech → first sound of the answer received. Tail: onset of the interrupting speech → the last sound
of the answer that is heard; the client ends it when it is told that speech began.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from aiohttp import web
from openai import AsyncOpenAI

from duplex.models.tts import Voice, load_synthesizer
from duplex.serving.realtime.audio_formats import PCM
from duplex.streaming.resample import resample
from tests.benchmarks.report import quantile, table, versions
from tests.duplex.page.browser import TOKEN, serve

QUESTION, INTERRUPTION = "Where did the fox live when it was young?", "Why did the fox leave the forest?"
STORY = (
    "The fox lived in a forest at the foot of a mountain. It had a brother and two sisters. Every morning they went "
    "down to the river to drink. In the winter the river was frozen, and they had to dig for water. One day a man came "
    "by with a wagon, and the fox was curious. It followed the wagon for a whole day, and could not find its way back."
)
PIECE = 0.02
"""Seconds of sound in one event."""
BEFORE = 2.0
"""Seconds of the answer that are heard before it is interrupted."""
AFTER = 1.5
"""Seconds of silence after an answer."""
WAIT = 60.0


@contextlib.asynccontextmanager
async def story_teller(port: int = 0) -> AsyncIterator[str]:
    """Address of a model server that answers everything with the story, word by word and at once."""

    async def complete(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if not asked.get("stream"):
            message = {"role": "assistant", "content": STORY}
            return web.json_response(
                {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            )
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for word in STORY.split():
            delta = {"role": "assistant", "content": word + " "}
            await _write(answer, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        await _write(answer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async def _write(answer: web.StreamResponse, event: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "story", **event}
        await answer.write(b"data: " + json.dumps(whole).encode() + b"\n\n")

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "story", "object": "model"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


def speech(text: str) -> bytes:
    """16 bit, 24 kHz, from the first audible sample to the last."""
    engine = load_synthesizer("espeak")
    samples = np.concatenate([chunk.samples for chunk in engine.synthesize(text, Voice("en-us"))])
    samples = resample(samples, engine.sample_rate, PCM.rate)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return PCM.encode(samples[loud[0] : loud[-1] + 1])


class Caller:
    """One end of a conversation. connection: of the `openai` package."""

    def __init__(self, connection: Any) -> None:
        self.behind = 0.0
        """Seconds that the microphone was late at most: of a busy machine."""
        self._connection = connection
        self._waiting = b""
        self._silent = asyncio.Event()
        self._audio: asyncio.Queue[float] = asyncio.Queue()
        self._plays_until = 0.0
        self._stopped: asyncio.Future[float] | None = None

    async def speak(self) -> None:
        """Runs until it is cancelled: the microphone."""
        size, due = round(PIECE * PCM.rate) * 2, time.monotonic()
        while True:
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(piece.ljust(size, b"\0")).decode())
            if piece and not self._waiting:
                self._silent.set()
            due += PIECE
            self.behind = max(self.behind, time.monotonic() - due)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def hear(self) -> None:
        """Runs until it is cancelled."""
        async for event in self._connection:
            now = time.monotonic()
            if event.type == "response.output_audio.delta":
                length = len(base64.b64decode(event.delta)) / 2 / PCM.rate
                self._plays_until = max(now, self._plays_until) + length
                self._audio.put_nowait(now)
            elif event.type == "input_audio_buffer.speech_started":
                self._plays_until = min(now, self._plays_until)
                if self._stopped is not None and not self._stopped.done():
                    self._stopped.set_result(self._plays_until)
            elif event.type == "error":
                print(event.error, file=sys.stderr)

    async def ask(self, sound: bytes) -> float:
        """Seconds from its end to the answer's first sound."""
        self._silent.clear()
        self._waiting = sound
        async with asyncio.timeout(WAIT):
            await self._silent.wait()
            ended = time.monotonic()
            self.forget()
            return await self._audio.get() - ended

    async def interrupt(self, sound: bytes) -> tuple[float, float]:
        """(the tail, seconds from the end of the interruption to the next answer's first sound)."""
        began = time.monotonic()
        self._stopped = asyncio.get_running_loop().create_future()
        first = asyncio.create_task(self.ask(sound))
        async with asyncio.timeout(WAIT):
            stopped = await self._stopped
        return stopped - began, await first

    def forget(self) -> None:
        while not self._audio.empty():
            self._audio.get_nowait()

    async def quiet(self) -> None:
        """Until the answer has been played."""
        async with asyncio.timeout(WAIT):
            while (left := self._plays_until + AFTER - time.monotonic()) > 0:  # noqa: ASYNC110 (more sound may come)
                await asyncio.sleep(left)


async def converse(url: str, key: str, processes: Sequence[psutil.Process], rounds: int) -> None:
    question, interruption = speech(QUESTION), speech(INTERRUPTION)
    first, tails = [], []
    async with AsyncOpenAI(api_key=key, websocket_base_url=url).realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "Tell the story."})
        caller = Caller(connection)
        beside = [asyncio.create_task(caller.speak()), asyncio.create_task(caller.hear())]
        await asyncio.sleep(1.0)
        began, used = time.monotonic(), _cpu(processes)
        for _ in range(rounds):
            first.append(await caller.ask(question))
            await asyncio.sleep(BEFORE)
            tail, after = await caller.interrupt(interruption)
            tails.append(tail)
            first.append(after)
            await caller.quiet()
        seconds, used = time.monotonic() - began, _cpu(processes) - used
        for task in beside:
            task.cancel()
    memory = sum(each.memory_info().rss for each in _with_children(processes))
    rows = [
        (name, len(values), *(round(1000 * quantile(values, q)) for q in (0.5, 0.95)), round(1000 * max(values)))
        for name, values in (("end of speech → first audio", first), ("interruption tail", tails))
    ]
    print(versions(["duplex", "openai", "aiohttp"]))
    print(table(("milliseconds", "n", "p50", "p95", "max"), rows))
    print(
        f"{seconds:.0f} s of conversation, {100 * used / seconds:.0f} % of a core, {memory >> 20} MB resident; the "
        f"microphone was late by {1000 * caller.behind:.0f} ms at most; load {os.getloadavg()[0]:.1f}"
    )


def _with_children(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [each for process in processes for each in (process, *process.children(recursive=True))]


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in _with_children(processes))


async def run(url: str, key: str, pids: Sequence[int], rounds: int, port: int) -> None:
    async with story_teller(port) as model:
        print(f"the model is at {model}", flush=True)
        if url:
            await converse(url, key, [psutil.Process(pid) for pid in pids], rounds)
            return
        with tempfile.TemporaryDirectory() as folder, serve(Path(folder), "--no-recordings", "--llm", model) as served:
            address = served.url.partition("#")[0].replace("http", "ws", 1)
            await converse(f"{address}v1", TOKEN, [psutil.Process(served.process.pid)], rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--url", default="", help="of another server, ending in /v1")
    parser.add_argument("--key", default="none", help="that it wants")
    parser.add_argument("--pid", type=int, action="append", default=[], help="its process; may be repeated")
    parser.add_argument("--port", type=int, default=0, help="of the model server; 0: any that is free")
    args = parser.parse_args()
    asyncio.run(run(args.url, args.key, args.pid, args.rounds, args.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A spoken conversation that any client of the API can hold: a tool call, an interruption, a cancel.

Imported by the programs beside it, which run in environments of their own, so it needs nothing but Python.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

RATE = 24_000
PIECE = RATE // 25 * 2
"""Bytes of 40 ms of 16-bit sound."""
WAIT = 60.0
"""Seconds that anything may take on a busy machine."""


class Microphone:
    """Sends silence at the pace of time, and what is to be said in it. folder: with NAME.pcm, 16 bit, 24 kHz."""

    def __init__(self, folder: Path) -> None:
        self._said = {path.stem: path.read_bytes() for path in folder.glob("*.pcm")}
        self._waiting = b""

    async def say(self, name: str) -> None:
        self._waiting += self._said[name]

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        due = time.monotonic()
        while True:
            piece, self._waiting = self._waiting[:PIECE], self._waiting[PIECE:]
            await send(piece.ljust(PIECE, b"\0"))
            due += 0.04
            await asyncio.sleep(max(0.0, due - time.monotonic()))


class Told:
    """What the client was told, by its own events and callbacks, in order."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def __call__(self, kind: str, text: str = "") -> None:
        """kind: tool, audio, said, interrupted or done. text: what was said, or how a response ended."""
        self._news.put_nowait((kind, text))

    async def until(self, kind: str, text: str = "") -> None:
        """text: in what was told of this kind since the last call."""
        so_far = ""
        async with asyncio.timeout(WAIT):
            while True:
                told, more = await self._news.get()
                so_far += more if told == kind else ""
                if told == kind and text in so_far:
                    return

    def forget(self) -> None:
        while not self._news.empty():
            self._news.get_nowait()


async def converse(say: Callable[[str], Awaitable[None]], cancel: Callable[[], Awaitable[None]], told: Told) -> None:
    """say: begins to say a turn. cancel: the response that is being given."""
    await say("weather")
    await told.until("tool")
    await told.until("said", "it rains")
    await say("story")
    await told.until("said", "once")
    await asyncio.sleep(1.0)
    told.forget()
    await say("stop")
    await told.until("interrupted")
    await told.until("said", "all right")
    await asyncio.sleep(1.0)
    told.forget()
    await say("story")
    await told.until("said", "once")
    await asyncio.sleep(0.5)
    told.forget()
    await cancel()
    await told.until("done")


async def converse_by(
    send: Callable[[bytes], Awaitable[None]], cancel: Callable[[], Awaitable[None]], told: Told, folder: Path
) -> None:
    """As `converse`, with a microphone that runs until the end. send: its sound."""
    microphone = Microphone(folder)
    running = asyncio.ensure_future(microphone.run(send))
    try:
        await converse(microphone.say, cancel, told)
    finally:
        running.cancel()


def main(program: Callable[[str, str, Path, Told], Awaitable[None]]) -> None:
    """Runs `program(address, key, folder, told)`. address: of the server's page."""
    address, key, folder = sys.argv[1:]
    told = Told()

    async def run() -> None:
        async with asyncio.timeout(4 * WAIT):
            await program(address, key, Path(folder), told)

    asyncio.run(run())

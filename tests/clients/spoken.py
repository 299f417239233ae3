"""A spoken conversation that any client of the API can hold, by a file that says what is said and waited for.

Imported by the programs beside it, which run in environments of their own, so it needs nothing but Python.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

RATE = 24_000
PIECE = RATE // 25 * 2
"""Bytes of 40 ms of 16-bit sound."""
WAIT = 120.0
"""Seconds that anything may take on a busy machine."""
PATIENCE, REPEATED = 30.0, 3
"""Seconds after which a turn is said again, and how often: a busy machine tears what it says apart."""


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

    async def until(self, kind: str, text: str = "", patience: float = WAIT) -> None:
        """text: in what was told of this kind since the last call, in lower case. Raises AssertionError."""
        so_far = ""
        try:
            async with asyncio.timeout(patience):
                while True:
                    told, more = await self._news.get()
                    so_far += more.lower() if told == kind else ""
                    if told == kind and text in so_far:
                        return
        except TimeoutError:
            raise AssertionError(f"{kind} {text!r} has not come; {so_far!r} has") from None

    def forget(self) -> None:
        while not self._news.empty():
            self._news.get_nowait()


async def converse(
    say: Callable[[str], Awaitable[None]], cancel: Callable[[], Awaitable[None]], told: Told, steps: list[list[Any]]
) -> None:
    """say: begins to say a turn. cancel: the response that is being given. steps: what is done, one after the other:
    ["say", turn], ["until", kind, text, the turn that is said again if it does not come, and again], ["sleep",
    seconds], ["forget"], ["cancel"]."""
    for step, *given in steps:
        match step:
            case "say":
                await say(*given)
            case "until":
                await _until(told, say, *given)
            case "sleep":
                await asyncio.sleep(*given)
            case "forget":
                told.forget()
            case "cancel":
                await cancel()


async def _until(told: Told, say: Callable[[str], Awaitable[None]], kind: str, text: str = "", again: str = "") -> None:
    for _ in range(REPEATED if again else 0):
        try:
            return await told.until(kind, text, PATIENCE)
        except AssertionError:
            await say(again)
    await told.until(kind, text)


async def converse_by(
    send: Callable[[bytes], Awaitable[None]], cancel: Callable[[], Awaitable[None]], told: Told, folder: Path
) -> None:
    """As `converse`, with a microphone that runs until the end. send: its sound. folder: with steps.json as well."""
    microphone = Microphone(folder)
    running = asyncio.ensure_future(microphone.run(send))
    try:
        await converse(microphone.say, cancel, told, json.loads((folder / "steps.json").read_text("utf-8")))
    finally:
        running.cancel()


def main(program: Callable[[str, str, Path, Told], Awaitable[None]]) -> None:
    """Runs `program(address, key, folder, told)`. address: of the server's page."""
    address, key, folder = sys.argv[1:]
    told = Told()

    async def run() -> None:
        async with asyncio.timeout(5 * WAIT):
            await program(address, key, Path(folder), told)

    asyncio.run(run())

"""`duplex chat`: the assistant, typed, in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from duplex.commands.options import add_settings, load_settings, with_own_notes
from duplex.streaming.errors import InputError

if TYPE_CHECKING:
    from duplex.conversation.typed import TypedConversation
    from duplex.events import Event
    from duplex.models.interaction.contract import Answerer
    from duplex.settings import Settings

PROMPT = "> "
ERASED = "\r\x1b[K"
TAIL = 30.0
"""Seconds for which a timer is still waited for when the input, which is no terminal, has ended."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "chat",
        parents=[common],
        help="talk with the assistant by typing",
        description="The assistant of `duplex run` and `duplex mic`, typed: the same skills, timers, memory and "
        "language model, without sound. A line is a turn, also from a pipe. Ctrl-C interrupts an answer and, at the "
        "prompt, ends the conversation, as Ctrl-D does.",
    )
    parser.add_argument("-o", "--out", metavar="FILE", help="write the event log, as `duplex run` does (events.jsonl)")
    shown = ("language", "assistant_name", "system_prompt", "llm", "llm_model", "model", "memory", "wall_time")
    add_settings(parser, shown)
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.batch.checks import check_server
    from duplex.engines import open_answerer

    settings = with_own_notes(load_settings(args))
    if settings.llm:
        check_server(settings.llm)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(open(args.out, "w", encoding="utf-8")) if args.out else None
        interactive = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
        stack.enter_context(_terminal_kept())
        return asyncio.run(_converse(settings, open_answerer(settings, typed=True), log, interactive))


async def _converse(settings: Settings, answerer: Answerer, log: TextIO | None, interactive: bool) -> int:
    from datetime import datetime

    from duplex.conversation.typed import TypedConversation
    from duplex.streaming.pool import InferencePool
    from duplex.streaming.system_zone import in_system_zone

    pool = InferencePool(1)

    def emit(event: Event) -> None:
        if event.type == "lost":
            print(f"duplex: {event.as_dict()['reason']}", file=sys.stderr)
        if log is not None:
            log.write(f"{json.dumps(event.as_dict(), ensure_ascii=False)}\n")
            log.flush()

    given = in_system_zone(datetime.fromisoformat(settings.wall_time)) if settings.wall_time else None
    conversation = TypedConversation(answerer, language=settings.language, emit=emit, steps=pool, wall_time=given)
    try:
        return await _Chat(conversation, interactive).run()
    finally:
        conversation.close()
        await answerer.close()
        await pool.aclose()


class _Chat:
    """Lines in, answers out; what is due is said while a line is waited for."""

    def __init__(self, conversation: TypedConversation, interactive: bool) -> None:
        self._conversation = conversation
        self._interactive = interactive
        self._lines = _TerminalLines() if interactive else _PipedLines()
        self._answering: asyncio.Task[None] | None = None
        self._ended = False
        self._main = asyncio.current_task()

    async def run(self) -> int:
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the conversation
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        due = asyncio.create_task(self._conversation.announcement())
        line = asyncio.create_task(self._lines.next())
        try:
            while True:
                await asyncio.wait({due, line}, return_when=asyncio.FIRST_COMPLETED)
                if due.done():
                    self._announce(due.result())
                    due = asyncio.create_task(self._conversation.announcement())
                elif (text := line.result()) is None:
                    break
                else:
                    await self._answer(text)
                    line = asyncio.create_task(self._lines.next())
            while not self._interactive and self._conversation.due_within(TAIL):
                self._announce(await due)
                due = asyncio.create_task(self._conversation.announcement())
        except asyncio.CancelledError:
            if not self._ended:
                raise
        finally:
            due.cancel()
            line.cancel()
            if self._interactive:
                print()
        return 130 if self._ended and not self._interactive else 0

    async def _answer(self, text: str) -> None:
        self._answering = asyncio.create_task(self._print(text))
        try:
            await self._answering
        except asyncio.CancelledError:
            if not self._answering.cancelled() or self._ended:
                raise
            print("—", flush=True)
        except InputError as error:
            print(f"duplex: {error}", file=sys.stderr)
        finally:
            self._answering = None

    async def _print(self, text: str) -> None:
        written = False
        async with contextlib.aclosing(self._conversation.answer(text)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                written = True
                print(piece, end="", flush=True)
        if written:
            print(flush=True)

    def _announce(self, text: str) -> None:
        if self._interactive:  # above the line that is being typed, which is put back
            print(f"{ERASED}{text}\n{PROMPT}{self._lines.typed()}", end="", flush=True)
        else:
            print(text, flush=True)

    def _interrupt(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
        elif self._main is not None:
            self._ended = True
            self._main.cancel()


class _TerminalLines:
    """Lines typed at the prompt, with the editing that `readline` gives. Each is read in a thread, since reading one
    cannot be interrupted; the thread is left behind at the end."""

    def typed(self) -> str:
        """What of the next line has been typed so far, as far as that is known."""
        with contextlib.suppress(ImportError):
            import readline

            return readline.get_line_buffer()
        return ""

    async def next(self) -> str | None:
        """The next line; None at the end of the input."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (gives `input` its editing)
        return await _in_thread(self._read)

    @staticmethod
    def _read() -> str | None:
        try:
            return input(PROMPT)
        except (EOFError, ValueError, OSError):
            return None
        except UnicodeDecodeError:
            return ""


class _PipedLines:
    """Lines of a pipe or a file. Read from the descriptor: a thread left behind in a stream would hold its lock."""

    def __init__(self) -> None:
        self._bytes = b""
        self._ended = sys.stdin is None

    def typed(self) -> str:
        return ""

    async def next(self) -> str | None:
        while b"\n" not in self._bytes and not self._ended:
            piece = await _in_thread(self._read)
            self._ended = not piece
            self._bytes += piece or b""
        if not self._bytes:
            return None
        line, _, self._bytes = self._bytes.partition(b"\n")
        return line.decode("utf-8", "replace")

    @staticmethod
    def _read() -> bytes:
        try:
            return os.read(sys.stdin.fileno(), 65536)
        except (OSError, ValueError):
            return b""


async def _in_thread(read: Any) -> Any:
    """The result of a blocking call, in a thread that does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def give(value: Any) -> None:
        if not result.done():
            result.set_result(value)

    def work() -> None:
        value = read()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(give, value)

    threading.Thread(target=work, daemon=True).start()
    return await result


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Puts the terminal back as it was: a prompt that is left behind has changed it."""
    try:
        import termios

        before = termios.tcgetattr(sys.stdin.fileno())
    except (ImportError, OSError, ValueError, AttributeError, termios.error):
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)

"""`duplex mic`: a conversation at this machine's microphone, over loudspeakers or headphones."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.commands.options import add_people, add_settings, load_settings, with_own_notes

if TYPE_CHECKING:
    from duplex.microphone.microphone import Microphone
    from duplex.settings import Settings


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "mic",
        parents=[common],
        help="a conversation at the microphone",
        description="Talk with the assistant at this machine. Over loudspeakers its own voice is cancelled, so it can "
        "be interrupted at any time. Ctrl-C ends the conversation.",
    )
    parser.add_argument("--list", action="store_true", help="list the microphones and loudspeakers, and end")
    parser.add_argument("--input", metavar="NAME", default="", help="microphone: its name, a part of it, or its number")
    parser.add_argument("--output", metavar="NAME", default="", help="loudspeaker, likewise")
    parser.add_argument("--no-echo-cancellation", action="store_true", help="for headphones")
    parser.add_argument(
        "--latency", type=float, metavar="SECONDS", help="ask the devices for this much, if the sound breaks up"
    )
    parser.add_argument("--out", metavar="DIR", help="record everything, as `duplex run` does")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_people(parser)
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.list:
        return _list()
    from duplex.microphone.microphone import Microphone

    settings = with_own_notes(load_settings(args))
    # Before there is an event loop: loading the echo canceller's library would keep it.
    microphone = Microphone(
        args.input, args.output, echo_cancellation=not args.no_echo_cancellation, latency=args.latency
    )
    asyncio.run(_converse(args, settings, microphone))
    return 0


async def _converse(args: argparse.Namespace, settings: Settings, microphone: Microphone) -> None:
    from rich.console import Console
    from rich.markup import escape

    from duplex.commands.live_view import LiveView
    from duplex.conversation.session import Session
    from duplex.session_record.recorder import Recorder

    console = Console(quiet=args.quiet, soft_wrap=True)
    view = LiveView(console)
    async with microphone:
        recorder = Recorder(args.out) if args.out else None
        sinks = [_Viewer(view, microphone), *([recorder] if recorder else [])]
        try:
            async with Session(settings, sinks=sinks, echo_control=microphone.echo_control) as session:
                for device in microphone.streams.devices or ():
                    console.print(f"[dim]{escape(device.name)}, {device.rate:.0f} Hz[/]", highlight=False)
                console.print("[bold]Speak.[/] Ctrl-C ends the conversation.")
                with view if console.is_terminal and not args.quiet else nullcontext():
                    await _until_interrupted(microphone.run(session))
        finally:
            view.finish()
            files = await recorder.aclose() if recorder else []
    if files:
        console.print(f"Recorded in [bold]{escape(str(Path(args.out)))}[/].")


async def _until_interrupted(conversation: Any) -> None:
    """Ctrl-C (or SIGTERM) ends the conversation as it should end: recorded, with the devices closed."""
    task = asyncio.create_task(conversation)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # an event loop of Windows has no signal handlers
            loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


class _Viewer:
    """A session's sink: events go to the view, the microphone's level beside the clock."""

    def __init__(self, view: Any, microphone: Any) -> None:
        self._view = view
        self._microphone = microphone

    def on_input(self, frame: Any) -> None:
        if frame.start % 1600 == 0:
            self._view.on_level(frame.end / 16_000, self._microphone.level_db)

    def on_output(self, chunk: Any) -> None:
        pass

    def on_event(self, event: Any) -> None:
        self._view.on_event(event)


def _list() -> int:
    from rich.console import Console
    from rich.markup import escape

    from duplex.microphone.devices import list_devices

    console = Console(soft_wrap=True)
    for direction, title in (("input", "microphones"), ("output", "loudspeakers")):
        console.print(f"[bold]{title}[/]")
        for device in list_devices(direction):  # type: ignore[arg-type]
            mark = "*" if device.default else " "
            details = f"{device.host}, {device.channels} channel(s), {device.rate:.0f} Hz"
            console.print(f"{mark}{device.index:>3} {escape(device.name)} [dim]{escape(details)}[/]", highlight=False)
    return 0

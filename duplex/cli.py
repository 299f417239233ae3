"""The `duplex` command: one line per error, a non-zero status, no traceback unless asked for."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

import duplex
from duplex.settings import RenamedSetting
from duplex.streaming.errors import DuplexError

COMMANDS = (
    "duplex.commands.demo",
    "duplex.commands.run",
    "duplex.commands.transcribe",
    "duplex.commands.translate",
    "duplex.commands.say",
    "duplex.commands.mic",
    "duplex.commands.chat",
    "duplex.commands.diarize",
    "duplex.commands.voices",
    "duplex.commands.restore",
    "duplex.commands.recover",
    "duplex.commands.serve",
    "duplex.commands.models",
    "duplex.commands.memory",
    "duplex.commands.doctor",
)

INTERRUPTED = 130
READER_GONE = 141
"""The status of a program that SIGPIPE ends, as a shell reports it."""


class OneLineParser(argparse.ArgumentParser):
    """Wrong arguments are one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"duplex: {' '.join(message.split())}; see `{self.prog} --help`\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit status."""
    _prepare_streams()
    args = _parser().parse_args(argv)
    _end_on_sigterm()
    try:
        with _pulls_shown(args):
            status = int(args.run(args))
        sys.stdout.flush()
        return status
    except DuplexError as error:
        if args.debug:
            raise
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        if args.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except ImportError as error:
        if args.debug:
            raise
        return _fail(f"{error}; `duplex doctor` says what is missing and how to get it")


def _pulls_shown(args: argparse.Namespace) -> contextlib.AbstractContextManager[None]:
    """Shows models being pulled, unless nothing but errors is to be printed."""
    if getattr(args, "quiet", False):
        return contextlib.nullcontext()
    from duplex.commands.pull_progress import pulls_shown

    return pulls_shown()


def _prepare_streams() -> None:
    """A name that the terminal cannot show must not end the work, nor must a stream that is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            escaped = name == "stderr" or (stream.encoding or "").lower().replace("-", "") != "utf8"
            stream.reconfigure(errors="backslashreplace" if escaped else "surrogateescape")
    warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
    if issubclass(category, RenamedSetting):
        print(f"duplex: {message}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno), end="", file=sys.stderr)


def _end_on_sigterm() -> None:
    """SIGTERM, a scheduler's way to interrupt, is handled as Ctrl-C is."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _reader_gone() -> int:
    """The reader of the output has what it wanted, as in `| head`."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = OneLineParser(prog="duplex", description="Full-duplex speech: it hears while it speaks.")
    parser.add_argument("--version", action="version", version=f"duplex {duplex.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(name)
        command = module.add_parser(subparsers, common)
        command.set_defaults(run=module.run)
    return parser


def _fail(message: str, status: int = 1) -> int:
    print(f"duplex: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

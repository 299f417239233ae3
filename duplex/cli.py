"""The `duplex` command: one line per error, a non-zero status, no traceback unless asked for."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import duplex
from duplex.streaming.errors import DuplexError

COMMANDS = (
    "duplex.commands.demo",
    "duplex.commands.run",
    "duplex.commands.transcribe",
    "duplex.commands.mic",
    "duplex.commands.diarize",
    "duplex.commands.restore",
    "duplex.commands.recover",
    "duplex.commands.serve",
    "duplex.commands.doctor",
)

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except DuplexError as error:
        if args.debug:
            raise
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if args.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except ImportError as error:
        if args.debug:
            raise
        return _fail(f"{error}; `duplex doctor` says what is missing and how to get it")


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = argparse.ArgumentParser(prog="duplex", description="Full-duplex speech: it hears while it speaks.")
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

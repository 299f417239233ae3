"""`duplex demo`: the bundled recording, as a conversation."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path
from typing import Any

from duplex.commands.options import add_settings, load_settings

RECORDING = "demo.flac"


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        parents=[common],
        help="a conversation with a bundled recording: start here",
        description="Runs the bundled recording (a flite voice over real background noise): questions, a hesitation, "
        "a backchannel, a cough, a barge-in, a timer that is due while the user talks.",
    )
    parser.add_argument("--out", metavar="DIR", default="duplex-demo", help="folder for the results (%(default)s)")
    parser.add_argument("--pace", choices=("fast", "real"), default="fast", help="fast (default), or in real time")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.commands.live_view import show

    with resources.as_file(resources.files("duplex") / "data" / RECORDING) as recording:
        show(recording, Path(args.out), load_settings(args), pace=args.pace, quiet=args.quiet)
    return 0

"""`duplex run RECORDING`: a recorded call goes in, a full-duplex conversation comes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from duplex.commands.options import add_channels, add_people, add_settings, load_settings


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "run",
        parents=[common],
        help="hold a conversation with a recording and write down everything",
        description="Plays RECORDING to the assistant as if it were live, and writes, as it happens, what was said, "
        "decided, answered and heard. Any format, any rate; a recorded call with a party on each side is heard as two.",
    )
    parser.add_argument("recording", metavar="RECORDING")
    parser.add_argument("--out", metavar="DIR", help="folder for the results (default: RECORDING's name + .duplex)")
    parser.add_argument(
        "--pace", choices=("fast", "real"), default="fast", help="as fast as it goes (default), or in real time"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_channels(parser)
    add_people(parser)
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.audio_files.channels import check_channels
    from duplex.commands.live_view import show

    check_channels(args.channels)
    recording = Path(args.recording)
    out = Path(args.out) if args.out else recording.with_name(recording.name + ".duplex")
    show(recording, out, load_settings(args), pace=args.pace, quiet=args.quiet, channels=args.channels)
    return 0

"""`duplex recover DIR…`: completes the record of a session that was cut off."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "recover",
        parents=[common],
        help="complete the record of a session that was cut off",
        description="After a crash, a kill or a power failure: makes the transcripts, the speaker turns, the summary "
        "and the picture of a session from its event log, and puts the headers of its sound files right. What is "
        "there already stays.",
    )
    parser.add_argument(
        "folders", metavar="DIR", nargs="+", help="folder of a recorded session, or one with such folders in it"
    )
    parser.add_argument("--no-picture", action="store_true", help="leave timeline.png out")
    parser.add_argument("--again", action="store_true", help="make everything anew, also where nothing is missing")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.session_record.recovery import is_record, records_below, recover
    from duplex.streaming.errors import DuplexError

    failed = 0
    for name in args.folders:
        folder = Path(name)
        for each in [folder] if is_record(folder) else records_below(folder) or [folder]:
            try:
                recovery = recover(each, timeline=not args.no_picture, again=args.again)
            except DuplexError as error:
                if args.debug:
                    raise
                print(f"duplex: {error}", file=sys.stderr)
                failed += 1
                continue
            if not args.quiet:
                print(recovery)
    return 1 if failed else 0

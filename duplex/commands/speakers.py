"""Options of the commands that tell speakers apart."""

from __future__ import annotations

import argparse

from duplex.models.diarization.config import LATENCIES
from duplex.models.diarization.kept_voices import named_voices
from duplex.streaming.errors import SettingsError


def add_speaker_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """--max-speakers, --latency and --speaker; returns their group."""
    group = parser.add_argument_group("speakers")
    group.add_argument("--max-speakers", type=int, metavar="N", help="tell apart at most so many (1 to 8)")
    group.add_argument(
        "--latency",
        type=float,
        choices=tuple(LATENCIES),
        help="seconds that a decision may look ahead; more is more exact (default: as far as the diarizer can)",
    )
    add_known_voices(group)
    return group


def add_known_voices(group: argparse._ArgumentGroup) -> None:
    """--speaker."""
    group.add_argument(
        "--speaker",
        dest="speakers",
        metavar="NAME[=FILE]",
        action="append",
        default=[],
        help="a known voice, alone in FILE for some seconds, or kept by `duplex voices add`; all: all that are kept; "
        "may be given again for others",
    )


def known_voices(args: argparse.Namespace) -> dict[str, str]:
    """Name to file. Raises SettingsError."""
    voices: dict[str, str] = {}
    for given in args.speakers:
        found = named_voices(given, "command line: --speaker")
        if twice := [name for name in found if name in voices]:
            raise SettingsError(f"command line: --speaker names {twice[0]} twice")
        voices |= found
    return voices

"""`duplex transcribe FILE… -o x.srt`: words with their times and speakers."""

from __future__ import annotations

import argparse
from typing import Any

from duplex.commands.options import add_settings, load_settings
from duplex.commands.spoken_texts import add_hearing, run_hearing

DESCRIPTION = """\
Any format, any rate, any length. Speakers are told apart by their voices; of a recorded call each side is a party.
Results by the name of OUT: .srt, .vtt, .txt or .json (.txt and .json hold several recordings). A folder gets all four
for each recording. Without -o the text is printed. The status is 1 if any recording failed; the others are done
nevertheless."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "transcribe",
        parents=[common],
        help="write down what is said in recordings",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_hearing(parser)
    parser.add_argument(
        "--words",
        nargs="?",
        const="karaoke",
        default=None,
        choices=("karaoke", "each"),
        help="subtitles that follow the words: karaoke (the default) marks each word's time in .vtt and underlines the "
        "word of the moment in .srt; each: a cue for every word",
    )
    add_settings(parser, ("language", "recognizer", "diarizer", "hotwords", "written_numbers"))
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.batch.transcribe import transcribe

    settings = load_settings(args)
    words = args.words or settings.subtitle_words
    return run_hearing(args, transcribe, settings, lambda transcript: transcript.captions(), words=words)

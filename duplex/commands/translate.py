"""`duplex translate FILE… --to de -o x.srt`: what is said, in another language."""

from __future__ import annotations

import argparse
from typing import Any

from duplex.commands.options import add_settings, load_settings
from duplex.commands.spoken_texts import add_hearing, run_hearing

DESCRIPTION = """\
Any format, any rate, any length. What is said is recognized, put into sentences, and translated sentence by sentence.
Between English and German that needs nothing else; --translator names a translator for other pairs. A sentence that
the translator cannot do stands in brackets as it was said. Results by the name of OUT: .srt, .vtt, .txt or .json (.txt
and .json hold several recordings). A folder gets all four for each recording. Without -o the text is printed."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "translate",
        parents=[common],
        help="write down in another language what is said in recordings",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_hearing(parser)
    parser.add_argument("--to", metavar="LANGUAGE", help="language to translate to, such as de")
    parser.add_argument("--bilingual", action="store_true", help="with what was said below each translation")
    add_settings(parser, ("language", "recognizer", "diarizer", "translator", "written_numbers"))
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.batch.translate import translate

    settings = load_settings(args)
    to = args.to or settings.translate_to
    return run_hearing(args, translate, settings, lambda lines: lines.captions(bilingual=args.bilingual), to=to)

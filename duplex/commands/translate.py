"""`duplex translate FILE… --to de -o x.srt`: what is said, in another language."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from duplex.commands.options import add_settings, load_settings
from duplex.commands.spoken_texts import add_hearing, run_hearing
from duplex.streaming.errors import SettingsError

DESCRIPTION = """\
Any format, any rate, any length. What is said is recognized, put into sentences, and translated sentence by sentence.
Between English and German that needs nothing else; --translator names a translator for other pairs. A sentence that
the translator cannot do stands in brackets as it was said. --translation-policy gives what a live listener would have
read: under wait-k, say, words that have been written are not taken back. Results by the name of OUT: .srt, .vtt, .txt
or .json (.txt and .json hold several recordings). A folder gets all four for each recording. Without -o the text is
printed."""


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
    spoken = parser.add_argument_group("spoken translation", "with --set also interpret_delay, speech_rate")
    spoken.add_argument(
        "--speak",
        metavar="SOUND",
        help="speak the translation of one recording into this file (.wav, .flac, .mp3 …), along with the speaker",
    )
    spoken.add_argument("--no-original", action="store_true", help="without the original below the spoken translation")
    add_settings(
        parser,
        (
            "language",
            "recognizer",
            "diarizer",
            "translator",
            "translation_policy",
            "written_numbers",
            "synthesizer",
            "voice",
        ),
    )
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.batch.interpret import interpret
    from duplex.batch.translate import translate

    settings = load_settings(args)
    to = args.to or settings.translate_to
    function: Callable[..., Any] = translate
    arguments: dict[str, Any] = {"to": to}
    if args.speak:
        if len(args.files) > 1 or Path(args.files[0]).is_dir():
            raise SettingsError("command line: --speak is for one recording")
        function, arguments = interpret, arguments | {"output": args.speak, "original": not args.no_original}
    return run_hearing(args, function, settings, lambda lines: lines.captions(bilingual=args.bilingual), **arguments)

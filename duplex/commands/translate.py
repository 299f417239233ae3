"""`duplex translate FILE… --to de -o x.srt`: what is said, in another language."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from duplex.commands.file_batch import Render, add_inputs, run_files
from duplex.commands.options import add_channels, add_settings, load_settings
from duplex.commands.speakers import add_speaker_options, known_voices

if TYPE_CHECKING:
    from duplex.batch.translate import TranslatedLines

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
    add_inputs(parser, ".srt, .vtt, .txt, .json")
    parser.add_argument("--to", metavar="LANGUAGE", help="language to translate to, such as de")
    parser.add_argument("--bilingual", action="store_true", help="with what was said below each translation")
    add_channels(parser)
    add_speaker_options(parser).add_argument("--no-speakers", action="store_true", help="do not tell speakers apart")
    add_settings(parser, ("language", "recognizer", "translator", "written_numbers"))
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.audio_files.channels import check_channels
    from duplex.batch.translate import translate
    from duplex.session_record.subtitles import to_srt, to_txt, to_vtt

    settings, voices = load_settings(args), known_voices(args)
    arguments = {
        "to": args.to or settings.translate_to,
        "settings": settings,
        "diarize": False if args.no_speakers else None,
        "max_speakers": args.max_speakers,
        "latency": args.latency,
        "speakers": voices or None,
        "channels": check_channels(args.channels),
    }

    def rendered(write: Any) -> Render:
        return lambda lines, _: write(lines.captions(bilingual=args.bilingual))

    def as_json(lines: TranslatedLines, name: str) -> str:
        return json.dumps(lines.as_dict(), indent=1, ensure_ascii=False) + "\n"

    def all_json(done: dict[str, TranslatedLines]) -> str:
        rows = [{"recording": name, **lines.as_dict()} for name, lines in done.items()]
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"

    def all_text(done: dict[str, TranslatedLines]) -> str:
        texts = {name: to_txt(lines.captions(bilingual=args.bilingual)) for name, lines in done.items()}
        return next(iter(texts.values())) if len(texts) == 1 else "\n".join(f"{n}\n{t}" for n, t in texts.items())

    renderers: dict[str, Render] = {
        ".srt": rendered(to_srt),
        ".vtt": rendered(to_vtt),
        ".txt": rendered(to_txt),
        ".json": as_json,
    }
    together = {".json": all_json, ".txt": all_text}
    return run_files(args, translate, arguments, renderers, together=together, printed=all_text)

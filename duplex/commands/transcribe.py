"""`duplex transcribe FILE… -o x.srt`: words with their times and speakers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from duplex.commands.file_batch import Render, add_inputs, run_files
from duplex.commands.options import add_channels, add_settings, load_settings
from duplex.commands.speakers import add_speaker_options, known_voices

if TYPE_CHECKING:
    from duplex.batch.transcribe import Transcript

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
    add_inputs(parser, ".srt, .vtt, .txt, .json")
    add_channels(parser)
    add_speaker_options(parser).add_argument("--no-speakers", action="store_true", help="do not tell speakers apart")
    parser.add_argument(
        "--words",
        nargs="?",
        const="karaoke",
        default=None,
        choices=("karaoke", "each"),
        help="subtitles that follow the words: karaoke (the default) marks each word's time in .vtt and underlines the "
        "word of the moment in .srt; each: a cue for every word",
    )
    add_settings(parser, ("language", "recognizer", "hotwords", "written_numbers"))
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.audio_files.channels import check_channels
    from duplex.batch.transcribe import transcribe
    from duplex.session_record.subtitles import to_srt, to_txt, to_vtt

    settings, voices = load_settings(args), known_voices(args)
    words = args.words or settings.subtitle_words
    arguments = {
        "settings": settings,
        "diarize": False if args.no_speakers else None,
        "max_speakers": args.max_speakers,
        "latency": args.latency,
        "speakers": voices or None,
        "channels": check_channels(args.channels),
    }

    def as_json(transcript: Transcript, name: str) -> str:
        return json.dumps(transcript.as_dict(), indent=1, ensure_ascii=False) + "\n"

    def all_json(done: dict[str, Transcript]) -> str:
        rows = [{"recording": name, **transcript.as_dict()} for name, transcript in done.items()]
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"

    def all_text(done: dict[str, Transcript]) -> str:
        if len(done) == 1:
            return to_txt(next(iter(done.values())).captions())
        return "\n".join(f"{name}\n{to_txt(transcript.captions())}" for name, transcript in done.items())

    renderers: dict[str, Render] = {
        ".srt": lambda transcript, _: to_srt(transcript.captions(), words),
        ".vtt": lambda transcript, _: to_vtt(transcript.captions(), words),
        ".txt": lambda transcript, _: to_txt(transcript.captions()),
        ".json": as_json,
    }
    together = {".json": all_json, ".txt": all_text}
    return run_files(args, transcribe, arguments, renderers, together=together, printed=all_text)

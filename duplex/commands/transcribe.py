"""`duplex transcribe FILE -o x.srt`: words with their times and speakers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from duplex.commands.options import add_settings, load_settings
from duplex.commands.speakers import add_speaker_options, known_voices
from duplex.streaming.errors import OutputError, SettingsError


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "transcribe",
        parents=[common],
        help="write down what is said in a recording",
        description="Any format, any rate, any length. Speakers are told apart by their voices; of a stereo recording "
        "each channel is a party.",
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help=".srt, .vtt, .txt or .json (default: text on the screen)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_speaker_options(parser).add_argument("--no-speakers", action="store_true", help="do not tell speakers apart")
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from duplex.batch.transcribe import transcribe
    from duplex.session_record.subtitles import to_txt

    render = to_txt if args.output is None else _format(Path(args.output))
    settings, voices = load_settings(args), known_voices(args)
    console = Console(stderr=True, quiet=args.quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("transcribing", total=None, speed="")

        def on_progress(seconds: float, duration: float | None) -> None:
            elapsed = progress.tasks[task].elapsed or 0.0
            speed = f"{seconds / elapsed:.1f} × real time" if elapsed else ""
            progress.update(task, completed=seconds, total=duration, speed=speed)

        transcript = transcribe(
            args.file,
            settings,
            diarize=False if args.no_speakers else None,
            max_speakers=args.max_speakers,
            latency=args.latency,
            speakers=voices or None,
            on_progress=on_progress,
        )
    for note in transcript.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    if args.output is None:
        sys.stdout.write(to_txt(transcript.captions()))
        return 0
    text = json.dumps(transcript.as_dict(), indent=1) + "\n" if render is None else render(transcript.captions())
    try:
        Path(args.output).write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{args.output}: cannot be written ({error.strerror})") from None
    return 0


def _format(path: Path) -> Callable[..., str] | None:
    """The renderer for a file name; None for JSON."""
    from duplex.session_record.subtitles import to_srt, to_txt, to_vtt

    formats: dict[str, Callable[..., str] | None] = {".srt": to_srt, ".vtt": to_vtt, ".txt": to_txt, ".json": None}
    if path.suffix.lower() not in formats:
        raise SettingsError(f"{path}: the name must end in {', '.join(formats)}, which says what is written")
    return formats[path.suffix.lower()]

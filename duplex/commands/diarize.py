"""`duplex diarize FILE… -o out.rttm`: who speaks when."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.commands.speakers import add_speaker_options, known_voices
from duplex.streaming.errors import InputError, OutputError, SettingsError

if TYPE_CHECKING:
    from duplex.batch.diarize import Diarization

SUFFIXES = (".rttm", ".json", ".png")

DESCRIPTION = """\
Any format, any rate, any length; channels are mixed. Results by the name of OUT: .rttm and .json hold one recording or
several (in JSON a list), .png is a picture of one. A folder gets all three for each recording. Without -o the turns are
printed as RTTM. The status is 1 if any recording failed; the others are done nevertheless."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "diarize",
        parents=[common],
        help="tell who speaks when in recordings",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument(
        "-o", "--output", dest="outputs", metavar="OUT", action="append", default=[],
        help=".rttm, .json, .png or a folder; may be given again",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors, and the turns without -o")
    add_speaker_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from duplex.audio_files.reader import open_recording
    from duplex.batch.diarize import MAX_SPEAKERS, diarize_recording, enrol, open_diarizer, unique_names

    outputs = _checked(args.outputs, len(args.files))
    most = MAX_SPEAKERS if args.max_speakers is None else args.max_speakers
    enrolled = enrol(known_voices(args), most)
    diarizer = open_diarizer(args.latency, most)
    console = Console(stderr=True, quiet=args.quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    paths = [Path(file) for file in args.files]
    done: dict[str, Diarization] = {}
    failures: list[InputError] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for path, name in zip(paths, unique_names(paths), strict=True):
            task = progress.add_task(path.name, total=None, speed="")

            def on_progress(seconds: float, duration: float | None, task: Any = task) -> None:
                elapsed = progress.tasks[task].elapsed or 0.0
                speed = f"{seconds / elapsed:.1f} × real time" if elapsed else ""
                progress.update(task, completed=seconds, total=duration, speed=speed)

            try:
                done[name] = diarize_recording(open_recording(path), diarizer, enrolled, on_progress)
            except InputError as error:
                if len(paths) == 1:
                    raise
                failures.append(error)
                print(f"duplex: {error}", file=sys.stderr)
                continue
            finally:
                progress.stop_task(task)
            for note in done[name].notes:
                console.print(f"note: {path.name}: {note}", highlight=False, markup=False)
            for folder in outputs:
                if folder.is_dir():
                    for suffix in SUFFIXES:
                        _write(folder / f"{name}{suffix}", {name: done[name]})
    for output in outputs:
        if done and not output.is_dir():
            _write(output, done, several=len(paths) > 1)
    if not outputs:
        sys.stdout.write("".join(turns.to_rttm(name) for name, turns in done.items()))
    return 1 if failures else 0


def _checked(outputs: list[str], files: int) -> list[Path]:
    """Whatever would fail at the end is said at the beginning."""
    checked = []
    for output in outputs:
        path = Path(output)
        folder = path.is_dir() or not path.suffix or output.endswith(("/", os.sep))
        if not folder and path.suffix.lower() not in SUFFIXES:
            raise SettingsError(f"{path}: the name must end in {', '.join(SUFFIXES)}, or be a folder's")
        if not folder and path.suffix.lower() == ".png" and files > 1:
            raise SettingsError(f"{path}: a picture shows one recording; name a folder for {files} of them")
        if folder and path.exists() and not path.is_dir():
            raise OutputError(f"{path}: is a file; the results need a folder, or a name in {', '.join(SUFFIXES)}")
        try:
            (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        checked.append(path)
    return checked


def _write(path: Path, done: Mapping[str, Diarization], several: bool = False) -> None:
    suffix = path.suffix.lower()
    if suffix == ".png":
        from duplex.pictures.speaker_timeline import draw_speakers

        for name, turns in done.items():
            draw_speakers(turns, path, title=name)
        return
    if suffix == ".rttm":
        text = "".join(turns.to_rttm(name) for name, turns in done.items())
    else:
        recordings = [{"recording": name, **turns.as_dict()} for name, turns in done.items()]
        text = json.dumps(recordings if several else recordings[0], indent=1, ensure_ascii=False) + "\n"
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(text, "utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None

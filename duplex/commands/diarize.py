"""`duplex diarize FILE… -o out.rttm`: who speaks when."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.commands.file_batch import Render, add_inputs, run_files
from duplex.commands.options import add_channels
from duplex.commands.speakers import add_speaker_options, known_voices
from duplex.models.diarization.config import DIARIZERS

if TYPE_CHECKING:
    from duplex.batch.diarize import Diarization

DESCRIPTION = """\
Any format, any rate, any length. Results by the name of OUT: .rttm and .json hold one recording or several (in JSON a
list), .png is a picture of one. A folder gets all three for each recording. Without -o the turns are printed as RTTM.
The status is 1 if any recording failed; the others are done nevertheless."""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "diarize",
        parents=[common],
        help="tell who speaks when in recordings",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser, ".rttm, .json, .png")
    add_channels(parser)
    add_speaker_options(parser).add_argument(
        "--diarizer",
        default="auto",
        choices=DIARIZERS,
        help="ls-eend; segmentation: pyannote segmentation and CAM++; auto (default): segmentation where no latency is "
        "given and it can be had, else ls-eend",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.audio_files.channels import check_channels
    from duplex.batch.diarize import MAX_SPEAKERS, enrol, open_diarizer

    most = MAX_SPEAKERS if args.max_speakers is None else args.max_speakers
    arguments = {
        "latency": args.latency,
        "max_speakers": most,
        "name": args.diarizer,
        "channels": check_channels(args.channels),
    }
    enrolled = enrol(known_voices(args), most)
    diarizer = open_diarizer(args.latency, most, args.diarizer)  # what is wrong with it is said before any work
    here = args.jobs == 1 or (len(args.files) < 2 and not Path(args.files[0]).is_dir())
    if here:
        arguments = {"diarizer": diarizer, "channels": arguments["channels"]}
    renderers: dict[str, Render] = {
        ".rttm": lambda turns, name: turns.to_rttm(name),
        ".json": lambda turns, name: _json({"recording": name, **turns.as_dict()}),
        ".png": _picture,
    }
    return run_files(
        args,
        _with_diarizer if here else _diarize,
        arguments | {"enrolled": enrolled},
        renderers,
        together={
            ".rttm": _rttm,
            ".json": lambda done: _json([{"recording": name, **turns.as_dict()} for name, turns in done.items()]),
        },
        printed=_rttm,
    )


def _with_diarizer(
    path: str, diarizer: Any, enrolled: Any, channels: str | int, on_progress: Any = None
) -> Diarization:
    from duplex.audio_files.reader import open_recording
    from duplex.batch.diarize import diarize_recording

    return diarize_recording(open_recording(path, channels), diarizer, enrolled, on_progress)


def _diarize(
    path: str,
    latency: float | None,
    max_speakers: int,
    name: str,
    enrolled: Any,
    channels: str | int,
    on_progress: Any = None,
) -> Diarization:
    """In a process of its own, which loads its diarizer."""
    from duplex.batch.diarize import open_diarizer

    return _with_diarizer(path, open_diarizer(latency, max_speakers, name), enrolled, channels, on_progress)


def _rttm(done: dict[str, Diarization]) -> str:
    from duplex.session_record.rttm import written_names

    names = written_names(done)  # two recordings stay two, also where their names are written alike
    return "".join(turns.to_rttm(names[name]) for name, turns in done.items())


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _picture(turns: Diarization, name: str) -> bytes:
    from duplex.pictures.speaker_timeline import draw_speakers

    with tempfile.TemporaryDirectory(prefix="duplex-") as folder:
        path = Path(folder, "turns.png")
        draw_speakers(turns, path, title=name.encode("utf-8", "backslashreplace").decode())
        return path.read_bytes()

"""What `transcribe` and `translate` share: how recordings are heard, and results that are captions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from duplex.commands.file_batch import Render, add_inputs, run_files
from duplex.commands.options import add_channels
from duplex.commands.speakers import add_speaker_options, known_voices

if TYPE_CHECKING:
    from duplex.session_record.subtitles import Caption
    from duplex.settings import Settings


def add_hearing(parser: argparse.ArgumentParser) -> None:
    """FILE… and where results go, --channels, and who is heard."""
    add_inputs(parser, ".srt, .vtt, .txt, .json")
    add_channels(parser)
    add_speaker_options(parser).add_argument("--no-speakers", action="store_true", help="do not tell speakers apart")


def run_hearing(
    args: argparse.Namespace,
    function: Callable[..., Any],
    settings: Settings,
    captions: Callable[[Any], Sequence[Caption]],
    *,
    words: str = "",
    **arguments: Any,
) -> int:
    """Works on all inputs as the options of `add_hearing` say; returns the status.

    function, arguments: of the work, whose result has `as_dict` and `notes`. captions: out of a result. words: how
    subtitles follow the words.
    """
    from duplex.audio_files.channels import check_channels
    from duplex.session_record.subtitles import to_srt, to_txt, to_vtt

    heard = {
        "settings": settings,
        "diarize": False if args.no_speakers else None,
        "max_speakers": args.max_speakers,
        "latency": args.latency,
        "speakers": known_voices(args) or None,
        "channels": check_channels(args.channels),
    }

    def all_json(done: dict[str, Any]) -> str:
        return _json([{"recording": name, **result.as_dict()} for name, result in done.items()])

    def all_text(done: dict[str, Any]) -> str:
        texts = {name: to_txt(captions(result)) for name, result in done.items()}
        return next(iter(texts.values())) if len(texts) == 1 else "\n".join(f"{n}\n{t}" for n, t in texts.items())

    renderers: dict[str, Render] = {
        ".srt": lambda result, _: to_srt(captions(result), words),
        ".vtt": lambda result, _: to_vtt(captions(result), words),
        ".txt": lambda result, _: to_txt(captions(result)),
        ".json": lambda result, _: _json(result.as_dict()),
    }
    together = {".json": all_json, ".txt": all_text}
    return run_files(args, function, {**heard, **arguments}, renderers, together=together, printed=all_text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

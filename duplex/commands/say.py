"""`duplex say TEXT|FILE|- -o x.wav`: a text, spoken."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.commands.options import add_settings, load_settings
from duplex.streaming.errors import InputError

DESCRIPTION = """\
Speaks a text, the text in a file, or standard input line by line (-), over the loudspeaker as it is made, or into a
file: .wav, .flac, .ogg, .opus, .mp3, .m4a or .aiff. A voice is one of `duplex doctor --voices`, or a Piper voice
(NAME.onnx with NAME.onnx.json beside it, or a name of the model store)."""

_TEXT_FILES = (".txt", ".md", ".text", ".rst", ".srt")


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "say",
        parents=[common],
        help="speak a text, to a file or the loudspeaker",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="+", metavar="TEXT|FILE|-", help="what to say")
    parser.add_argument("-o", "--out", metavar="FILE", help="write a sound file instead of playing")
    parser.add_argument("--rate", type=float, metavar="SPEED", help="1.0 is the voice's own speed, 0.5 half")
    parser.add_argument("--marks", metavar="JSON", help="write where each word of the text is heard")
    parser.add_argument("--output", default="", metavar="DEVICE", help="loudspeaker to play on (default: the default)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_settings(parser, ("language", "synthesizer", "voice"))
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.audio_files.atomic_write import check_writable, write_whole
    from duplex.batch.say import say

    settings = load_settings(args)
    text = _text(args.text)
    if args.marks:
        check_writable(Path(args.marks))
    with _player(args) as play:
        speech = say(
            text,
            args.out,
            settings,
            language=args.setting_language,
            rate=args.rate,
            on_chunk=play,
        )
    if args.marks:
        write_whole(Path(args.marks), json.dumps(speech.as_dict(), indent=1, ensure_ascii=False) + "\n")
    if not args.quiet:
        print(f"{args.out or 'said'}: {speech.duration:.1f} s, {len(speech.words)} words")
    return 0


@contextlib.contextmanager
def _player(args: argparse.Namespace) -> Iterator[Callable[[np.ndarray, int], None] | None]:
    """What plays a chunk; None where a file is written. The device is opened before any work, and known to be there."""
    if args.out:
        yield None
        return
    from duplex.microphone.devices import choose_device
    from duplex.microphone.loudspeaker import Loudspeaker

    choose_device("output", args.output)
    with contextlib.ExitStack() as stack:
        opened: list[Loudspeaker] = []

        def play(samples: np.ndarray, rate: int) -> None:
            if not opened:
                opened.append(stack.enter_context(Loudspeaker(args.output, sample_rate=rate)))
            opened[0].write(samples)

        yield play


def _text(words: list[str]) -> str | Iterator[str]:
    """The text, or the lines of standard input as they come. Raises InputError."""
    if words == ["-"]:
        return _lines()
    only = words[0] if len(words) == 1 else ""
    path = Path(only)
    try:
        named = bool(only) and "\n" not in only and path.is_file()
    except (OSError, ValueError):  # a text that is too long for a name
        named = False
    if named:
        return _read(path)
    if only and path.suffix.lower() in _TEXT_FILES and " " not in only:
        raise InputError(f"{only}: no such file")
    text = " ".join(words)
    if not text.strip():
        raise InputError("there is nothing to say: the text is empty")
    return text


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text in UTF-8") from None
    if not text.strip():
        raise InputError(f"{path}: there is nothing to say: the file is empty")
    return text


def _lines() -> Iterator[str]:
    if sys.stdin is None:  # closed by who started this process
        return
    for line in iter(sys.stdin.buffer.readline, b""):
        yield line.decode("utf-8", "replace")

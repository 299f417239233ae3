"""What the commands that turn recordings into texts share: inputs, outputs, progress, failures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from duplex.batch.files import Source, check_targets, sources, work
from duplex.streaming.errors import DuplexError, InputError, OutputError, SettingsError

Render = Callable[[Any, str], str | bytes]
"""(result, the recording's name) to a file's content."""


def add_inputs(parser: argparse.ArgumentParser, outputs: str) -> None:
    """FILE…, -o, --jobs and --quiet."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="recordings, folders of them, or - (standard input)")
    parser.add_argument(
        "-o", "--output", dest="outputs", metavar="OUT", action="append", default=[],
        help=f"{outputs} or a folder; may be given again",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to work in (%(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors, and the result without -o")


def is_folder(output: str) -> bool:
    """Whether a name given with -o is a folder's."""
    path = Path(output)
    return path.is_dir() or not path.suffix or output.endswith(("/", os.sep))


def run_files(
    args: argparse.Namespace,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    renderers: dict[str, Render],
    *,
    together: dict[str, Callable[[dict[str, Any]], str]],
    printed: Callable[[dict[str, Any]], str],
) -> int:
    """Works on all inputs and writes the results; returns the status.

    function, arguments: as for `work`; in this process it also gets `on_progress`. renderers: by suffix, what a folder
    gets for each recording. together: by suffix, what holds several recordings in one file. printed: without -o.
    """
    from rich.console import Console

    if args.jobs < 1:
        raise SettingsError(f"command line: --jobs must be at least 1, not {args.jobs}")
    with sources(args.files) as (recordings, empty):
        if empty and not recordings:
            raise InputError(empty[0])
        if not recordings:
            raise InputError("nothing to do: no recording was found")
        single = [Path(each) for each in args.outputs if not is_folder(each)]
        folders = [Path(each) for each in args.outputs if is_folder(each)]
        for output in single:
            _check_single(output, len(recordings), renderers, together)
        for folder in folders:
            if folder.exists() and not folder.is_dir():
                raise OutputError(
                    f"{folder}: is a file; the results need a folder, or a name in {', '.join(renderers)}"
                )
        targets = [folder / f"{each.name}{suffix}" for folder in folders for each in recordings for suffix in renderers]
        check_targets([*single, *targets], recordings)
        console = Console(stderr=True, quiet=args.quiet, soft_wrap=True)
        failures = list(empty)
        for line in empty:
            print(f"duplex: {line}", file=sys.stderr)
        done: dict[str, Any] = {}
        for source, result in _with_progress(console, recordings, function, arguments, args.jobs):
            failure = _settle(source, result, folders, renderers, done)
            if failure is not None:
                if len(recordings) == 1:
                    raise failure
                failures.append(str(failure))
                print(f"duplex: {failure}", file=sys.stderr)
                continue
            for note in result.notes:
                where = f"{source.path.name}: " if len(recordings) > 1 else ""
                console.print(f"note: {where}{note}", highlight=False, markup=False)
    _write_single(single, done, len(recordings) > 1, renderers, together)
    if not args.outputs:
        sys.stdout.write(printed(done))
    return 1 if failures else 0


def _check_single(output: Path, count: int, renderers: dict[str, Render], together: dict[str, Any]) -> None:
    suffix = output.suffix.lower()
    if suffix not in renderers:
        raise SettingsError(f"{output}: the name must end in {', '.join(renderers)}, or be a folder's")
    if count > 1 and suffix not in together:
        what = "a picture shows one recording" if suffix == ".png" else f"a {suffix} file holds one recording"
        raise SettingsError(f"{output}: {what}; name a folder for {count} of them")


def _settle(
    source: Source, result: Any, folders: Sequence[Path], renderers: dict[str, Render], done: dict[str, Any]
) -> DuplexError | None:
    """Writes a recording's results into the folders; returns what went wrong."""
    from duplex.audio_files.atomic_write import write_whole

    if isinstance(result, DuplexError):
        return result
    done[source.name] = result
    try:
        for folder in folders:
            for suffix, render in renderers.items():
                target = folder / f"{source.name}{suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, render(result, source.name))
    except OSError as error:
        return OutputError(f"{error.filename}: cannot be written ({error.strerror})")
    except DuplexError as error:
        return error
    except Exception as error:  # a fault in drawing, say: it ends this recording's results and no other's
        return OutputError(f"{source.path}: the results cannot be written ({type(error).__name__}: {error})")
    return None


def _write_single(
    outputs: Sequence[Path], done: dict[str, Any], several: bool, renderers: dict[str, Render], together: dict[str, Any]
) -> None:
    from duplex.audio_files.atomic_write import write_whole

    if not done:
        return
    for output in outputs:
        suffix = output.suffix.lower()
        name, result = next(iter(done.items()))
        write_whole(output, together[suffix](done) if several else renderers[suffix](result, name))


def _with_progress(
    console: Any, recordings: Sequence[Source], function: Callable[..., Any], arguments: dict[str, Any], jobs: int
) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from duplex.commands.pull_progress import announce_pulls

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    here = jobs == 1 or len(recordings) < 2
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    if not here:
        progress.start()
    try:
        files = progress.add_task("files", total=len(recordings), speed="", visible=len(recordings) > 1)
        current = progress.add_task("", total=None, speed="", visible=here)

        def on_progress(seconds: float, duration: float | None) -> None:
            progress.start()  # not earlier: a model that is pulled before shows a bar of its own
            elapsed = progress.tasks[1].elapsed or 0.0
            speed = f"{seconds / elapsed:.1f} × real time" if elapsed else ""
            progress.update(current, completed=seconds, total=duration, speed=speed)

        extra = {"on_progress": on_progress} if here else {}
        begin = None if console.quiet else announce_pulls
        for source, result in work(recordings, function, arguments | extra, jobs, begin):
            yield source, result
            progress.advance(files)
            progress.reset(current)
    finally:
        progress.stop()

"""Which recordings are restored, and where each result goes.

One folder is mirrored: IN/a/b.wav becomes OUT/a/b.wav. Of several inputs, files go to OUT/name and folders to
OUT/folder/…, as `cp -r` would put them. A single file may also be given the name of its result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from duplex.audio_files.atomic_write import temporary_name
from duplex.audio_files.formats import can_name
from duplex.streaming.errors import InputError, OutputError, SettingsError

_SUFFIXES = """
.wav .wave .rf64 .w64 .bwf .aif .aiff .aifc .au .snd .caf .flac .ogg .oga .opus .spx .mp3 .mp2 .m4a .m4b .aac .ac3 .eac3
.wma .amr .awb .wv .ape .tta .mpc .mka .weba .webm .3gp .3ga .gsm .voc .sph .nist .sds .dsf .mp4 .mov .mkv
"""
AUDIO_SUFFIXES = frozenset(_SUFFIXES.split())
"""Of the files in a folder, those with these suffixes are taken; a file named on its own is always tried."""


@dataclass(frozen=True, slots=True)
class Item:
    """One recording to restore.

    relative: the result's path below OUT, with "/": its name in the report. part: where it is written until it is
    whole. overwrite: whatever is at the target may be replaced; own: this file may, for an earlier run made it.
    convert: the result's name asks for another format. measure_only: the result stands; only its figures are wanted.
    loudness: "keep" gives the result its source's loudness, "free" what the model makes.
    """

    source: str
    target: str
    relative: str
    part: str
    overwrite: bool = False
    own: str | None = None
    convert: bool = False
    reference: str | None = None
    wants_reference: bool = False
    spectrogram: bool = False
    measure_only: bool = False
    loudness: str = "keep"

    def check_free(self, target: str) -> None:
        """Raises OutputError if a file that is nobody's to replace is at `target`."""
        if not self.overwrite and target != self.own and os.path.lexists(target):
            raise OutputError(f"{target}: is in the way and was not made from this source; overwriting replaces it")


@dataclass(frozen=True, slots=True)
class Plan:
    """items: in the order given, folders sorted. failures: (name, message) of what cannot be restored. others: files
    of the folders that are not recordings. root: the folder below which everything is written."""

    items: tuple[Item, ...]
    failures: tuple[tuple[str, str], ...]
    others: int
    root: Path
    single: bool


def plan(inputs: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, mkdir: bool = True) -> Plan:
    """Finds the recordings and gives each its target. Raises InputError, OutputError and SettingsError for what makes
    the whole of it senseless: no input, an OUT inside an input folder, an OUT that is a file in the way."""
    sources = [Path(name) for name in inputs]
    if not sources:
        raise InputError("nothing to restore: no file or folder was given")
    out = Path(out)
    single = len(sources) == 1 and not sources[0].is_dir() and _names_a_file(out, sources[0])
    root = out.parent if single else out
    if not single and out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; the results need a folder")
    for source in sources:
        if source.is_dir() and _within(root.resolve(), source.resolve()):
            raise SettingsError(
                f"{out}: lies inside {source}, so that results would become inputs; choose a folder outside of it"
            )
    failures: list[tuple[str, str]] = []
    items: list[Item] = []
    taken: dict[str, str] = {}
    seen: set[Path] = set()
    others = 0
    for source, relative in find_recordings(sources, failures):
        if relative is None:
            others += 1
            continue
        real = source.resolve()
        if real in seen:
            continue
        seen.add(real)
        target = out if single else out / relative
        key = os.path.normcase(target)
        if key in taken:
            failures.append(
                (str(source), f"its result would have the name of that of {taken[key]}; restore them apart")
            )
        elif not _within(target.parent.resolve(), root.resolve()):
            failures.append((str(source), f"a link leads its result out of {root}"))
        else:
            taken[key] = str(source)
            part = str(target.parent / temporary_name())
            convert = single and target.suffix.lower() != source.suffix.lower()
            items.append(Item(str(source), str(target), relative.as_posix(), part, convert=convert))
    overwritten = {item.source for item in items if Path(item.target).exists() and Path(item.target).resolve() in seen}
    failures += [(name, "its result would replace a source; choose another OUT") for name in sorted(overwritten)]
    kept = tuple(item for item in items if item.source not in overwritten)
    if mkdir:
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{root}: cannot be made ({error.strerror})") from error
    return Plan(kept, tuple(failures), others, root, single)


def sweep(root: Path) -> None:
    """Removes what an interrupted run left unfinished below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(".duplex-") and name.endswith(".part"):
                Path(folder, name).unlink(missing_ok=True)


def find_reference(reference: str | os.PathLike[str], relative: str) -> str | None:
    """The clean recording for a result: the same path below the folder `reference`, with any audio suffix."""
    folder = Path(reference)
    if folder.is_file():
        return str(folder)
    exact = folder / relative
    if exact.is_file():
        return str(exact)
    same = [path for suffix in sorted(AUDIO_SUFFIXES) if (path := exact.with_suffix(suffix)).is_file()]
    return str(same[0]) if len(same) == 1 else None


def find_recordings(sources: Sequence[Path], failures: list[tuple[str, str]]) -> Iterator[tuple[Path, Path | None]]:
    """(source, path below OUT) of each recording; (source, None) of each other file in a folder. failures: filled with
    (name, why) of folders in which there is nothing."""
    for source in sources:
        if not source.is_dir():
            yield source, Path(source.name)
            continue
        base = Path() if len(sources) == 1 else Path(source.resolve().name)
        recordings = 0
        for path in _walk(source, failures):
            recording = _is_recording(path)
            recordings += recording
            yield path, base / path.relative_to(source) if recording else None
        if not recordings:
            failures.append((str(source), "there are no recordings in this folder"))


def _walk(folder: Path, failures: list[tuple[str, str]]) -> Iterator[Path]:
    """All files below, sorted; links to folders are not followed, hidden files are passed over."""

    def unreadable(error: OSError) -> None:
        failures.append((str(error.filename), f"the folder cannot be read ({error.strerror})"))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def _is_recording(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _names_a_file(out: Path, source: Path) -> bool:
    suffix = out.suffix.lower()
    if out.is_dir() or suffix not in AUDIO_SUFFIXES:
        return False
    if suffix != source.suffix.lower() and not can_name(suffix):
        raise SettingsError(f"{out}: {suffix} cannot be written from another format; choose .wav or .flac, say")
    return True


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents

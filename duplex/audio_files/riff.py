"""Headers whose sizes are wrong, as streams and interrupted recorders leave them, corrected while they are read."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_UNKNOWN = 0xFFFFFF00
"""Sizes from here on mean "not known yet"."""

_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
_SHORTEST = 0.25
"""Seconds of further sound that are worth reading."""


@dataclass(frozen=True, slots=True)
class Repair:
    """patches: bytes to read instead of those in the file, by offset. note: what was wrong, for the user, or None."""

    patches: tuple[tuple[int, bytes], ...] = ()
    note: str | None = None


def examine(path: Path) -> Repair:
    """Compares the sizes in a file's header with the file. Only those of WAV files are corrected."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            promised = _promised(head + file.read(28))
            lost = promised is not None and promised > size
            return Repair(note=f"the file is truncated: {size} of {promised} bytes are there" if lost else None)
        byte_rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
            start = file.tell()
            if name == b"fmt " and 16 <= length < 1024:
                channels, rate, _, align = struct.unpack("<HIIH", file.read(length)[2:14])
                # The header's own byte rate is often wrong; for block coders it is the better of the two.
                byte_rate = rate * align if align <= 16 * max(1, channels) else rate
            if name == b"data":
                return _repaired(file, start, length, size, byte_rate)
            file.seek(start + length + length % 2)
    return Repair()


def _promised(head: bytes) -> int | None:
    """The size of the whole file by the header of an AIFF, AU, RF64 or W64 file, if it says."""
    if head[:4] == b"FORM":
        return int.from_bytes(head[4:8], "big") + 8
    if head[:4] == b".snd":
        start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
        return start + length if length < _UNKNOWN else None
    if head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        return int.from_bytes(head[20:28], "little") + 8
    if head[:4] == b"riff":
        return int.from_bytes(head[16:24], "little")
    return None


def _repaired(file: BinaryIO, start: int, length: int, size: int, byte_rate: int) -> Repair:
    there = size - start
    unknown = length >= _UNKNOWN
    if unknown or length > there:
        note = None if unknown else f"the file is truncated: {there} of {length} bytes of sound are there"
        return Repair(_sizes(start, there, size), note)
    rest = there - length
    file.seek(start + length)
    if file.read(5).strip(b"\0")[:4] == b"RIFF":
        return Repair(note="a second recording follows in the same file; only the first was read")
    if rest <= max(8, round(_SHORTEST * byte_rate)) or not byte_rate or _is_other(file, start + length, size):
        return Repair()
    if not length:  # a stream: the size was never filled in
        return Repair(_sizes(start, there, size))
    seconds = length / byte_rate
    note = f"the header ends the sound at {seconds:.1f} s, but {there / byte_rate:.1f} s are there: all of it was read"
    return Repair(_sizes(start, there, size), note)


def _is_other(file: BinaryIO, at: int, size: int) -> bool:
    """Whether what follows the sound is chunks, a tag or nothing but zeros, rather than more sound."""
    file.seek(at)
    if file.read(16).startswith((*_TAGS, b"RIFF")) or _is_zero(file, at, size):
        return True
    return _are_chunks(file, at, size) or _are_chunks(file, at + at % 2, size)


def _is_zero(file: BinaryIO, at: int, size: int) -> bool:
    """Whether there are only zeros, as far as some pieces from all over tell."""
    for place in range(at, size, max(4096, (size - at) // 64)):
        file.seek(place)
        if file.read(4096).strip(b"\0"):
            return False
    return True


def _are_chunks(file: BinaryIO, at: int, size: int) -> bool:
    first = at
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        if at > first and not head.strip(b"\0"):
            return True
        if not all(0x20 <= byte < 0x7F for byte in head[:4]):
            return False
        length = int.from_bytes(head[4:], "little")
        at += 8 + length + length % 2
    return at <= size + 8


def _sizes(start: int, there: int, size: int) -> tuple[tuple[int, bytes], ...]:
    if size > 0xFFFFFFFF:
        return ((4, b"\xff" * 4), (start - 4, b"\xff" * 4))
    return ((4, struct.pack("<I", size - 8)), (start - 4, struct.pack("<I", there)))


class PatchedFile(io.RawIOBase):
    """A file, read-only, with some of its bytes replaced."""

    def __init__(self, path: Path, patches: tuple[tuple[int, bytes], ...] = ()) -> None:
        self._file = path.open("rb", buffering=0)
        self._patches = patches
        self.size = os.fstat(self._file.fileno()).st_size
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        at = self._file.tell()
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view) or 0
        self.bytes_read += count
        for offset, data in self._patches:
            first, end = max(at, offset), min(at + count, offset + len(data))
            if first < end:
                view[first - at : end - at] = data[first - offset : end - offset]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

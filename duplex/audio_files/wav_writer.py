"""WAV files that are written as the sound happens and are readable whenever the program stops, however it stops."""

from __future__ import annotations

import os
import struct
from types import TracebackType

import numpy as np

from duplex.streaming.audio import as_float32
from duplex.streaming.errors import OutputError

_HEADER = 80
_LARGEST_RIFF = 0xFFFFFFFF - _HEADER


class WavWriter:
    """Writes 16-bit PCM on a sample clock: sample n of the file is sample n of the clock.

    What has been given is on disk, under a header that says so, after at most about a second of audio; that holds for
    a process that is killed as well. Beyond 4 GiB the header becomes RF64 (EBU Tech 3306), for which a chunk is kept
    free from the start. Raises OutputError, in one line, when the file cannot be written; what was written before stays
    readable, and everything given afterwards is dropped.
    """

    def __init__(self, path: str | os.PathLike[str], rate: int, channels: int = 1) -> None:
        self.path = os.fspath(path)
        self.rate = rate
        self.channels = channels
        self._held: list[np.ndarray] = []
        self._held_length = 0
        self._written = 0  # frames on disk; a gap before a later frame counts, for the file system reads it as zeros
        self._failed = False
        self._file = -1
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
            self._write_header()
        except OSError as error:
            self.close()
            raise OutputError(f"{self.path}: cannot be written ({_reason(error)})") from None

    @property
    def position(self) -> int:
        """The sample after the last one given."""
        return self._written + self._held_length

    def write(self, samples: np.ndarray) -> None:
        """Append samples, (n,) or (n, channels), float in [-1, 1] or integer."""
        self.write_at(self.position, samples)

    def write_at(self, start: int, samples: np.ndarray) -> None:
        """Put samples at their place on the clock. A gap before them is silence; what was there before goes."""
        if start < 0:
            raise ValueError(f"{self.path}: sample {start} lies before the recording's beginning")
        if self._file < 0 or self._failed:
            return
        frames = self._pcm(samples)
        if start != self.position:
            self.flush()
            if start < self._written:
                overlap = frames[: self._written - start]
                self._put(start, overlap)
                frames = frames[len(overlap) :]
            else:
                self._written = start
        self._held.append(frames)
        self._held_length += len(frames)
        if self._held_length >= self.rate:
            self.flush()

    def extend_to(self, position: int) -> None:
        """Make the file at least this long, with silence."""
        if position > self.position and not self._failed:
            self.write_at(position - 1, np.zeros((1, self.channels), np.float32))

    def flush(self) -> None:
        """Everything given so far is on disk, and the header says so."""
        if self._file < 0 or self._failed or not self._held:
            return
        frames = np.concatenate(self._held)
        self._held, self._held_length = [], 0
        self._put(self._written, frames)

    def close(self) -> None:
        """Flush, cut the file at its last sample, close it."""
        try:
            self.flush()
        finally:
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pcm(self, samples: np.ndarray) -> np.ndarray:
        block = as_float32(samples, name=self.path)
        block = block.reshape(-1, 1) if block.ndim == 1 else block
        if block.shape[1] != self.channels:
            raise ValueError(f"{self.path}: got {block.shape[1]} channels, the file has {self.channels}")
        return np.rint(block * 32767.0).astype("<i2")

    def _put(self, start: int, frames: np.ndarray) -> None:
        width = 2 * self.channels
        data = memoryview(frames.tobytes())
        done = 0
        try:
            while done < len(data):
                done += _write_at(self._file, data[done:], _HEADER + start * width + done)
        except OSError as error:
            self._failed = True
            self._written = max(self._written, start + done // width) if done >= width else self._on_disk()
            self._write_header()  # in place: it needs no more room
            saved = self._written / self.rate
            raise OutputError(f"{self.path}: {_reason(error)}; the first {saved:.1f} s are saved") from None
        self._written = max(self._written, start + len(frames))
        self._write_header()

    def _on_disk(self) -> int:
        return max(0, os.fstat(self._file).st_size - _HEADER) // (2 * self.channels)

    def _write_header(self) -> None:
        _write_at(self._file, _header(self.rate, self.channels, self._written), 0)


def repair_header(path: str | os.PathLike[str]) -> float:
    """Makes the header of a file that WavWriter was writing when its process was killed say how much sound there is.

    Returns the seconds that were on disk and that the header did not tell of; 0.0 if it was right. Raises OutputError
    if the file cannot be opened or is not one of WavWriter's.
    """
    name = os.fspath(path)
    try:
        file = os.open(name, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise OutputError(f"{name}: cannot be repaired ({_reason(error)})") from None
    try:
        header, size = os.read(file, _HEADER), os.fstat(file).st_size
        if len(header) < _HEADER or header[:4] not in (b"RIFF", b"RF64") or header[72:76] != b"data":
            raise OutputError(f"{name}: cannot be repaired (not a recording of Duplex)")
        channels, rate = struct.unpack_from("<HI", header, 58)
        told = struct.unpack_from("<I", header, 76)[0]
        if told == 0xFFFFFFFF:
            told = struct.unpack_from("<Q", header, 28)[0]
        width = 2 * channels
        if not width or not rate:
            raise OutputError(f"{name}: cannot be repaired (not a recording of Duplex)")
        there = (size - _HEADER) // width
        if told == there * width:
            return 0.0
        _write_at(file, _header(rate, channels, there), 0)
        return max(0.0, there - told / width) / rate
    except OSError as error:
        raise OutputError(f"{name}: cannot be repaired ({_reason(error)})") from None
    finally:
        os.close(file)


def _header(rate: int, channels: int, frames: int) -> bytes:
    width = 2 * channels
    data = frames * width
    if data <= _LARGEST_RIFF:
        riff = struct.pack("<4sI4s4sI28x", b"RIFF", data + _HEADER - 8, b"WAVE", b"JUNK", 28)
        size = data
    else:
        sizes = struct.pack("<QQQI", data + _HEADER - 8, data, frames, 0)
        riff = struct.pack("<4sI4s4sI28s", b"RF64", 0xFFFFFFFF, b"WAVE", b"ds64", 28, sizes)
        size = 0xFFFFFFFF
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * width, width, 16)
    return riff + form + struct.pack("<4sI", b"data", size)


def _write_at(file: int, data: bytes | memoryview, offset: int) -> int:
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, data)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)

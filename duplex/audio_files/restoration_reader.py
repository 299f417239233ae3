"""Reads any audio file block by block, without ever holding the whole of it.

libsndfile reads what it knows (exact subtypes, no delay), FFmpeg (PyAV) the rest. What a file is, is told by its
content, never by its name; formats that point at other files or addresses (play lists) are not opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.formats import LOSSY, AudioFormat
from duplex.audio_files.reader import check_file, open_container, promised_by_riff
from duplex.audio_files.writer import vorbis_bit_rate
from duplex.streaming.errors import InputError

BLOCK_SECONDS = 1.0

LOWEST_RATE = 1000
"""Hz"""

_PAD_FRAMES = 4096
"""Samples per channel beyond a declared length that can only be a codec's padding."""


class AudioReader:
    """An open audio file: what it is (`format`), what it says of itself (`seconds`, `tags`), and its `blocks()`.

    seconds: as declared or estimated, None if unknown; reading decides. notes: what was wrong with the file without
    keeping it from being read; complete after the last block.
    """

    format: AudioFormat
    seconds: float | None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tags: dict[str, str] = {}
        self.notes: list[str] = []

    def blocks(self, frames: int | None = None) -> Iterator[np.ndarray]:
        """Blocks of (n, channels) float64, full scale ±1; NaN and infinity are replaced by zero and counted."""
        size = frames or max(1, round(BLOCK_SECONDS * self.format.sample_rate))
        total = damaged = 0
        held: list[np.ndarray] = []
        for piece in self._pieces(size):
            if not np.isfinite(piece).all():
                damaged += int(piece.size - np.isfinite(piece).sum())
                piece = np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0)
            total += len(piece)
            held.append(piece)
            if sum(map(len, held)) >= size:
                joined = held[0] if len(held) == 1 else np.concatenate(held)
                whole = len(joined) - len(joined) % size
                for at in range(0, whole, size):
                    yield joined[at : at + size]
                held = [joined[whole:]] if whole < len(joined) else []
        if held:
            yield np.concatenate(held)
        if damaged:
            self.notes.append(f"{damaged} samples were not numbers and became silence")
        seconds = total / self.format.sample_rate
        if self.seconds and seconds < 0.98 * self.seconds - 0.2:
            self.notes.append(f"truncated: {seconds:.1f} s of {self.seconds:.1f} s are there")

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _SoundFileReader(AudioReader):
    def __init__(self, path: Path, file: Any) -> None:
        super().__init__(path)
        self._file = file
        seconds = file.frames / file.samplerate
        bit_rate = None
        if file.subtype in LOSSY and seconds:
            with path.open("rb") as head:
                bit_rate = vorbis_bit_rate(head.read(4096)) or round(path.stat().st_size * 8 / seconds)
        self.format = AudioFormat("soundfile", file.format, file.subtype, file.samplerate, file.channels, bit_rate)
        self.seconds = seconds
        self.tags = {name: text for name, text in file.copy_metadata().items() if name != "software"}

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        import soundfile

        while True:
            try:
                piece = self._file.read(size, dtype="float64", always_2d=True)
            except soundfile.LibsndfileError as error:
                self.notes.append(f"damaged: {error.error_string.removeprefix('Error : ')}")
                return
            if not len(piece):
                return
            yield piece

    def close(self) -> None:
        self._file.close()


class _AvReader(AudioReader):
    def __init__(self, path: Path, container: Any) -> None:
        super().__init__(path)
        self._container = container
        self._stream = container.streams.audio[0]
        self._lost = 0
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise InputError(f"{path}: holds no audio that can be decoded")
        context = self._stream.codec_context
        name = container.format.name
        seconds = container.duration / 1e6 if container.duration else 0.0
        codec = context.codec.canonical_name
        rate = None
        if codec in LOSSY:
            rate = self._stream.bit_rate or (round(path.stat().st_size * 8 / seconds) if seconds else 128_000)
        self.format = AudioFormat(
            "av",
            name,
            codec,
            self._first.sample_rate,
            self._first.layout.nb_channels,
            bit_rate=rate,
            layout=self._first.layout.name,
            sample_format=self._first.format.name,
            pictures=any(not _is_cover(video) for video in container.streams.video),
        )
        declared = self._stream.duration
        self.seconds = float(declared * self._stream.time_base) if declared else seconds or None
        # MP4 says to the sample where the sound ends within the codec's last frame.
        exact = name.startswith("mov") and declared
        self._end = round(declared * self._stream.time_base * self.format.sample_rate) if exact else None
        self.tags = dict(container.metadata) | dict(self._stream.metadata)
        if len(container.streams.audio) > 1:
            self.notes.append(f"the first of {len(container.streams.audio)} sound tracks is taken")

    def _decoded(self) -> Iterator[Any]:
        """Frames of the sound track; a packet that cannot be decoded is skipped and counted."""
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self._lost += 1

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        given, beyond, end = 0, [], self._end
        for frame in self._all_frames():
            if (frame.sample_rate, frame.layout.nb_channels) != (self.format.sample_rate, self.format.channels):
                at = given / self.format.sample_rate
                raise InputError(f"{self.path}: sample rate or channels change at {at:.1f} s; split the file there")
            piece = _samples(frame)
            given += len(piece)
            if end is not None and given > end:
                inside = max(0, len(piece) - (given - end))
                if inside:
                    yield piece[:inside]
                beyond.append(piece[inside:])
                if given - end > _PAD_FRAMES:
                    yield from beyond
                    end = None
                continue
            yield piece
        if self._lost:
            self.notes.append(f"damaged: {self._lost} packets could not be decoded")

    def _all_frames(self) -> Iterator[Any]:
        if self._first is not None:
            yield self._first
            self._first = None
        yield from self._frames

    def close(self) -> None:
        self._container.close()


def open_audio(path: str | os.PathLike[str]) -> AudioReader:
    """Opens an audio file. Raises InputError: missing, unreadable, empty, or not audio."""
    path = Path(path)
    check_file(path)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{path}: its name is not UTF-8, which the libraries need; rename it") from None
    with path.open("rb") as file:
        head = file.read(3)
    # libsndfile's MPEG decoder prints to the terminal.
    is_mpeg = head == b"ID3" or (head[0] == 0xFF and head[1:2] >= b"\xe0")
    reader = None if is_mpeg else _open_soundfile(path)
    reader = reader or _open_av(path)
    if reader is None:
        raise InputError(f"{path}: not an audio file, or one of an unknown or damaged format")
    promised = promised_by_riff(path)
    if promised is not None and promised > path.stat().st_size:
        reader.notes.append(f"truncated: {path.stat().st_size} of {promised} bytes are there")
    rate = reader.format.sample_rate
    if rate < LOWEST_RATE or reader.seconds == 0:
        reader.close()
        raise InputError(
            f"{path}: {'holds no samples' if rate >= LOWEST_RATE else f'{rate} Hz are too few for speech'}"
        )
    return reader


def _open_soundfile(path: Path) -> AudioReader | None:
    import soundfile

    try:
        return _SoundFileReader(path, soundfile.SoundFile(str(path)))
    except (soundfile.SoundFileError, TypeError):
        return None


def _open_av(path: Path) -> AudioReader | None:
    import av

    try:
        container = open_container(path)
    except (av.FFmpegError, ValueError):
        return None
    if not container.streams.audio:
        container.close()
        raise InputError(f"{path}: has no sound track")
    try:
        return _AvReader(path, container)
    except BaseException:
        container.close()
        raise


def _samples(frame: Any) -> np.ndarray:
    """A decoded frame as (n, channels) float64."""
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128.0) / 128.0
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float64)


def _is_cover(video: Any) -> bool:
    import av

    return bool(video.disposition & av.stream.Disposition.attached_pic)

"""Decodes any audio file block by block, without ever holding the whole of it.

libsndfile reads what it knows (exact subtypes, no delay), FFmpeg (PyAV) the rest. What a file is, is told by its
content, never by its name; formats that point at other files or addresses (play lists) are not opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.containers import check_file, open_container, reason
from duplex.audio_files.formats import LOSSY, AudioFormat
from duplex.audio_files.health import Health
from duplex.audio_files.riff import PatchedFile, Repair, examine
from duplex.audio_files.writer import vorbis_bit_rate
from duplex.streaming.errors import InputError

BLOCK_SECONDS = 1.0

LOWEST_RATE = 1000
"""Hz"""


class AudioReader:
    """An open audio file: what it is (`format`), what it says of itself (`seconds`, `tags`), and its `blocks()`.

    seconds: as stated or estimated, None if unknown. stated: seconds if the file states them, None if they are an
    estimate. notes: what was wrong with the file without keeping it from being read; complete after the last block.
    """

    format: AudioFormat
    seconds: float | None
    stated: float | None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tags: dict[str, str] = {}
        self.notes: list[str] = []

    def blocks(self, frames: int | None = None) -> Iterator[np.ndarray]:
        """Blocks of (n, channels) float64, full scale ±1; NaN and infinity are replaced by zero and counted.

        frames: samples of each block but the last; None for a second.
        """
        size = frames or max(1, round(BLOCK_SECONDS * self.format.sample_rate))
        health = Health()
        held: list[np.ndarray] = []
        for piece in self._pieces(size):
            held.append(health.checked(piece))
            if sum(map(len, held)) >= size:
                joined = held[0] if len(held) == 1 else np.concatenate(held)
                whole = len(joined) - len(joined) % size
                for at in range(0, whole, size):
                    yield joined[at : at + size]
                held = [joined[whole:]] if whole < len(joined) else []
        if held:
            yield np.concatenate(held)
        for note in health.notes(self.format, self.stated):
            if note not in self.notes:
                self.notes.append(note)

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SoundFileReader(AudioReader):
    """What libsndfile decodes."""

    def __init__(self, path: Path, file: Any, source: PatchedFile) -> None:
        super().__init__(path)
        self._file = file
        self._source = source
        if file.subtype == "OPUS":
            file.seek(0)  # without it libsndfile decodes Opus with its lead-in
        seconds = file.frames / file.samplerate
        bit_rate = None
        if file.subtype in LOSSY and seconds:
            with path.open("rb") as head:
                bit_rate = vorbis_bit_rate(head.read(4096)) or round(path.stat().st_size * 8 / seconds)
        self.format = AudioFormat("soundfile", file.format, file.subtype, file.samplerate, file.channels, bit_rate)
        self.seconds = self.stated = seconds
        self.tags = {name: text for name, text in file.copy_metadata().items() if name != "software"}

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        import soundfile

        given, damaged = 0, False
        while True:
            try:
                piece = self._file.read(size, dtype="float64", always_2d=True)
            except soundfile.LibsndfileError as error:
                self.notes.append(f"the file is damaged: {error.error_string.removeprefix('Error : ')}")
                damaged = True
                break
            if not len(piece):
                break
            given += len(piece)
            yield piece
        unread = self.format.container == "FLAC" and self._source.bytes_read < 0.9 * self._source.size
        if damaged or unread or (self.format.container == "OGG" and _is_chained(self.path)):
            yield from self._rest(size, given)

    def _rest(self, size: int, given: int) -> Iterator[np.ndarray]:
        """What follows a damaged place or a first recording of several: libsndfile stops there, FFmpeg goes on."""
        try:
            reader = _open_av(self.path)
        except InputError:
            return
        with reader:
            if (reader.format.sample_rate, reader.format.channels) != (self.format.sample_rate, self.format.channels):
                return
            for piece in reader._pieces(size):
                if len(piece) > given:
                    yield piece[given:]
                given = max(0, given - len(piece))

    def close(self) -> None:
        self._file.close()
        self._source.close()


def open_audio(path: str | os.PathLike[str]) -> AudioReader:
    """Opens an audio file. Raises InputError: missing, unreadable, empty, or not audio."""
    path = Path(path)
    check_file(path)
    try:
        repair = examine(path)
        reader = _open_soundfile(path, repair) or _open_av(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({reason(error)})") from None
    if repair.note:
        reader.notes.append(repair.note)
    rate = reader.format.sample_rate
    if rate < LOWEST_RATE or reader.seconds == 0:
        reader.close()
        raise InputError(
            f"{path}: {'there are no samples in it' if rate >= LOWEST_RATE else f'{rate} Hz are too few for speech'}"
        )
    return reader


def _open_soundfile(path: Path, repair: Repair) -> AudioReader | None:
    """None where libsndfile does not know the format, or knows only a part of what is in the file."""
    import soundfile

    with path.open("rb") as file:
        head = file.read(4)
    # libsndfile's MPEG decoder prints to the terminal.
    if head[:3] == b"ID3" or (head[0] == 0xFF and head[1:2] >= b"\xe0"):
        return None
    source = PatchedFile(path, repair.patches)
    try:
        file = soundfile.SoundFile(source)
    except (soundfile.SoundFileError, TypeError):
        source.close()
        return None
    return SoundFileReader(path, file, source)


def _open_av(path: Path) -> AudioReader:
    import av

    from duplex.audio_files.ffmpeg_decoder import FFmpegReader

    try:
        container = open_container(path)
    except (av.FFmpegError, ValueError):
        raise InputError(
            f"{path}: not an audio file, or one of an unknown or damaged format; it cannot be read as audio"
        ) from None
    try:
        stream = container.streams.best("audio")
        if stream is None:
            kinds = sorted({other.type for other in container.streams})
            raise InputError(f"{path}: there is no audio in it, only {', '.join(kinds) or 'nothing'}")
        return FFmpegReader(path, container, stream)
    except BaseException:
        container.close()
        raise


def _is_chained(path: Path) -> bool:
    """Whether an Ogg file is several, one after the other: a stream begins where others have begun and gone on."""
    begun, overlap = False, b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            data = overlap + block
            at = data.find(b"OggS")
            while 0 <= at <= len(data) - 6:
                begins = bool(data[at + 5] & 2)
                if begins and begun:
                    return True
                begun |= not begins
                at = data.find(b"OggS", at + 4)
            overlap = data[-8:] if at < 0 else data[at:]
    return False

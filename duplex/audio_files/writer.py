"""Writes audio block by block in a given format.

Integer samples are rounded, not dithered: a sample that restoration leaves as it was comes out bit for bit. What
exceeds full scale is clipped and counted.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from duplex.audio_files.formats import LOSSY, AudioFormat, encoder, muxer
from duplex.streaming.errors import OutputError

_PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_LARGEST_RIFF = 0xF000_0000

_MP3_KBITS = {
    "MPEG-1": (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    "MPEG-2": (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    "MPEG-2.5": (8, 16, 24, 32, 40, 48, 56, 64),
}


class AudioWriter(Protocol):
    """`clipped` counts the samples beyond full scale so far."""

    clipped: int

    def write(self, block: np.ndarray) -> None:
        """block: (n, channels) float64, full scale ±1."""
        ...

    def close(self) -> None:
        """Completes the file. Raises OutputError, as `write` does."""
        ...


def open_writer(path: Path, format: AudioFormat, name: str, *, frames: int, tags: dict[str, str]) -> AudioWriter:
    """path: where to write. name: what the file will be called. frames: how many are about to come, 0 if unknown.

    Raises OutputError where the format cannot be written after all, or there is no room for it.
    """
    needed = _expected_bytes(format, frames)
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise OutputError(f"{path.with_name(name)}: no space: {needed >> 20} MiB are needed, {free >> 20} MiB are free")
    if format.library == "soundfile":
        return _SoundFileWriter(path, format, name, needed, tags)
    return _AvWriter(path, format, name, tags)


class _SoundFileWriter:
    def __init__(self, path: Path, format: AudioFormat, name: str, expected_bytes: int, tags: dict[str, str]) -> None:
        import soundfile

        self.clipped = 0
        self._path = path
        self._final = path.with_name(name)
        self._frames = 0
        self._lossy = format.subtype in LOSSY
        self._bits = None if self._lossy or format.subtype in ("FLOAT", "DOUBLE") else _PCM_BITS.get(format.subtype, 16)
        # RIFF's sizes are of 32 bits; RF64 is the same file with sizes of 64.
        large = format.container in ("WAV", "WAVEX") and expected_bytes > _LARGEST_RIFF
        with _translated(self._final):
            self._file = soundfile.SoundFile(
                _for_library(path),
                "w",
                format.sample_rate,
                format.channels,
                format.subtype,
                format="RF64" if large else format.container,
                compression_level=_compression_level(format),
            )
            for key, text in tags.items():
                with contextlib.suppress(soundfile.LibsndfileError):  # not every container has tags
                    setattr(self._file, key, text)

    def write(self, block: np.ndarray) -> None:
        if self._bits is not None:
            full = float(1 << (self._bits - 1))
            rounded = np.rint(block * full)
            self.clipped += int(np.count_nonzero(np.abs(rounded) > full))
            block = np.clip(rounded, -full, full - 1).astype(np.int32) << (32 - self._bits)
        elif self._lossy:
            self.clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            block = np.clip(block, -1.0, 1.0)
        with _translated(self._final):
            self._file.write(block)
        self._frames += len(block)

    def close(self) -> None:
        import soundfile

        with _translated(self._final):
            self._file.close()
            with self._path.open("rb") as file:
                written = soundfile.info(file).frames if self._frames else 0
        if written < self._frames:
            raise OutputError(f"{self._final}: only {written} of {self._frames} samples could be written")


def _for_library(path: Path) -> str | int:
    """The path, or an open descriptor where the libraries cannot encode it."""
    try:
        str(path).encode(sys.getfilesystemencoding())
    except UnicodeEncodeError:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    return str(path)


class _AvWriter:
    def __init__(self, path: Path, format: AudioFormat, name: str, tags: dict[str, str]) -> None:
        import av

        self.clipped = 0
        self._final = path.with_name(name)
        self._rate = format.sample_rate
        self._layout = format.layout or ("mono", "stereo")[format.channels - 1]
        self._position = 0
        kind = muxer(format, name)
        # The movie's clock in samples, so that its edit list states the exact length.
        options = {"movie_timescale": str(self._rate)} if kind in ("ipod", "mp4", "mov") else {}
        with _translated(self._final):
            self._container = av.open(f"file:{path}", "w", format=kind, options=options)
            try:
                self._container.metadata.update(tags)
                self._stream = self._container.add_stream(encoder(format), rate=self._rate, layout=self._layout)
                context = self._stream.codec_context
                if format.subtype in LOSSY:
                    self._stream.bit_rate = mp3_bit_rate(format) if format.subtype == "mp3" else format.bit_rate
                elif format.sample_format in {known.name for known in context.codec.audio_formats or ()}:
                    context.format = format.sample_format
                context.open()
                self._resampler = av.AudioResampler(format=context.format, layout=self._layout, rate=self._rate)
            except BaseException:
                self._container.close()
                raise

    def write(self, block: np.ndarray) -> None:
        import av

        if not len(block):
            return
        self.clipped += int(np.count_nonzero(np.abs(block) > 1.0))
        samples = np.ascontiguousarray(np.clip(block, -1.0, 1.0).T)
        with _translated(self._final):
            frame = av.AudioFrame.from_ndarray(samples, "dblp", self._layout)
            frame.sample_rate = self._rate
            frame.pts = self._position
            self._position += samples.shape[1]
            for converted in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(converted))

    def close(self) -> None:
        with _translated(self._final):
            try:
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()


class _translated:
    """Turns what the libraries raise while writing into an OutputError with place and cause."""

    def __init__(self, final: Path) -> None:
        self._final = final

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        import av
        import soundfile

        # soundfile asserts that everything was written: that is how it reports a full disk.
        known = (soundfile.SoundFileError, av.FFmpegError, AssertionError, OSError)
        if not isinstance(error, known):
            return
        folder = self._final.parent
        if folder.is_dir() and shutil.disk_usage(folder).free < 1 << 20:
            raise OutputError(f"{self._final}: no space left") from error
        cause = getattr(error, "strerror", None) or getattr(error, "error_string", None)
        cause = cause or "only a part got through; is there a limit on a file's size?"
        raise OutputError(f"{self._final}: cannot be written ({cause})") from error


def mp3_bit_rate(format: AudioFormat) -> int:
    """The lowest constant rate that MP3 has at this sample rate and that is not below the source's, in bit/s."""
    rate = format.sample_rate
    table = _MP3_KBITS["MPEG-1" if rate >= 32_000 else "MPEG-2" if rate >= 16_000 else "MPEG-2.5"]
    # A file's average lies some per mille beside its codec's rate.
    wanted = 0.97 * (format.bit_rate or 128_000)
    return 1000 * next((kbits for kbits in table if kbits * 1000 >= wanted), table[-1])


def _compression_level(format: AudioFormat) -> float | None:
    """libsndfile's setting from 0 to 1 that comes nearest to the bit rate; None where there is no rate to keep."""
    if format.bit_rate is None:
        return None
    if format.subtype == "OPUS":  # libsndfile: 256 kbit/s a channel at 0, 6 at 1, linear between
        return float(np.clip(1.0 - (format.bit_rate / format.channels - 6_000) / 250_000, 0.0, 1.0))
    if format.subtype == "VORBIS":
        return _vorbis_level(format)
    return None


def vorbis_bit_rate(head: bytes) -> int | None:
    """The nominal bit rate in a Vorbis file's identification header (Vorbis I specification, 4.2.2), if it has one."""
    at = head.find(b"\x01vorbis")
    if at < 0 or len(head) < at + 28:
        return None
    nominal = int.from_bytes(head[at + 20 : at + 24], "little", signed=True)
    return nominal if nominal > 0 else None


def _vorbis_level(format: AudioFormat) -> float:
    """Vorbis has qualities, not rates: the one whose nominal rate, as the encoder states it, comes nearest."""
    import soundfile

    distances = {}
    for level in (float(each) for each in np.linspace(0.0, 1.0, 21)):
        memory = io.BytesIO()
        try:
            with soundfile.SoundFile(
                memory, "w", format.sample_rate, format.channels, "VORBIS", format="OGG", compression_level=level
            ) as file:
                file.write(np.zeros((1, format.channels)))
        except soundfile.LibsndfileError:
            continue  # not every rate has every quality
        distances[level] = abs((vorbis_bit_rate(memory.getvalue()) or 0) - (format.bit_rate or 0))
    return min(distances, key=distances.__getitem__, default=0.5)


def _expected_bytes(format: AudioFormat, frames: int) -> int:
    """About how large the file will be: a lower bound for coders whose rate depends on the sound."""
    if format.bit_rate is not None:
        return int(frames / format.sample_rate * format.bit_rate / 8)
    widths = {"PCM_S8": 1, "PCM_U8": 1, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}
    size = frames * format.channels * widths.get(format.subtype, 2)
    return size // 4 if format.container == "FLAC" or format.library == "av" else size

"""Recordings of any format, rate and number of channels, read as a stream in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError
from duplex.streaming.resample import StreamResampler

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

JITTER = 0.05
"""Seconds by which timestamps may be off before they count as a gap, which is filled with silence."""

LONGEST_GAP = 60.0
"""Seconds; a longer jump of the timestamps is a fault of the file, not a pause in it."""

SOUND = 1e-3
"""A block whose peak is below this level says nothing about whether two channels are the same."""

COMPARED = 30
"""Seconds of sound that must be alike in both channels of a stereo file for it to be one party's."""

_DEMUXERS = (
    "aac,ac3,adx,aiff,alac,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,ea,eac3,flac,flv,g722,g729,gsm,iff,ircam,loas,"
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp2,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,pvf,rm,sds,shn,sox,tak,"
    "truehd,tta,voc,vqf,w64,wav,wsd,wv,xwma"
)


@dataclass
class Recording:
    """A recording on disk; every iterator reads it anew from its beginning.

    duration: seconds, None if the file does not say. created: when it was recorded, from the file's own metadata, else
    its time of last change. notes: what the user should know about it (truncated, clipped, ...); grows while reading.
    """

    path: Path
    sample_rate: int
    channels: int
    duration: float | None
    created: datetime
    notes: list[str] = field(default_factory=list)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields (n, channels) float32 in [-1, 1] at the file's own rate, as it is decoded. Pauses in the timestamps
        are filled with silence, NaN is silence, a damaged packet is skipped. Raises InputError if nothing decodes."""
        health = _Health()
        for block in self._decoded(health):
            yield health.usable(block)
        for note in health.notes(self):
            self._note(note)
        if not health.samples:
            raise InputError(f"{self.path}: no audio could be decoded; is the file damaged?")

    def frames(self, rate: int = SAMPLE_RATE, party_per_channel: bool = True) -> Iterator[np.ndarray]:
        """Yields (n, parties) float32 at `rate`; together exactly as long as the recording, to the nearest sample."""
        parties = self.parties if party_per_channel else 1
        resampler = StreamResampler(self.sample_rate, rate, parties)
        for block in self.blocks():
            out = resampler.push(block if parties > 1 else block.mean(axis=1, keepdims=True))
            if len(out):
                yield np.clip(out, -1.0, 1.0)
        out = resampler.flush()
        if len(out):
            yield np.clip(out, -1.0, 1.0)

    @cached_property
    def parties(self) -> int:
        """2 for a stereo file whose channels differ, else 1. Reads as far as it must to tell."""
        if self.channels > 2:
            self._note(f"{self.channels} channels were mixed into one")
        if self.channels != 2:
            return 1
        compared = 0.0
        for raw in self._decoded(_Health()):
            block = as_float32(raw)
            if np.abs(block).max(initial=0.0) < SOUND:
                continue
            middle = np.square(block.sum(axis=1)).mean()
            side = np.square(block[:, 0] - block[:, 1]).mean()
            if side > 1e-5 * middle:  # 50 dB: what a lossy codec may add to two channels that were the same
                return 2
            compared += len(block) / self.sample_rate
            if compared >= COMPARED:
                break
        self._note("both channels are the same: one party")
        return 1

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _decoded(self, health: _Health) -> Iterator[np.ndarray]:
        """(n, channels) in the file's own sample format, gaps filled."""
        import av

        with open_container(self.path) as container:
            stream = container.streams.best("audio")
            expected: float | None = None
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                    frames = packet.decode()
                except StopIteration:
                    return
                except (av.error.InvalidDataError, av.error.UndefinedError):
                    health.damaged += 1
                    if health.damaged > 1000 and not health.samples:
                        return
                    continue
                except (av.error.FFmpegError, EOFError, OSError):
                    health.damaged += 1
                    return
                for frame in frames:
                    if frame.sample_rate != self.sample_rate:
                        health.rate_changed = True
                        return
                    at = frame.time
                    if at is not None and expected is not None and JITTER < at - expected <= LONGEST_GAP:
                        missing = round((at - expected) * self.sample_rate)
                        health.gaps += missing
                        for start in range(0, missing, self.sample_rate):
                            yield np.zeros((min(self.sample_rate, missing - start), self.channels), np.float32)
                    block = _array(frame, self.channels)
                    health.samples += len(block)
                    yield block
                    expected = None if at is None else at + len(block) / self.sample_rate


@dataclass
class _Health:
    """What was found wrong while reading."""

    samples: int = 0
    damaged: int = 0
    gaps: int = 0
    rate_changed: bool = False
    invalid: int = 0
    clipped: int = 0
    peak: float = 0.0

    def usable(self, raw: np.ndarray) -> np.ndarray:
        """The block as float32 in [-1, 1], with what was wrong about it counted."""
        if np.issubdtype(raw.dtype, np.floating):
            self.invalid += int(raw.size - np.count_nonzero(np.isfinite(raw)))
        block = as_float32(raw)
        level = np.abs(block)
        self.peak = max(self.peak, float(level.max(initial=0.0)))
        self.clipped += int(np.count_nonzero(level > 0.9995))
        return block

    def notes(self, recording: Recording) -> Iterator[str]:
        values = max(1, (self.samples + self.gaps) * recording.channels)
        seconds = (self.samples + self.gaps) / recording.sample_rate
        if self.damaged:
            yield f"{self.damaged} damaged packets were skipped"
        if self.rate_changed:
            yield f"the sample rate changes after {seconds:.1f} s; the rest was left out"
        elif recording.duration is not None and seconds < 0.98 * recording.duration - 0.2:
            yield f"the file is truncated: {seconds:.1f} s of {recording.duration:.1f} s are there"
        if self.gaps:
            yield f"gaps of {self.gaps / recording.sample_rate:.1f} s in all were filled with silence"
        if self.invalid:
            yield f"{self.invalid} samples are not numbers and were taken as silence"
        if self.clipped > 0.001 * values:
            yield f"{100 * self.clipped / values:.1f} % of the samples are clipped; words may be lost"
        if self.samples and not self.peak:
            yield "the recording is silent"


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Any file PyAV reads. Raises InputError, in one line, for whatever cannot be read as audio."""
    import av

    path = Path(path)
    check_file(path)
    try:
        with open_container(path) as container:
            stream = container.streams.best("audio")
            if stream is None:
                kinds = sorted({other.type for other in container.streams})
                raise InputError(f"{path}: there is no audio in it, only {', '.join(kinds) or 'nothing'}")
            rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
            if rate <= 0 or channels <= 0:
                raise InputError(f"{path}: there is no audio in it that can be decoded")
            recording = Recording(path, rate, channels, _duration(container), _created(container, path))
            if len(container.streams.audio) > 1:
                recording.notes.append(f"track {stream.index} of {len(container.streams.audio)} audio tracks is used")
            promised = promised_by_riff(path)
            if promised is not None and promised > path.stat().st_size:
                recording.notes.append(f"the file is truncated: {path.stat().st_size} of {promised} bytes are there")
    except (av.error.FFmpegError, OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as audio ({_reason(error)})") from None
    first = next(recording._decoded(_Health()), None)
    if first is None:
        raise InputError(f"{path}: there are no samples in it")
    return recording


def check_file(path: Path) -> None:
    """Raises InputError unless it is a file that can be read and has something in it."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a recording in it")
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        if not path.is_file():
            raise InputError(f"{path}: is not a regular file")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({_reason(error)})") from None
    except ValueError as error:  # a null character in the name
        raise InputError(f"{str(path)!r}: {error}") from None


def open_container(path: Path) -> InputContainer:
    """FFmpeg's view of a file, and of this one only: play lists, which may name any other file or address, are no
    recordings. Raises av.FFmpegError."""
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    return av.open(f"file:{path}", options=options, metadata_errors="replace")


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]


def _duration(container: InputContainer) -> float | None:
    stream: Any = container.streams.best("audio")
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration is not None else None


def _created(container: InputContainer, path: Path) -> datetime:
    """creation_time as MP4 and Matroska write it, or date and time as Broadcast WAV does, else the file's own time."""
    for metadata in (container.metadata, container.streams.best("audio").metadata):
        tags = {key.lower(): value for key, value in metadata.items()}
        written = tags.get("creation_time", "")
        for stamp in (written, f"{tags.get('date', '')}T{written}"):
            try:
                found = datetime.fromisoformat(stamp)
            except ValueError:
                continue
            if found.year > 1904:  # the zero of MP4's clock means that nobody set it
                return found.astimezone()
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def promised_by_riff(path: Path) -> int | None:
    """The size that a RIFF header gives: FFmpeg silently reads as much as there is."""
    with path.open("rb") as file:
        head = file.read(8)
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if head[:4] == b"RIFF" and 0 < size < 0xFFFFFF00 else None


def _array(frame: AudioFrame, channels: int) -> np.ndarray:
    """(n, channels) from a frame, planar or packed; another number of channels than promised is mixed and spread."""
    raw = frame.to_ndarray()
    own = frame.layout.nb_channels
    block = raw.T if frame.format.is_planar else raw.reshape(-1, own)
    if own == channels:
        return block
    return np.repeat(as_float32(block).mean(axis=1, keepdims=True), channels, axis=1)

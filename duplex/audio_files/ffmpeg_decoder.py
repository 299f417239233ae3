"""FFmpeg's sound: damaged packets skipped, pauses in the timestamps filled, times on the container's clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.containers import created, first_sample, length_of, states_its_length
from duplex.audio_files.decoder import AudioReader
from duplex.audio_files.formats import LOSSY, AudioFormat
from duplex.streaming.errors import InputError

JITTER = 0.05
"""Seconds by which timestamps may be off before they count as a gap, which is filled with silence."""

LONGEST_GAP = 60.0
"""Seconds; a longer jump is a fault of the timestamps where the container does not say that it lasts so long."""

_PAD_FRAMES = 4096
"""Samples per channel beyond a stated length that can only be a codec's padding."""

_MOST_DAMAGED = 1000
"""Damaged packets before the first good one, after which a file is given up."""


class FFmpegReader(AudioReader):
    """What FFmpeg decodes of one audio stream."""

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        super().__init__(path)
        self._container = container
        self._stream = stream
        self._damaged = 0
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise InputError(f"{path}: there is no audio in it that can be decoded")
        first, name = self._first, container.format.name
        codec = stream.codec_context.codec.canonical_name
        length = length_of(container, stream)
        rate = None
        if codec in LOSSY:
            rate = stream.bit_rate or (round(path.stat().st_size * 8 / length) if length else 128_000)
        self.format = AudioFormat(
            "av",
            name,
            codec,
            first.sample_rate,
            first.layout.nb_channels,
            bit_rate=rate,
            layout=first.layout.name,
            sample_format=first.format.name,
            pictures=any(not _is_cover(video) for video in container.streams.video),
        )
        lead = first_sample(container, stream, first.time)
        self._lead = lead if JITTER < lead <= max(length, LONGEST_GAP) else 0.0
        own = float(stream.duration * stream.time_base) if stream.duration else None
        self.seconds = own + self._lead if own else length or None
        self.stated = self.seconds if states_its_length(container, path) else None
        self._last = length if self.stated else 0.0
        # MP4 says to the sample where the sound ends within the codec's last frame.
        self._end = round(own * self.format.sample_rate) if name.startswith("mov") and own else None
        self.tags = dict(container.metadata) | dict(stream.metadata)
        self.created = created(container, stream, path)
        if len(container.streams.audio) > 1:
            number = container.streams.audio.index(stream) + 1
            self.notes.append(f"audio track {number} of {len(container.streams.audio)} is used")

    def _decoded(self) -> Iterator[Any]:
        """Frames of the stream; a packet that cannot be decoded is skipped and counted."""
        import av

        packets = self._container.demux(self._stream)
        good = False
        while good or self._damaged <= _MOST_DAMAGED:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except (av.error.InvalidDataError, av.error.UndefinedError):
                self._damaged += 1
                continue
            except (av.FFmpegError, EOFError, OSError):
                self._damaged += 1
                return
            for frame in frames:
                good = True
                yield frame

    def _pieces(self, size: int) -> Iterator[np.ndarray]:
        rate = self.format.sample_rate
        convert = _Converter(self.format)
        given, gaps = 0, 0.0
        expected: float | None = None
        beyond: list[np.ndarray] = []
        if self._lead:
            self.notes.append(f"the sound starts at {self._lead:.2f} s of the file: silence stands before it")
            yield from self._silence(round(self._lead * rate))
        for frame in self._all_frames():
            at = frame.time
            gap = at - expected if at is not None and expected is not None else 0.0
            if JITTER < gap <= LONGEST_GAP or (gap > LONGEST_GAP and at <= self._last + 1.0):
                gaps += gap
                yield from beyond
                beyond = []
                yield from self._silence(round(gap * rate))
            expected = None if at is None else at + frame.samples / frame.sample_rate
            piece = convert(frame)
            given += len(piece)
            if self._end is not None and given > self._end:
                inside = max(0, len(piece) - (given - self._end))
                if inside:
                    yield piece[:inside]
                beyond.append(piece[inside:])
                if given - self._end > _PAD_FRAMES:
                    yield from beyond
                    self._end = None
                continue
            yield piece
        yield from convert.rest()
        if convert.changed_at is not None:
            self.notes.append(
                f"the sample rate or the channels change at {convert.changed_at:.1f} s: they were unified"
            )
        if self._damaged:
            packets = "damaged packet was" if self._damaged == 1 else "damaged packets were"
            self.notes.append(f"{self._damaged} {packets} skipped")
        if gaps:
            self.notes.append(f"gaps of {gaps:.1f} s in all were filled with silence")

    def _silence(self, samples: int) -> Iterator[np.ndarray]:
        for start in range(0, samples, self.format.sample_rate):
            yield np.zeros((min(self.format.sample_rate, samples - start), self.format.channels))

    def _all_frames(self) -> Iterator[Any]:
        if self._first is not None:
            yield self._first
            self._first = None
        yield from self._frames

    def close(self) -> None:
        self._container.close()


class _Converter:
    """Frames to (n, channels) float64; what changes its rate or channels on the way is brought back to the first's."""

    def __init__(self, format: AudioFormat) -> None:
        self._format = format
        self._resampler: Any = None
        self._source: tuple[Any, ...] = ()
        self._seconds = 0.0
        self.changed_at: float | None = None

    def __call__(self, frame: Any) -> np.ndarray:
        format = self._format
        began, self._seconds = self._seconds, self._seconds + frame.samples / frame.sample_rate
        if (frame.sample_rate, frame.layout.nb_channels) == (format.sample_rate, format.channels):
            return np.concatenate([*self.rest(), _samples(frame)])
        if self.changed_at is None:
            self.changed_at = began
        source = (frame.sample_rate, frame.layout.name, frame.format.name)
        before = list(self.rest()) if source != self._source else []
        if self._resampler is None:
            import av

            layout = format.layout or {1: "mono", 2: "stereo"}[format.channels]
            self._resampler = av.AudioResampler(format="dblp", layout=layout, rate=format.sample_rate)
            self._source = source
        frame.pts = None
        return np.concatenate(
            [np.zeros((0, format.channels)), *before, *map(_samples, self._resampler.resample(frame))]
        )

    def rest(self) -> Iterator[np.ndarray]:
        """What a conversion still holds back."""
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            yield from map(_samples, resampler.resample(None))


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

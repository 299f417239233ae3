"""Recordings of any format, rate and number of channels, read as a stream in constant memory by every command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from duplex.audio_files.channels import RATE, ChannelScan, Downmix, check_channels, one_channel, split
from duplex.audio_files.containers import created, open_container
from duplex.audio_files.crosstalk import gated
from duplex.audio_files.decoder import AudioReader, open_audio
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError
from duplex.streaming.resample import resampled_length

__all__ = ["AudioReader", "Recording", "open_audio", "open_recording"]


class Recording:
    """A recording on disk; every iterator reads it anew from its beginning.

    duration: seconds, None if the file does not say. notes: what the user should know about it (truncated, clipped,
    how its channels are taken, …); grows while reading. channels_as: "auto", "mix", "split" or a channel's number.
    """

    def __init__(self, path: Path, reader: AudioReader, channels_as: str | int = "auto") -> None:
        self.path = path
        self.sample_rate = reader.format.sample_rate
        self.channels = reader.format.channels
        self.duration = reader.seconds
        self.notes = list(reader.notes)
        self._as = check_channels(channels_as)
        if isinstance(self._as, int) and self._as > self.channels:
            raise InputError(f"{path}: there is no channel {self._as}; the recording has {self.channels}")

    @cached_property
    def created(self) -> datetime:
        """When it was recorded, by the file's own metadata, else the time of its last change."""
        import av

        try:
            with open_container(self.path) as container:
                stream = container.streams.best("audio")
                if stream is not None:
                    return created(container, stream, self.path)
        except (av.FFmpegError, OSError, ValueError):
            pass
        return datetime.fromtimestamp(self.path.stat().st_mtime).astimezone()

    @cached_property
    def downmix(self) -> Downmix:
        """How the channels are taken. Reads the recording once where that depends on what is in it."""
        if isinstance(self._as, int):
            chosen = one_channel(self._as, self.channels)
        elif self._as == "split" or self.channels == 1:
            chosen = split(self.channels)
        else:
            scan = self._scan
            chosen = scan.mix() if self._as == "mix" or self.channels > 2 else scan.decide()
        if chosen.note:
            self._note(chosen.note)
        return chosen

    @cached_property
    def mixed(self) -> Downmix:
        """All channels as one, whatever `downmix` is."""
        if self.downmix.parties == 1:
            return self.downmix
        return self._scan.mix()

    @property
    def parties(self) -> int:
        return self.downmix.parties

    @property
    def party_names(self) -> tuple[str, ...]:
        return self.downmix.names

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields (n, channels) float32 in [-1, 1] at the file's own rate. Pauses in the timestamps are filled with
        silence, NaN is silence, a damaged packet is skipped. Raises InputError if nothing decodes."""
        with open_audio(self.path) as reader:
            empty = True
            for block in reader.blocks():
                empty = False
                yield np.clip(block, -1.0, 1.0).astype(np.float32)
            for note in reader.notes:
                self._note(note)
            if empty:
                raise InputError(f"{self.path}: no audio could be decoded; is the file damaged?")

    def frames(self, rate: int = SAMPLE_RATE, party_per_channel: bool = True) -> Iterator[np.ndarray]:
        """Yields (n, parties) float32 at `rate`; together exactly as long as the recording, to the nearest sample.

        party_per_channel: False mixes all channels into one.
        """
        chosen = self.downmix if party_per_channel else self.mixed
        mixed = (chosen.apply(block).astype(np.float32) for block in self.blocks())
        blocks = converted(mixed, self.sample_rate, rate, chosen.parties)
        for block in blocks if chosen.crosstalk is None else gated(blocks, chosen.crosstalk, rate):
            yield np.clip(block, -1.0, 1.0)

    @cached_property
    def _scan(self) -> ChannelScan:
        scan = ChannelScan(self.channels)
        for block in converted(self.blocks(), self.sample_rate, RATE, self.channels, quality="LQ"):
            scan.add(block)
        scan.finish()
        return scan

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def open_recording(path: str | os.PathLike[str], channels: str | int = "auto") -> Recording:
    """Any file that libsndfile or FFmpeg reads.

    channels: "auto" takes each side of a stereo recording as a party where it carries speech of its own, else mixes;
    "mix" mixes all; "split" makes each channel a party; a number, from 1, takes that channel alone.

    Raises InputError, in one line, for whatever cannot be read as audio, SettingsError for other `channels`.
    """
    path = Path(path)
    with open_audio(path) as reader:
        return Recording(path, reader, channels)


def converted(
    blocks: Iterator[np.ndarray], rate_in: int, rate_out: int, channels: int, quality: str = "HQ"
) -> Iterator[np.ndarray]:
    """Blocks of (n, channels) float32 at another sample rate, in all `resampled_length` samples."""
    if rate_in == rate_out:
        yield from (block for block in blocks if len(block))
        return
    import soxr

    stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32", quality=quality)
    taken = given = 0

    def counted(block: np.ndarray, wanted: int) -> np.ndarray:
        nonlocal given
        out = block.reshape(-1, channels)[: wanted - given]
        given += len(out)
        return out

    for block in blocks:
        taken += len(block)
        out = counted(stream.resample_chunk(np.ascontiguousarray(block)), resampled_length(taken, rate_in, rate_out))
        if len(out):
            yield out
    wanted = resampled_length(taken, rate_in, rate_out)
    out = counted(stream.resample_chunk(np.zeros((0, channels), np.float32), last=True), wanted)
    if given < wanted:
        out = np.pad(out, [(0, wanted - given), (0, 0)])
    if len(out):
        yield out

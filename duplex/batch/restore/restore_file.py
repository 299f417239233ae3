"""One recording: read, restored and written block by block, measured as written, put in place when it is whole."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from duplex.audio_files.atomic_write import fitting_name
from duplex.audio_files.decoder import AudioReader, open_audio
from duplex.audio_files.formats import AudioFormat, target_format
from duplex.audio_files.writer import AudioWriter, open_writer
from duplex.batch.restore.loudness import Spool
from duplex.batch.restore.plan import Item
from duplex.batch.restore.report import FileResult
from duplex.metering.measures import Measures
from duplex.models.restoration.band import BandRestorer
from duplex.models.restoration.contract import RestoreOptions
from duplex.streaming.errors import DuplexError, InputError, OutputError
from duplex.streaming.resample import resampler
from duplex.streaming.stage import Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: seconds of its sound, of the total if that is known."""

    relative: str
    done: float
    total: float | None


Restoring = Generator[Progress, None, FileResult]


def restore_file(item: Item, stage: Stage, options: RestoreOptions) -> Restoring:
    """Yields its progress, returns what became of the file; the restored sound is at `item.part`, for `place`.

    Whatever goes wrong is in the result, as one line; then, and when the generator is closed early, nothing is left at
    `item.part`. Memory does not depend on the recording's length.
    """
    result = FileResult(item.source, item.target, item.relative, "failed")
    whole = False
    try:
        after = yield from _restored(item, stage, options, result)
        _measured(item, result, *after)
        result.status = "restored"
        whole = True
    except DuplexError as error:
        result.error = _line(error)
    except MemoryError:
        result.error = f"{item.source}: not enough memory"
    except Exception as error:
        result.error = f"{item.source}: {type(error).__name__}: {_line(error)}"
    finally:
        if not whole:
            discard(item)
    return result


def measure_again(item: Item, result: FileResult) -> None:
    """Figures and picture of an earlier result, renewed. Raises InputError, OutputError."""
    _measured(item, result, _Figures.of_file(item.source, item), None)
    result.notes = list(dict.fromkeys(result.notes))
    place(item, result)


def place(item: Item, result: FileResult) -> None:
    """Gives what `restore_file` left its final name, whole or not at all. Raises OutputError."""
    try:
        if not item.measure_only:
            item.check_free(result.target)
            with open(item.part, "rb") as file:
                os.fsync(file.fileno())
            os.replace(item.part, result.target)
        if item.spectrogram and result.spectrogram:
            if os.path.lexists(result.spectrogram) and not item.overwrite and item.own != result.target:
                result.notes.append(f"no spectrogram: {result.spectrogram} is in the way")
                result.spectrogram = None
            else:
                os.replace(picture_part(item), result.spectrogram)
    except OSError as error:
        raise OutputError(f"{result.target}: cannot be put in place ({error.strerror})") from error
    finally:
        discard(item)


def discard(item: Item) -> None:
    """Removes what is unfinished."""
    Path(item.part).unlink(missing_ok=True)
    picture_part(item).unlink(missing_ok=True)
    spool_part(item).unlink(missing_ok=True)


def picture_part(item: Item) -> Path:
    """Where the spectrogram is drawn until it gets its final name."""
    return Path(item.part.removesuffix(".part") + "-picture.part")


def spool_part(item: Item) -> Path:
    """Where restored samples wait until their loudness is known."""
    return Path(item.part.removesuffix(".part") + "-sound.part")


def _restored(
    item: Item, stage: Stage, options: RestoreOptions, result: FileResult
) -> Generator[Progress, None, tuple[_Figures, _Figures | None]]:
    """Returns the figures of the source, and of the result where they need no decoding."""
    part = Path(item.part)
    with open_audio(item.source) as reader:
        source = _at_rate(reader.format, options.sample_rate)
        format, suffix, notes = target_format(source, Path(item.target).name, convert=item.convert)
        target = Path(item.target)
        target = target.with_name(fitting_name(target.name, suffix))
        result.target = str(target)
        result.sample_rate, result.channels = reader.format.sample_rate, reader.format.channels
        result.container, result.subtype = reader.format.family, reader.format.subtype
        item.check_free(result.target)
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{part.parent}: cannot be made ({error.strerror})") from error
        expected = round((reader.seconds or 0.0) * source.sample_rate)
        writer = open_writer(part, format, target.name, frames=expected, tags=reader.tags)
        began = time.perf_counter()
        before = _Figures(reader.format.sample_rate, reader.format.channels, item.spectrogram)
        after = _Figures(source.sample_rate, source.channels, item.spectrogram) if _is_exact(format) else None
        frames = 0
        try:
            restored = _through(before.watched(reader.blocks()), reader, source, stage, options)
            keep = item.loudness == "keep"
            spool = Spool(spool_part(item), source, target) if keep else None
            for block in restored:
                frames += len(block)
                if spool is not None:
                    spool.add(block)
                else:
                    _write(writer, block, after)
                yield Progress(item.relative, frames / source.sample_rate, reader.seconds)
            if spool is not None:
                gain = spool.gain(before.loudness)
                result.notes += [spool.note] if spool.note else []
                for block in spool.blocks():
                    _write(writer, block if gain == 1.0 else gain * block, after)
        except BaseException:
            with contextlib.suppress(OutputError):
                writer.close()
            raise
        writer.close()
        if not frames:
            raise InputError(f"{item.source}: holds no samples")
        result.elapsed = round(time.perf_counter() - began, 3)
        result.seconds = round(frames / source.sample_rate, 6)
        result.clipped = writer.clipped
        result.notes += notes + reader.notes
        if writer.clipped:
            result.notes.append(f"{writer.clipped} samples of the result were beyond full scale and were clipped")
    return before, after


def _write(writer: AudioWriter, block: np.ndarray, after: _Figures | None) -> None:
    writer.write(block)
    if after is not None:
        after.add(block)


def _through(
    blocks: Iterator[np.ndarray], reader: AudioReader, source: AudioFormat, stage: Stage, options: RestoreOptions
) -> Generator[np.ndarray, None, None]:
    """Restored blocks of (n, channels), as many samples in all as the source has, each channel by itself."""
    channels = range(source.channels)
    convert = [resampler(reader.format.sample_rate, source.sample_rate, live=False) for _ in channels]
    bands = [BandRestorer(stage, source.sample_rate, mix=options.mix) for _ in channels]
    same_rate = reader.format.sample_rate == source.sample_rate
    for block in blocks:
        columns = [block[:, at] if same_rate else convert[at].push(block[:, at]) for at in channels]
        yield np.stack([bands[at].step(columns[at]) for at in channels], axis=1)
    last = [np.zeros(0) if same_rate else convert[at].flush() for at in channels]
    yield np.stack([np.concatenate([bands[at].step(last[at]), bands[at].flush()]) for at in channels], axis=1)


class _Figures:
    """What is measured of a sound while its blocks pass by."""

    def __init__(self, rate: int, channels: int, spectrogram: bool) -> None:
        from duplex.pictures.spectrogram import Spectrogram

        self.measures = Measures(rate, channels)
        self.picture = Spectrogram(rate) if spectrogram else None
        self._rate = rate
        self._frames = 0

    @classmethod
    def of_file(cls, path: str, item: Item) -> _Figures:
        with open_audio(path) as reader:
            figures = cls(reader.format.sample_rate, reader.format.channels, item.spectrogram)
            for _ in figures.watched(reader.blocks()):
                pass
        return figures

    @property
    def seconds(self) -> float:
        return self._frames / self._rate

    @property
    def loudness(self) -> float | None:
        """LUFS."""
        return self.measures.loudness

    def add(self, block: np.ndarray) -> None:
        self._frames += len(block)
        self.measures.add(block)
        if self.picture is not None and len(block):
            self.picture.add(block.mean(axis=1))

    def watched(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self.add(block)
            yield block


def _is_exact(format: AudioFormat) -> bool:
    """Whether what is written is read back as it was, but for rounding: then it need not be decoded to be measured."""
    return format.subtype in ("FLOAT", "DOUBLE") or (format.library == "soundfile" and format.subtype == "PCM_24")


def _measured(item: Item, result: FileResult, before: _Figures, after: _Figures | None) -> None:
    """The figures of source and result; those of the result as it was written."""
    from duplex.pictures.spectrogram import draw

    written = result.target if item.measure_only else item.part
    if after is None or result.clipped:
        after = _Figures.of_file(written, item)
    result.before, result.after = before.measures.result(), after.measures.result()
    if abs(before.seconds - after.seconds) > 0.5 / result.sample_rate + 1e-9:
        result.notes.append(f"its codec writes whole blocks: {before.seconds:.4f} s became {after.seconds:.4f} s")
    if result.before["peak_dbfs"] is None:
        result.notes.append("the source is silent")
    if item.reference:
        from duplex.metering.metrics import compare

        result.reference, notes = compare(item.source, written, item.reference)
        result.notes += notes
    elif item.wants_reference:
        result.notes.append("there is no reference of this name")
    if item.spectrogram and before.picture and after.picture:
        draw(before.picture, after.picture, picture_part(item), title=item.relative)
        target = Path(result.target)
        result.spectrogram = str(target.with_name(fitting_name(target.name, ".png")))


def _at_rate(format: AudioFormat, sample_rate: int | None) -> AudioFormat:
    return format if sample_rate is None else replace(format, sample_rate=sample_rate)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

"""A session on disk, as it happens: the event log, each party's sound, the assistant's, and all of it mixed.

Readable at every moment, also after the process was killed: each event is one write of one line, and the WAV files
are never more than about a second behind. The transcripts, the summary and the picture are made from the log when the
session ends; `write_exports` makes them for one that was cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from duplex.audio_files.wav_writer import WavWriter
from duplex.session_record.rttm import to_rttm
from duplex.session_record.session_log import read_log
from duplex.session_record.subtitles import to_srt, to_txt, to_vtt
from duplex.session_record.summary import summarize_log
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import OutputError
from duplex.streaming.limiter import soft_limit

EVENTS, INPUT, ASSISTANT, MIX = "events.jsonl", "input.wav", "assistant.wav", "mix.wav"
RESTORED = "restored.wav"
TRANSCRIPTS: dict[str, Callable[[Any], str]] = {
    "transcript.srt": to_srt,
    "transcript.vtt": to_vtt,
    "transcript.txt": to_txt,
}
TURNS, SUMMARY, TIMELINE = "turns.rttm", "summary.json", "timeline.png"

LONGEST_WAIT = 10 * SAMPLE_RATE
"""Samples that one side of the mix may be behind the other before it is taken for silent."""


class Sound(Protocol):
    """Samples with their place on the session's clock: `AudioChunk` (n,), `MultichannelFrame` (n, parties)."""

    start: int
    samples: np.ndarray


class Loggable(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


class Recorder:
    """Writes `events.jsonl`, `input.wav` (a channel per party), `assistant.wav` and `mix.wav` into a folder, which it
    makes if need be; files of these names from an earlier session are replaced. A session's sink.

    Raises OutputError, in one line, if something cannot be written, on opening and at any later time (a full disk).
    What was written stays readable.
    """

    def __init__(self, folder: str | os.PathLike[str], parties: Sequence[str] = ("user",)) -> None:
        self.folder = Path(folder)
        _prepare(self.folder)
        self._mixer = _Mixer(("input", "assistant"))
        self._log = _EventLog(self.folder / EVENTS)
        self._writers: list[WavWriter] = []
        self._parties = len(parties)
        self._restored: WavWriter | None = None
        try:
            self._input = self._open(INPUT, len(parties))
            self._assistant = self._open(ASSISTANT, 1)
            self._mix = self._open(MIX, 1)
        except OutputError:
            self._log.close()
            self._close_sound()
            raise
        self._closed = False

    def on_input(self, frame: Sound) -> None:
        """frame.samples: (n, parties) or, of a single party, (n,) float32 at 16 kHz."""
        self._input.write_at(frame.start, frame.samples)
        self._write_mix(*self._mixer.add("input", frame.start, _summed(frame.samples)))

    def on_restored(self, frame: Sound) -> None:
        """The restored input, if restoration is on: `restored.wav`."""
        if self._restored is None:
            self._restored = self._open(RESTORED, self._parties)
        self._restored.write_at(frame.start, frame.samples)

    def on_output(self, chunk: Sound) -> None:
        """chunk.samples: (n,) float32 at 16 kHz, what the assistant says (or its silence) at chunk.start."""
        self._assistant.write_at(chunk.start, chunk.samples)
        self._write_mix(*self._mixer.add("assistant", chunk.start, _summed(chunk.samples)))

    def on_event(self, event: Loggable) -> None:
        self._log.write(event.as_dict())

    def close(self, *, timeline: bool = True) -> list[Path]:
        """Ends the recording, makes the exports, and returns every file that is there. timeline: draw the picture too,
        which takes a second or more. Raises OutputError if something cannot be written."""
        if not self._closed:
            self._closed = True
            try:
                self._write_mix(*self._mixer.rest())
                length = max(writer.position for writer in self._writers)
                for writer in self._writers:
                    writer.extend_to(length)
            finally:
                self._log.close()
                self._close_sound()
            write_exports(self.folder, timeline=timeline)
        names = (EVENTS, INPUT, RESTORED, ASSISTANT, MIX, *TRANSCRIPTS, TURNS, SUMMARY, TIMELINE)
        return [self.folder / name for name in names if (self.folder / name).exists()]

    def _open(self, name: str, channels: int) -> WavWriter:
        writer = WavWriter(self.folder / name, SAMPLE_RATE, channels)
        self._writers.append(writer)
        return writer

    def _write_mix(self, start: int, samples: np.ndarray) -> None:
        if len(samples):
            self._mix.write_at(start, soft_limit(samples))

    def _close_sound(self) -> None:
        failures = []
        for writer in self._writers:
            try:
                writer.close()
            except OutputError as error:
                failures.append(error)
        if failures:
            raise failures[0]


def write_exports(folder: str | os.PathLike[str], *, timeline: bool = True) -> None:
    """Transcripts, speaker turns, summary and timeline, from the event log and the sound in the folder. Each appears
    whole or not at all. Raises InputError if there is no log, OutputError if something cannot be written."""
    folder = Path(folder)
    log = read_log(folder / EVENTS)
    captions = log.captions()
    for name, transcript in TRANSCRIPTS.items():
        _write(folder / name, transcript(captions).encode())
    _write(folder / TURNS, to_rttm(log.speaker_turns(), folder.resolve().name).encode())
    summary = json.dumps(summarize_log(log), indent=2, ensure_ascii=False, default=_plain)
    _write(folder / SUMMARY, f"{summary}\n".encode())
    if timeline:
        from duplex.pictures.timeline import draw_timeline

        draw_timeline(folder, folder / TIMELINE)


class _EventLog:
    """One line, one write: a line is there whole or, if the disk is full, not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None

    def write(self, event: dict[str, Any]) -> None:
        if self._file.closed:
            return
        line = json.dumps(event, ensure_ascii=False, default=_plain).encode("utf-8", "replace") + b"\n"
        done = 0
        try:
            while done < len(line):
                done += self._file.write(line[done:]) or 0
            self._size += len(line)
        except OSError as error:
            self._file.truncate(self._size)
            self._file.close()
            raise OutputError(f"{self._path}: {error.strerror}; the events so far are saved") from None

    def close(self) -> None:
        self._file.close()


class _Mixer:
    """Sums lanes of sound; what every lane has reached comes out. A lane that stays behind is taken for silent."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._reached = dict.fromkeys(lanes, 0)
        self._start = 0
        self._sum = np.zeros(0, np.float32)

    def add(self, lane: str, start: int, samples: np.ndarray) -> tuple[int, np.ndarray]:
        """Returns the place and the samples of what has become final. What comes too late is left out."""
        late = max(0, self._reached[lane] - start)
        start, samples = start + late, samples[late:]
        end = start + len(samples)
        self._reached[lane] = max(self._reached[lane], end)
        missing = end - self._start - len(self._sum)
        if missing > 0:
            self._sum = np.concatenate([self._sum, np.zeros(missing, np.float32)])
        self._sum[start - self._start : end - self._start] += samples
        return self._take(max(min(self._reached.values()), end - LONGEST_WAIT))

    def rest(self) -> tuple[int, np.ndarray]:
        return self._take(max(self._reached.values()))

    def _take(self, until: int) -> tuple[int, np.ndarray]:
        start, count = self._start, max(0, until - self._start)
        out, self._sum = self._sum[:count], self._sum[count:].copy()
        self._start += count
        for lane, reached in self._reached.items():
            self._reached[lane] = max(reached, self._start)
        return start, out


def _summed(samples: np.ndarray) -> np.ndarray:
    return samples if samples.ndim == 1 else samples.sum(axis=1)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{folder}: is a file; name a folder for the recording") from None
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: no permission to write into this folder")
    for name in (EVENTS, INPUT, RESTORED, ASSISTANT, MIX, *TRANSCRIPTS, TURNS, SUMMARY, TIMELINE):
        try:
            (folder / name).unlink(missing_ok=True)  # so that no export of an earlier session stands beside this one
        except OSError as error:
            raise OutputError(f"{folder / name}: is in the way and cannot be replaced ({error.strerror})") from None


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays, and whatever else has no JSON, as the nearest thing that has."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)

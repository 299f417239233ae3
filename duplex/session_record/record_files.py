"""The files of a session's record while they are written: the event log and the sound.

Every method may wait for the disk.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.wav_writer import WavWriter
from duplex.session_record.exports import EVENTS, EXPORTS, plain, translated_exports
from duplex.session_record.mixer import Mixer
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import OutputError
from duplex.streaming.limiter import soft_limit

INPUT, ASSISTANT, MIX, RESTORED = "input.wav", "assistant.wav", "mix.wav", "restored.wav"
RECORDED = (EVENTS, INPUT, RESTORED, ASSISTANT, MIX)

INTERPRETER = re.compile(r"interpreter\.[a-z]{2,3}\.wav")
"""A track for each language in which the interpreter speaks to single listeners of a room."""

log = logging.getLogger(__name__)


class RecordFiles:
    """Makes the folder if need be; files of these names from an earlier session are replaced.

    parties: channels of the input. Raises OutputError, in one line, if something cannot be written, on opening and at
    any later time (a full disk). What was written stays readable.
    """

    def __init__(self, folder: Path, parties: int) -> None:
        self.folder = folder
        _prepare(folder)
        self._parties = parties
        self._mixer = Mixer((INPUT, ASSISTANT))
        self._writers: dict[str, WavWriter] = {}
        self._events = EventLogWriter(folder / EVENTS)
        try:
            for name in (INPUT, ASSISTANT, MIX):
                self._writer(name)
        except OutputError:
            self.close()
            raise

    @property
    def position(self) -> int:
        """The sample after the last one written of any track."""
        return max(writer.position for writer in self._writers.values())

    def write_event(self, event: Mapping[str, Any]) -> None:
        self._events.write(event)

    def write_sound(self, track: str, start: int, samples: np.ndarray) -> None:
        """samples: (n,) or (n, parties) float32 at 16 kHz; start: their place on the session's clock."""
        self._writer(track).write_at(start, samples)
        if INTERPRETER.fullmatch(track):
            self._mixer.overlay(start, samples)
        elif track in (INPUT, ASSISTANT):
            one = samples if samples.ndim == 1 else samples.sum(axis=1)
            self._write_mix(*self._mixer.add(track, start, one))

    def flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def finish(self) -> None:
        """Makes all tracks equally long and closes them."""
        try:
            self._write_mix(*self._mixer.rest())
            length = self.position
            for writer in self._writers.values():
                writer.extend_to(length)
        finally:
            self.close()

    def close(self) -> None:
        """Closes every file, also after an error."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._events.close)
            for writer in self._writers.values():
                stack.callback(writer.close)

    def _writer(self, name: str) -> WavWriter:
        if name not in self._writers:
            channels = self._parties if name in (INPUT, RESTORED) else 1
            self._writers[name] = WavWriter(self.folder / name, SAMPLE_RATE, channels)
        return self._writers[name]

    def _write_mix(self, start: int, samples: np.ndarray) -> None:
        if len(samples):
            self._writers[MIX].write_at(start, soft_limit(samples))


def recorded(folder: Path) -> list[str]:
    """Names of what a session has recorded, or may have, in a folder."""
    return [*RECORDED, *sorted(path.name for path in folder.iterdir() if INTERPRETER.fullmatch(path.name))]


class EventLogWriter:
    """One line, one write: a line is there whole or, if the disk is full, not at all. The file is locked as long as it
    is written, so that nobody takes it for the log of a session that was killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        lock(self._file.fileno())

    def write(self, event: Mapping[str, Any]) -> None:
        if self._file.closed:
            return
        try:
            line = json.dumps(event, ensure_ascii=False, default=plain).encode("utf-8", "replace") + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            log.warning("%s: an event of type %r cannot be written (%s)", self._path, event.get("type"), error)
            return
        done = 0
        try:
            while done < len(line):
                done += self._file.write(line[done:]) or 0
            self._size += len(line)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
            self._file.close()
            raise OutputError(f"{self._path}: {error.strerror}; the events so far are saved") from None

    def close(self) -> None:
        self._file.close()


def lock(file: int) -> bool:
    """Locks an open file for its process until it is closed. Returns whether nobody else holds it; where the system
    has no such locks, always."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks
        return True
    return True


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{folder}: is a file; name a folder for the recording") from None
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: no permission to write into this folder")
    for name in (*recorded(folder), *EXPORTS, *translated_exports(folder)):
        try:
            (folder / name).unlink(missing_ok=True)  # so that no export of an earlier session stands beside this one
        except OSError as error:
            raise OutputError(f"{folder / name}: is in the way and cannot be replaced ({error.strerror})") from None

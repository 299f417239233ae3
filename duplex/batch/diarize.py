"""Who speaks when in a recording: a diarizer over a file, in constant memory but for the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.reader import Recording, open_recording
from duplex.audio_files.waveform import BIN, peaks
from duplex.models.diarization.config import LATENCIES
from duplex.models.diarization.contract import Diarizer, Turn
from duplex.models.diarization.feed import DiarizerFeed
from duplex.models.diarization.turns import TurnBuilder
from duplex.session_record.subtitles import SpeakerTurn, to_rttm
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, SettingsError

MAX_SPEAKERS = 8

SHORTEST_SAMPLE, LONGEST_SAMPLE = 1.0, 30.0
"""Seconds of a voice that are needed, and used, to know it by."""

Enrolled = Sequence[tuple[str, np.ndarray]]
Progress = Callable[[float, float | None], None]


class Diarization(list[Turn]):
    """The turns of a recording in order of time; those of different speakers may overlap.

    duration: seconds. notes: what was odd about the recording. levels: (bins,) the loudest level of each 5 ms.
    """

    def __init__(self, turns: Sequence[Turn], duration: float, notes: Sequence[str], levels: np.ndarray) -> None:
        super().__init__(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)))
        self.duration = duration
        self.notes = list(notes)
        self.levels = levels

    @property
    def speakers(self) -> list[str]:
        """In order of appearance."""
        return list(dict.fromkeys(turn.speaker for turn in self))

    def to_rttm(self, recording: str = "recording") -> str:
        return to_rttm((SpeakerTurn(turn.start, turn.end, turn.speaker) for turn in self), recording)

    def as_dict(self) -> dict[str, Any]:
        turns = [{"start": round(t.start, 3), "end": round(t.end, 3), "speaker": t.speaker} for t in self]
        speakers = [
            {
                "name": name,
                "seconds": round(sum(turn.duration for turn in self if turn.speaker == name), 3),
                "turns": sum(turn.speaker == name for turn in self),
            }
            for name in self.speakers
        ]
        return {"duration": round(self.duration, 3), "speakers": speakers, "turns": turns, "notes": self.notes}


def diarize(
    recording: str | os.PathLike[str],
    *,
    max_speakers: int = MAX_SPEAKERS,
    latency: float = 1.0,
    speakers: Mapping[str, str | os.PathLike[str]] | None = None,
    channels: str | int = "auto",
    on_progress: Progress | None = None,
) -> Diarization:
    """The turns of a recording of any format, rate and length.

    Args:
        max_speakers: at most so many are told apart, 1 to 8.
        latency: seconds that a decision may look ahead: 0, 0.4 or 1.0.
        speakers: recordings of known voices, each alone for a few seconds, by name. Others are called "speaker 1",
            "speaker 2", … as they appear.
        channels: "auto" takes each side of a stereo recording by itself where it carries speech of its own, else mixes
            them; "mix", "split" or a channel's number says it. Speakers are then called by their side.
        on_progress: called with the seconds heard and the recording's duration, if known.

    Raises InputError, SettingsError, and ModelError if the diarizer cannot be loaded.
    """
    source = open_recording(recording, channels)
    enrolled = enrol(speakers or {}, max_speakers)
    return diarize_recording(source, open_diarizer(latency, max_speakers), enrolled, on_progress)


def open_diarizer(latency: float, max_speakers: int) -> Diarizer[Any]:
    """The bundled diarizer. Raises SettingsError and ModelError."""
    if not 1 <= max_speakers <= MAX_SPEAKERS:
        raise SettingsError(f"max_speakers must be 1 to {MAX_SPEAKERS}, not {max_speakers}")
    if latency not in LATENCIES:
        raise SettingsError(f"the latency must be one of {', '.join(map(str, LATENCIES))} s, not {latency:g}")
    from duplex.models.diarization import load_diarizer

    return load_diarizer(latency=latency, max_speakers=max_speakers)


def enrol(speakers: Mapping[str, str | os.PathLike[str]], max_speakers: int = MAX_SPEAKERS) -> Enrolled:
    """Reads the recordings of known voices. Raises InputError and SettingsError."""
    if len(speakers) > max_speakers:
        raise SettingsError(f"{len(speakers)} known voices are more than the {max_speakers} speakers to tell apart")
    enrolled = []
    for name, path in speakers.items():
        if not name.strip():
            raise SettingsError(f"{path}: a known voice needs a name")
        samples = np.zeros(0, np.float32)
        for block in open_recording(path, "mix").frames(SAMPLE_RATE):
            samples = np.concatenate([samples, block[:, 0]])
            if len(samples) >= LONGEST_SAMPLE * SAMPLE_RATE:
                break
        if len(samples) < SHORTEST_SAMPLE * SAMPLE_RATE:
            seconds = len(samples) / SAMPLE_RATE
            raise InputError(f"{path}: {seconds:.2f} s are too short to know {name} by: give 1 s or more, 5 s are good")
        if np.abs(samples).max() < 1e-3:
            raise InputError(f"{path}: is silent; record {name} speaking for some seconds")
        enrolled.append((name.strip(), samples[: round(LONGEST_SAMPLE * SAMPLE_RATE)]))
    return enrolled


def diarize_recording(
    source: Recording, diarizer: Diarizer[Any], enrolled: Enrolled = (), on_progress: Progress | None = None
) -> Diarization:
    """With a diarizer that several recordings share."""
    meter = _Meter()
    parties = source.party_names
    feeds = [DiarizerFeed(diarizer, enrolled) for _ in parties]
    builders = [TurnBuilder(diarizer.max_speakers, [name for name, _ in enrolled]) for _ in parties]
    turns: list[list[Turn]] = [[] for _ in parties]
    for block in source.frames(SAMPLE_RATE):
        meter.add(block if len(parties) == 1 else np.abs(block).max(axis=1, keepdims=True))
        for index, feed in enumerate(feeds):
            for frames in feed.push(np.ascontiguousarray(block[:, index])):
                turns[index] += builders[index].push(frames)
        if on_progress is not None:
            on_progress(meter.seconds, source.duration)
    for index, (feed, builder) in enumerate(zip(feeds, builders, strict=True)):
        for frames in feed.flush():
            turns[index] += builder.push(frames)
        turns[index] += builder.flush()
    known = {name for name, _ in enrolled}
    named = turns[0] if len(parties) == 1 else _by_side(parties, turns, known)
    within = [Turn(t.start, min(t.end, meter.seconds), t.speaker) for t in named if t.start < meter.seconds]
    return Diarization(within, meter.seconds, source.notes, meter.levels())


def _by_side(parties: Sequence[str], turns: Sequence[Sequence[Turn]], known: set[str]) -> list[Turn]:
    """Who is alone on a side is called by it; several are numbered."""
    named = []
    for party, own in zip(parties, turns, strict=True):
        strangers = [name for name in dict.fromkeys(turn.speaker for turn in own) if name not in known]
        names = {name: party if len(strangers) == 1 else f"{party} {at + 1}" for at, name in enumerate(strangers)}
        named += [Turn(turn.start, turn.end, names.get(turn.speaker, turn.speaker)) for turn in own]
    return named


class _Meter:
    """How long a recording is, and how loud where: 400 bytes a second."""

    def __init__(self) -> None:
        self._samples = 0
        self._held = np.zeros(0, np.float32)
        self._levels = bytearray()

    @property
    def seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    def add(self, block: np.ndarray) -> None:
        """block: (n, 1)."""
        block = block[:, 0]
        self._samples += len(block)
        held = np.concatenate([self._held, block])
        whole = len(held) - len(held) % BIN
        self._levels += peaks(held[:whole]).astype(np.float16).tobytes()
        self._held = held[whole:].copy()

    def levels(self) -> np.ndarray:
        last = peaks(self._held).astype(np.float16).tobytes()
        return np.frombuffer(bytes(self._levels) + last, np.float16).astype(np.float32)


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A name for each recording: the file's without its suffix, numbered where two would be the same."""
    names: list[str] = []
    for path in paths:
        name, number = path.stem, 1
        while name in names:
            number += 1
            name = f"{path.stem}-{number}"
        names.append(name)
    return names

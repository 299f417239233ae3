"""Who speaks when in a recording: a diarizer over a file, in constant memory but for the result."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.reader import Recording, open_recording
from duplex.audio_files.waveform import BIN, peaks
from duplex.batch.file_graph import Progress, file_node, note_gain, run_graph
from duplex.conversation.hearing.speaker_tracker import SpeakerTracker
from duplex.models.diarization.config import DIARIZERS, LATENCIES
from duplex.models.diarization.contract import Diarizer, Turn
from duplex.session_record.rttm import to_rttm, written
from duplex.session_record.subtitles import SpeakerTurn
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.blocks import Reblocker
from duplex.streaming.errors import InputError, SettingsError
from duplex.streaming.gain import ChannelGains, InputGain
from duplex.streaming.pipeline import Node

MAX_SPEAKERS = 8

SHORTEST_SAMPLE, LONGEST_SAMPLE = 1.0, 30.0
"""Seconds of a voice that are needed, and used, to know it by."""

Enrolled = Sequence[tuple[str, np.ndarray]]


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
    latency: float | None = None,
    diarizer: str = "auto",
    speakers: Mapping[str, str | os.PathLike[str]] | None = None,
    channels: str | int = "auto",
    on_progress: Progress | None = None,
) -> Diarization:
    """The turns of a recording of any format, rate and length.

    Args:
        max_speakers: at most so many are told apart, 1 to 8.
        latency: seconds that a decision may look ahead: 0, 0.4 or 1.0; None: as far as the diarizer can.
        diarizer: "ls-eend", "segmentation", or "auto": segmentation where no latency is given and its weights can be
            had, else ls-eend.
        speakers: recordings of known voices, each alone for a few seconds, by name. Others are called "speaker 1",
            "speaker 2", … as they appear.
        channels: "auto" takes each side of a stereo recording by itself where it carries speech of its own, else mixes
            them; "mix", "split" or a channel's number says it. Speakers are then called by their side.
        on_progress: called with the seconds heard and the recording's duration, if known.

    Raises InputError, SettingsError, and ModelError if the diarizer cannot be loaded.
    """
    source = open_recording(recording, channels)
    enrolled = enrol(speakers or {}, max_speakers)
    return diarize_recording(source, open_diarizer(latency, max_speakers, diarizer), enrolled, on_progress)


def open_diarizer(latency: float | None, max_speakers: int, name: str = "auto") -> Diarizer[Any]:
    """A diarizer by name (models.diarization.load_diarizer). Raises SettingsError and ModelError."""
    if name not in DIARIZERS:
        raise SettingsError(f"the diarizer must be one of {', '.join(DIARIZERS)}, not {name!r}")
    if not 1 <= max_speakers <= MAX_SPEAKERS:
        raise SettingsError(f"max_speakers must be 1 to {MAX_SPEAKERS}, not {max_speakers}")
    if latency is not None and latency not in LATENCIES:
        raise SettingsError(f"the latency must be one of {', '.join(map(str, LATENCIES))} s, not {latency:g}")
    from duplex.models.diarization import load_diarizer

    return load_diarizer(latency=latency, max_speakers=max_speakers, name=name)


def enrol(speakers: Mapping[str, str | os.PathLike[str]], max_speakers: int = MAX_SPEAKERS) -> Enrolled:
    """Reads the recordings of known voices. Raises InputError and SettingsError."""
    if len(speakers) > max_speakers:
        raise SettingsError(f"{len(speakers)} known voices are more than the {max_speakers} speakers to tell apart")
    enrolled = []
    for name, path in speakers.items():
        if not name.strip():
            raise SettingsError(f"{path}: a known voice needs a name")
        enrolled.append((name.strip(), read_voice(path, name)))
    return enrolled


def read_voice(path: str | os.PathLike[str], name: str) -> np.ndarray:
    """(n,) at 16 kHz, the beginning of a recording of somebody's voice. Raises InputError."""
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
    return samples[: round(LONGEST_SAMPLE * SAMPLE_RATE)]


def diarize_recording(
    source: Recording, diarizer: Diarizer[Any], enrolled: Enrolled = (), on_progress: Progress | None = None
) -> Diarization:
    """With a diarizer that several recordings share."""
    meter = _Meter()
    parties = source.party_names
    gains = None if diarizer.any_level else ChannelGains(len(parties))
    hops = Reblocker(InputGain.hop, len(parties))
    trackers = [SpeakerTracker(diarizer, enrolled, horizon=0.1) for _ in parties]
    turns: list[list[Turn]] = [[] for _ in parties]

    def node(tracker: SpeakerTracker, found: list[Turn]) -> Node[np.ndarray]:
        return file_node(
            "diarization",
            lambda samples: found.extend(tracker.learn(tracker.push(samples))),
            lambda: found.extend([*tracker.learn(tracker.flush()), *tracker.finish()]),
        )

    nodes = [node(tracker, found) for tracker, found in zip(trackers, turns, strict=True)]

    def feed(start: int, block: np.ndarray) -> None:
        meter.add(block if len(parties) == 1 else np.abs(block).max(axis=1, keepdims=True))
        for piece in hops.push(block):
            put(piece)

    def put(piece: np.ndarray) -> None:
        heard = piece if gains is None else piece * gains.factors(piece)
        for index, each in enumerate(nodes):
            each.put(np.ascontiguousarray(heard[:, index]))

    def end() -> None:
        for piece in hops.flush(pad=False):
            put(piece)

    seconds = run_graph(source, nodes, feed, end, on_progress)
    if gains is not None:
        note_gain(source, gains.highest)
    known = {name for name, _ in enrolled}
    named = turns[0] if len(parties) == 1 else _by_side(parties, turns, known)
    return Diarization(named, seconds, source.notes, meter.levels())


def _by_side(parties: Sequence[str], turns: Sequence[Sequence[Turn]], known: set[str]) -> list[Turn]:
    """Who is alone on a side is called by it; several are numbered."""
    named = []
    for party, own in zip(parties, turns, strict=True):
        strangers = [name for name in dict.fromkeys(turn.speaker for turn in own) if name not in known]
        names = {name: party if len(strangers) == 1 else f"{party} {at + 1}" for at, name in enumerate(strangers)}
        named += [Turn(turn.start, turn.end, names.get(turn.speaker, turn.speaker)) for turn in own]
    return named


class _Meter:
    """How loud a recording is where: 400 bytes a second."""

    def __init__(self) -> None:
        self._bins = Reblocker(BIN)
        self._levels = bytearray()

    def add(self, block: np.ndarray) -> None:
        """block: (n, 1)."""
        self._note(self._bins.push(block[:, 0]))

    def levels(self) -> np.ndarray:
        self._note(self._bins.flush())
        return np.frombuffer(bytes(self._levels), np.float16).astype(np.float32)

    def _note(self, bins: list[np.ndarray]) -> None:
        if bins:
            self._levels += peaks(np.concatenate(bins)).astype(np.float16).tobytes()


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A name for each recording: the file's without its suffix, numbered where two would be the same, also as RTTM
    writes them."""
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name, number = path.stem, 1
        while written(name) in taken:
            number += 1
            name = f"{path.stem}-{number}"
        names.append(name)
        taken.add(written(name))
    return names

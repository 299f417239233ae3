"""Diarization error rates of the engines as a user gets them: of files, with the gain that they get.

Called by tests.benchmarks.diarization with a data folder: real meetings (the AMI clips of `valid`), those softer, of a
telephone's band and clipped, simulated conversations of held-out voices, and music, in which nobody speaks.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from duplex.audio_files.reader import open_recording
from duplex.batch.diarize import MAX_SPEAKERS, diarize_recording
from duplex.models.corpora.manifest import rows
from duplex.models.diarization import load_diarizer
from duplex.models.diarization.contract import Diarizer
from duplex.models.diarization.train import scoring as sc
from duplex.models.diarization.train.eval_scenes import Scene, conversations, meetings
from duplex.models.diarization.train.speaker_corpus import Voices
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.resample import resample
from tests.benchmarks.report import table

ENGINES = {"ls-eend": (0.4, 1.0), "segmentation": (None, 0.4, 1.0)}
"""Latencies of each in seconds; None: the recording as a whole."""

_MUSIC = ("voxelibre_music", "openclonk_music", "unknown_horizons_music", "librosa_examples")
_HARD = 2
"""Clips that are made harder."""


@dataclass
class Score:
    """Of an engine on one kind of scenes; seconds: of sound, and of processor time."""

    strict: sc.ErrorTimes = field(default_factory=sc.ErrorTimes)
    lenient: sc.ErrorTimes = field(default_factory=sc.ErrorTimes)
    wrong_count: list[int] = field(default_factory=list)
    sound: float = 0.0
    spent: float = 0.0

    def row(self) -> list[object]:
        if not self.strict.total:
            alarm = f"{100 * self.strict.false_alarm / self.sound:.1f} % of the time"
            return ["-", "-", alarm, "-", "-", "-", f"{self.spent / self.sound:.3f}"]
        parts = [f"{part:.1f}" for part in self.strict.parts]
        off = f"{np.mean(self.wrong_count):.1f}"
        rates = [f"{self.strict.rate:.1f}", *parts, f"{self.lenient.rate:.1f}"]
        return [*rates, off, f"{self.spent / self.sound:.3f}"]


def scenes(data: Path, count: int, seconds: float) -> Iterator[Scene]:
    """count, seconds: of the simulated conversations of each number of speakers."""
    clips = list(meetings(data))
    yield from clips
    for clip in clips[:_HARD]:
        yield replace(clip, kind=f"{_HARD} of them as they are")
    for clip in clips[:_HARD]:
        yield replace(clip, kind="30 dB softer", samples=clip.samples * np.float32(10 ** (-30 / 20)))
    for clip in clips[:_HARD]:
        narrow = resample(resample(clip.samples, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE)
        yield replace(clip, kind="8 kHz", samples=narrow[: len(clip.samples)])
    for clip in clips[:_HARD]:
        loud = clip.samples * np.float32(10 ** (10 / 20) / np.abs(clip.samples).max())
        yield replace(clip, kind="clipped by 10 dB", samples=np.clip(loud, -1, 1))
    voices = Voices.load(data, "valid", rooms=40)
    for speakers in (1, 2, 3, 4):
        made = conversations(voices, data / "text" / "earnings22_turns.csv.gz", speakers, count, seconds)
        yield from (replace(scene, kind=f"simulated, {scene.kind}") for scene in made)
    yield from _music(data)


def _music(data: Path, seconds: float = 20.0) -> Iterator[Scene]:
    """Recorded music of `valid`, a piece of each data set."""
    kinds = {row["dataset"]: row for row in rows(data, _MUSIC, "valid")}
    for row in kinds.values():
        samples, rate = soundfile.read(data / row["path"], dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        mono = mono if rate == SAMPLE_RATE else resample(mono, rate, SAMPLE_RATE)
        yield Scene("music", mono[: round(seconds * SAMPLE_RATE)], [])


def print_errors(
    data: Path, engines: Sequence[str], count: int = 1, seconds: float = 60.0, weights: Path | None = None
) -> None:
    """count, seconds: of simulated conversations. weights: of a segmentation instead of the published one's."""
    opened = {
        f"{engine}, {'file' if latency is None else f'{latency:g} s'}": load_diarizer(
            latency, MAX_SPEAKERS, name=engine, segmentation=weights
        )
        for engine in engines
        for latency in ENGINES[engine]
    }
    scores: dict[tuple[str, str], Score] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.wav"
        for scene in scenes(data, count, seconds):
            soundfile.write(path, scene.samples, SAMPLE_RATE, subtype="FLOAT")
            for name, diarizer in opened.items():
                _add(scores.setdefault((scene.kind, name), Score()), scene, path, diarizer)
    heads = ["scenes", "engine", "DER %", "missed", "false", "confused", "DER, collar 0.25 s", "count off", "core"]
    print(table(heads, [[kind, name, *score.row()] for (kind, name), score in scores.items()]))


def _add(score: Score, scene: Scene, path: Path, diarizer: Diarizer[Any]) -> None:
    before = time.process_time()
    turns = diarize_recording(open_recording(path, "mix"), diarizer)
    score.spent += time.process_time() - before
    score.sound += scene.duration
    score.strict += sc.error_times(scene.turns, turns, scene.duration)
    score.lenient += sc.error_times(scene.turns, turns, scene.duration, 0.25)
    score.wrong_count.append(abs(len(turns.speakers) - scene.speakers))

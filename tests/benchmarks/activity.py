"""Misses, false alarms, onset delay and cost of activity detection on recordings: WebRTC's detector alone and ours.

python -m tests.benchmarks.activity --speech FOLDER [FOLDER ...] --noise FOLDER [FOLDER ...] [--utterances 40]

Speech: clean recordings of one voice each, labelled by their own level; gaps up to 250 ms count as speech. Each is put
between silences of 3 and 1.5 s and played at -24 dBFS, softly, and in noise at 20, 10 and 5 dB signal-to-noise
ratio. False alarms in speech are counted behind the hangover. Noise alone is judged after its first five seconds.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from duplex.models.vad.webrtc import ActivitySettings, WebRtcVad
from duplex.streaming.audio import SAMPLE_RATE, to_mono
from duplex.streaming.resample import resample
from tests.benchmarks.report import quantile, table, versions

HOP = 160
LEAD, TAIL = 3 * SAMPLE_RATE, 3 * SAMPLE_RATE // 2
SUFFIXES = {".flac", ".wav", ".ogg", ".opus", ".mp3"}

Detector = Callable[[np.ndarray], tuple[np.ndarray, list[tuple[int, int]]]]
"""Samples to (active per frame, [(frame that confirmed, onset frame)])."""


def recordings(folders: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
            samples, rate = soundfile.read(path, dtype="float32")
            yield f"{folder.parent.name}/{folder.name}", resample(to_mono(samples), rate, SAMPLE_RATE)


def levels(samples: np.ndarray) -> np.ndarray:
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    return 10 * np.log10(np.square(frames).mean(1) + 1e-10)


def runs(active: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def label(speech: np.ndarray) -> np.ndarray:
    """Frames of clean speech within 35 dB of its loud ones and above its own floor, short gaps filled."""
    smooth = 10 * np.log10(np.convolve(10 ** (levels(speech) / 10), np.ones(3) / 3, "same"))
    loud, floor = np.percentile(smooth, 95), np.percentile(smooth, 5)
    active = smooth > max(loud - 35, min(floor + 8, loud - 20))
    for begin, end in runs(~active):
        if end - begin <= 25 and begin > 0 and end < len(active):
            active[begin:end] = True
    for begin, end in runs(active):
        if end - begin < 3:
            active[begin:end] = False
    return active


def ours(samples: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    detector = WebRtcVad()
    return _run(detector.step, detector.initial_state(), samples)


def engine_alone(samples: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """WebRTC's detector with the same hysteresis and neither gate nor voicing."""
    detector = WebRtcVad(
        ActivitySettings(above_floor_db=-200, least_db=-200, voicing=-2, prominence=-2, tone=1e9, voiced_within=10**9)
    )
    return _run(detector.step, detector.initial_state(), samples)


def _run(step, state, samples: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    active, onsets = np.zeros(len(samples) // HOP, bool), []
    for index in range(len(active)):
        frame, state = step(samples[index * HOP : (index + 1) * HOP], state)
        active[index] = frame.active
        if frame.onset is not None:
            onsets.append((index, frame.onset // HOP))
    return active, onsets


@dataclass
class Score:
    """Frames and onsets of one condition, added up."""

    speech: int = 0
    missed: int = 0
    silence: int = 0
    false: int = 0
    segments: int = 0
    unheard: int = 0
    onsets: int = 0
    delays: list[float] = field(default_factory=list)

    def add(self, wanted: np.ndarray, active: np.ndarray, onsets: list[tuple[int, int]]) -> None:
        covered = wanted.copy()
        for _, end in runs(wanted):
            covered[end : end + 22] = True
        self.speech += int(wanted.sum())
        self.missed += int((wanted & ~active).sum())
        self.silence += int((~covered).sum())
        self.false += int((active & ~covered).sum())
        self.onsets += len(onsets)
        previous = -100
        for begin, end in runs(wanted):
            if end - begin >= 20 and begin - previous >= 50:
                self.segments += 1
                confirmed = [at for at, _ in onsets if begin - 5 <= at < end + 10]
                if active[begin]:
                    self.delays.append(0.0)
                elif confirmed:
                    self.delays.append(10.0 * (confirmed[0] + 1 - begin))
                else:
                    self.unheard += 1
            previous = end


def measure(detector: Detector, speech: list[np.ndarray], noise: list[tuple[str, np.ndarray]]) -> dict[str, Score]:
    scores: dict[str, Score] = defaultdict(Score)
    rng = np.random.default_rng(0)
    for samples in speech:
        wanted = np.zeros((LEAD + len(samples) + TAIL) // HOP, bool)
        labels = label(samples)
        wanted[LEAD // HOP : LEAD // HOP + len(labels)] = labels
        loud = 10 * np.log10(np.mean(10 ** (levels(samples)[labels] / 10)))
        padded = np.concatenate([np.zeros(LEAD), samples, np.zeros(TAIL)])
        hiss = rng.standard_normal(len(padded)) * 10 ** (-75 / 20)
        for name, level in (("clean, -24 dBFS", -24), ("clean, -44 dBFS", -44)):
            scores[name].add(wanted, *detector((padded * 10 ** ((level - loud) / 20) + hiss).astype(np.float32)))
        background = np.resize(noise[rng.integers(len(noise))][1], len(padded))
        power = 10 * np.log10(np.mean(np.square(background)) + 1e-9)
        for ratio in (20, 10, 5):
            mixed = padded * 10 ** ((-24 - loud) / 20) + background * 10 ** ((-24 - ratio - power) / 20)
            scores[f"in noise, {ratio} dB"].add(wanted, *detector(np.clip(mixed, -1, 1).astype(np.float32)))
    for name, samples in noise:
        looped = np.resize(samples, max(len(samples), 15 * SAMPLE_RATE))
        active, onsets = detector(looped)
        late = [onset for onset in onsets if onset[0] >= 500]
        scores[f"{name} alone"].add(np.zeros(len(active) - 500, bool), active[500:], late)
    return scores


def cost(seconds: float = 20.0) -> tuple[float, float]:
    """Median and 95 % of a step's CPU time in µs, on a loud, noisy, voiced signal: the dear path."""
    rng, detector = np.random.default_rng(0), WebRtcVad()
    phase = np.arange(round(seconds * SAMPLE_RATE)) * 140 / SAMPLE_RATE
    signal = ((phase % 1 - 0.5) * 0.4 * (np.sin(phase / 30) > 0) + rng.standard_normal(len(phase)) * 0.01).astype("f4")
    state, spent = detector.initial_state(), []
    for at in range(0, len(signal), HOP):
        began = time.thread_time_ns()
        _, state = detector.step(signal[at : at + HOP], state)
        spent.append((time.thread_time_ns() - began) / 1000)
    return quantile(spent, 0.5), quantile(spent, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, nargs="+", required=True, help="folders of clean speech")
    parser.add_argument("--noise", type=Path, nargs="+", required=True, help="folders of noise without speech")
    parser.add_argument("--utterances", type=int, default=40, help="at most so many (default 40)")
    options = parser.parse_args()
    speech = [samples[: 15 * SAMPLE_RATE] for _, samples in recordings(options.speech)]
    order = np.random.default_rng(1).permutation(len(speech))[: options.utterances]
    speech = [speech[index] for index in order]
    noise = [(name, samples[: 40 * SAMPLE_RATE]) for name, samples in recordings(options.noise) if samples.any()]
    if not speech or not noise:
        parser.error("no recordings found there")
    print(versions(["webrtcvad-wheels", "numpy"]))
    print(f"{len(speech)} utterances, {len(noise)} noises\n")
    header = ["", "missed %", "false %", "onsets/min", "not heard", "delay p50 ms", "p95 ms"]
    for name, detector in (("webrtcvad alone, same hysteresis", engine_alone), ("duplex.models.vad.webrtc", ours)):
        rows = []
        for condition, score in measure(detector, speech, noise).items():
            minutes = (score.speech + score.silence) / 6000
            heard = [
                f"{score.unheard}/{score.segments}",
                quantile(score.delays, 0.5),
                quantile(score.delays, 0.95),
            ]
            rows.append(
                [
                    condition,
                    100 * score.missed / score.speech if score.speech else "-",
                    100 * score.false / max(1, score.silence),
                    "-" if score.speech else score.onsets / minutes,
                    *(heard if score.speech else ["-", "-", "-"]),
                ]
            )
        print(f"{name}\n{table(header, rows)}\n")
    print("cost of a 10 ms frame: p50 {:.0f} µs, p95 {:.0f} µs of CPU time".format(*cost()))


if __name__ == "__main__":
    main()

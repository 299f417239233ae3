"""Seeded situations through the real engines: who takes the floor, who should have, how fast the assistant is silent.

    python -m tests.benchmarks.situations [--count 240] [--part 1/1] [--seed 0] [--computing both|free|charged]
                                          [--clips FOLDER]

Each situation is a scene of real audio: a spoken question, a long reply of the assistant, and over that reply a
barge-in, a short command, a backchannel, a cough or a noise burst; or, before it, a hesitation in mid-sentence. Voice,
moment, level and background are drawn from the seed. It runs at virtual time, twice: with computing free, where the
delays are the engine's own, and with computing charged by the table that `tests.benchmarks.costs` measured. A part
(1/2: every second situation) has the outcomes that it has in the whole.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.engines import Engines
from duplex.events import Decision, Interrupted, Reply, Suspended, Turn
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing import Answer, Clip, Playout, Scene, ScriptedAnswerer, read_clips
from tests.benchmarks.costs import described, hold, measured_costs
from tests.benchmarks.report import quantile, table, versions

CLIPS = Path(__file__).parents[1] / "data" / "clips"

REPLY = Answer(
    "I can tell you the time in any large city, set timers and reminders, do arithmetic, convert units, "
    "remember things for you, and find what you said about something earlier in this conversation."
)

AFTER = 4 * SAMPLE_RATE
"""Samples from the onset of the sound in question until which a scene is heard."""

KINDS = ("barge-in", "command", "backchannel", "cough", "noise burst", "hesitation")
TAKES = {"barge-in", "command"}
COMMANDS = {"stop", "wait", "hold on", "hold on a second", "no", "stop it", "wait a minute", "be quiet", "excuse me"}


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: str
    result: str
    clip: str
    heard: str
    silent_after: float | None
    """Seconds from the true onset of a barge-in to the assistant's last audible sample; 0 if it was silent before."""
    cut: float | None
    """Seconds from the decision to the last audible sample; 0 where the reply was between two sentences."""


class Situations:
    def __init__(self, clips: dict[str, Clip], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        speech = [clip for clip in clips.values() if clip.text]
        self._requests = [c for c in speech if c.kind in ("request", "command") and len(c.text.split()) >= 3]
        self._by_kind = {
            "barge-in": self._requests,
            "command": [c for c in speech if c.text in COMMANDS],
            "backchannel": [c for c in speech if c.kind == "backchannel"],
            "cough": [c for c in clips.values() if c.kind == "cough"],
            "noise burst": [c for c in clips.values() if c.kind == "noise"],
        }
        self._backgrounds = [c for c in clips.values() if c.kind == "background"]

    def scene(self, kind: str) -> tuple[Scene, Clip, int]:
        """Returns the scene, the clip in question and the sample of its true onset."""
        random = self._random
        scene = Scene(14.0)
        gain = float(random.uniform(-6, 4))
        if kind == "hesitation":
            clip = self._pick([c for c in self._requests if len(c.text.split()) >= 4])
            first, second = _divided(clip)
            scene.place(first, 0.6, gain)
            label = scene.place(second, 0.6 + first.duration + float(random.uniform(0.5, 0.9)), gain)
        else:
            question = self._pick(self._requests)
            scene.place(question, 0.6, gain)
            clip = self._pick(self._by_kind[kind])
            moment = 0.6 + question.duration + float(random.uniform(2.5, 5.0))
            label = scene.place(clip, moment, float(random.uniform(-6, 4)))
        scene.background(self._pick(self._backgrounds), float(random.uniform(15, 30)), int(random.integers(1 << 30)))
        return scene, clip, label.start

    def _pick(self, clips: list[Clip]) -> Clip:
        return clips[int(self._random.integers(len(clips)))]


def _divided(clip: Clip) -> tuple[Clip, Clip]:
    """The clip cut at its quietest moment near the middle."""
    length = len(clip.samples)
    window = SAMPLE_RATE // 50
    energy = np.convolve(clip.samples**2, np.ones(window), "same")
    low, high = length * 2 // 5, length * 3 // 5
    cut = low + int(np.argmin(energy[low:high]))
    return (
        Clip(clip.samples[:cut], clip.kind, clip.text, clip.voice, clip.name),
        Clip(clip.samples[cut:], clip.kind, clip.text, clip.voice, clip.name),
    )


def play(scene: Scene, onset: int, engines: Engines, settings: Settings, *, charged: bool) -> Playout:
    engines.answerer = ScriptedAnswerer([REPLY], name="one long reply")
    return hold(scene.render()[: onset + AFTER], engines, settings, measured_costs() if charged else None)[0]


def judge(kind: str, clip: Clip, onset: int, playout: Playout) -> Outcome:
    heard = " / ".join(e.text for e in playout.events if isinstance(e, Turn) and e.end > onset)
    if kind == "hesitation":
        early = [e for e in playout.events if isinstance(e, Reply) and e.start < onset]
        asked = [e for e in playout.events if isinstance(e, Decision) and e.kind == "endpoint" and e.end < onset]
        result = "answered too early" if early else "withdrawn unheard" if asked else "waited out"
        return Outcome(kind, result, clip.text, heard, None, None)
    taken = [e for e in playout.events if isinstance(e, Interrupted) and e.end > onset]
    held = [e for e in playout.events if isinstance(e, Suspended) and e.end > onset]
    speaking = [e for e in playout.events if isinstance(e, Reply) and e.start < onset < e.end]
    if not speaking:
        return Outcome(kind, "no reply to disturb", clip.text or clip.name, heard, None, None)
    result = "took the floor" if taken else "held, resumed" if held else "passed unheld"
    silent = max(0, taken[0].end - onset) / SAMPLE_RATE if taken else None
    cut = max(0, taken[0].end - taken[0].decided) / SAMPLE_RATE if taken else None
    return Outcome(kind, result, clip.text or clip.name, heard, silent, cut)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--part", default="1/1", help="for machines where all of them take long: 1/3, 2/3, 3/3")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--computing", choices=("both", "free", "charged"), default="both")
    parser.add_argument("--clips", type=Path, default=CLIPS, help="another library, as tests.data.make.natural makes")
    parser.add_argument("--decider", default=Settings().decider)
    parser.add_argument("--verbose", action="store_true", help="a line for each situation")
    args = parser.parse_args()
    ways = {"free": ["free"], "charged": ["charged"], "both": ["free", "charged"]}[args.computing]
    print(versions(["duplex", "pocketsphinx", "webrtcvad-wheels"]))
    settings = Settings(decider=args.decider)
    part, parts = map(int, args.part.split("/"))
    for way in ways:
        charged = way == "charged"
        print(f"\n{described() if charged else 'computing free'}", flush=True)
        numbers = range(part - 1, args.count, parts)
        report(outcomes(read_clips(args.clips), numbers, args.seed, settings, charged=charged, verbose=args.verbose))
    return 0


def outcomes(
    clips: dict[str, Clip], numbers: range, seed: int, settings: Settings, *, charged: bool, verbose: bool
) -> list[Outcome]:
    situations = Situations(clips, seed)
    engines = Engines.from_settings(settings)
    made = []
    for number in range(numbers.stop):
        kind = KINDS[number % len(KINDS)]
        scene, clip, onset = situations.scene(kind)
        if number not in numbers:
            continue
        made.append(judge(kind, clip, onset, play(scene, onset, engines, settings, charged=charged)))
        if verbose:
            print(made[-1], flush=True)
    engines.recognizer.close()
    return made


def report(outcomes: list[Outcome]) -> None:
    results = ["took the floor", "held, resumed", "passed unheld", "no reply to disturb"]
    counts = Counter((o.kind, o.result) for o in outcomes)
    over = [kind for kind in KINDS if kind != "hesitation"]
    print(table(["over a reply", *results], [[kind, *(counts[kind, r] for r in results)] for kind in over]))
    waits = ["waited out", "withdrawn unheard", "answered too early"]
    print(table(["in a turn", *waits], [["hesitation", *(counts["hesitation", r] for r in waits)]]))
    disturbed = [o for o in outcomes if o.kind != "hesitation" and o.result != "no reply to disturb"]
    false = sum(o.result == "took the floor" and o.kind not in TAKES for o in disturbed)
    missed = sum(o.result != "took the floor" and o.kind in TAKES for o in disturbed)
    harmless = sum(o.kind not in TAKES for o in disturbed)
    print(f"false barge-ins {false} of {harmless}, missed barge-ins {missed} of {len(disturbed) - harmless}")
    silent = [1000 * o.silent_after for o in outcomes if o.silent_after is not None and o.kind in TAKES]
    cuts = [1000 * o.cut for o in outcomes if o.cut is not None]
    print(
        f"true onset → last audible sample: p50 {quantile(silent, 0.5):.0f} ms, p95 {quantile(silent, 0.95):.0f} ms, "
        f"max {max(silent, default=0):.0f} ms (n={len(silent)})"
    )
    print(f"decision → last audible sample: max {max(cuts, default=0):.1f} ms (n={len(cuts)})")


if __name__ == "__main__":
    sys.exit(main())

"""One session of two hours: are the decisions of its last ten minutes as good as those of its first?

    python -m tests.benchmarks.long_session DATA [--minutes 120] [--slice 10] [--sessions 4] [--gates rules nano]
                                                 [--audio 0]

DATA is the folder with text/. Every gate decides the same simulated sessions of held-out dialogues
(`interaction/nano/train/streams.py`), each without a break and with one state from its beginning to its end. A line for
each slice of time, over all sessions: occasions that can have a response, F1 and balanced accuracy of responding, F1
of yielding to barge-ins, milliseconds of a decision (CPU time), and megabytes of the process. renewed: the last slice
once more, by a gate that has forgotten all at its beginning; what is said there is the same. Then the last slice less
the first, and less the renewed, with the interval that holds 95 % of what resampling the occasions gives: one that lies
below 0 is a loss.

--audio: minutes of a session of real audio as well, computing charged by the table of `tests.benchmarks.costs`: the
situations of `tests.benchmarks.situations`, one behind the other in one session of the real engines, by thirds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from duplex.engines import Engines
from duplex.models.interaction.decider.contract import Action, Gate
from duplex.models.interaction.nano import WEIGHTS, load_nano
from duplex.models.interaction.nano.train.scoring import ASKS, ASKS_NOT, Played, responding, yielding
from duplex.models.interaction.nano.train.speech import HELD_OUT
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.world import Outcome, World
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing import Clip, Playout, ScriptedAnswerer, read_clips
from tests.benchmarks import situations
from tests.benchmarks.costs import described, hold, measured_costs
from tests.benchmarks.decisions import Rules, percent
from tests.benchmarks.report import quantile, table, versions

RESAMPLED = 2000
APART = 30.0
"""Seconds from the beginning of a situation to that of the next: its last reply is over by then."""
THIRDS = 3


@dataclass
class Slice:
    """What happened in a stretch of time. steps: CPU seconds of each decision. memory: of the process, MiB."""

    outcomes: list[Outcome] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    memory: float = 0.0

    @property
    def occasions(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.kind in (*ASKS, *ASKS_NOT)]

    def row(self) -> list[object]:
        respond = responding(self.outcomes)
        return [
            len(self.occasions),
            percent(respond["f1"]),
            percent(respond["balanced"]),
            percent(yielding(self.outcomes)["f1"]),
            *(f"{1000 * quantile(self.steps, q):.2f}" for q in (0.5, 0.95)),
            f"{self.memory:.0f}",
        ]


class Timed:
    """A gate as the policy of a session, the time of its decisions taken. renewed: second at which its state is what it
    is at the beginning of a session."""

    def __init__(self, gate: Gate, renewed: float | None = None) -> None:
        self._gate, self._played, self._renewed = gate, Played(gate), renewed
        self.steps: list[float] = []

    def __call__(self, world: World, best: Action) -> Action:
        if self._renewed is not None and world.now >= self._renewed:
            self._played, self._renewed = Played(self._gate), None
        began = time.thread_time()
        action = self._played(world, best)
        self.steps.append(time.thread_time() - began)
        return action


def session(simulation: Simulation, policy: Timed, seed: str, slices: Sequence[Slice], seconds: float) -> None:
    """Runs a session over the slices, of `seconds` each, and adds to them; an occasion counts where it ends."""
    told, at = 0, slices[0]
    for world in simulation.lasting(seed, policy):
        number = int(world.now // seconds)
        at.outcomes += world.outcomes[told:]
        at.steps += policy.steps
        at.memory = max(at.memory, psutil.Process().memory_info().rss / 2**20)
        told, policy.steps = len(world.outcomes), []
        if number >= len(slices):
            return
        at = slices[number]


def interval(first: Sequence[Outcome], last: Sequence[Outcome], name: str) -> tuple[float, float, float]:
    """The last less the first in figure `name` of responding, and the 95 % interval of it."""
    rng = np.random.default_rng(0)

    def resampled(found: Sequence[Outcome]) -> float:
        return responding([found[place] for place in rng.integers(0, len(found), len(found))])[name]

    made = [resampled(last) - resampled(first) for _ in range(RESAMPLED)]
    return (
        responding(last)[name] - responding(first)[name],
        float(np.quantile(made, 0.025)),
        float(np.quantile(made, 0.975)),
    )


def aloud(minutes: float, seed: int = 0) -> list[list[situations.Outcome]]:
    """The situations of one session of real audio, by thirds of its time."""
    made = situations.Situations(read_clips(situations.CLIPS), seed)
    count = int(minutes * 60 / APART)
    length = round(APART * SAMPLE_RATE)
    audio = np.zeros(count * length, np.float32)
    asked: list[tuple[str, Clip, int]] = []
    for number in range(count):
        kind = situations.KINDS[number % len(situations.KINDS)]
        scene, clip, onset = made.scene(kind)
        samples = scene.render()
        audio[number * length :][: len(samples)] = samples
        asked.append((kind, clip, number * length + onset))
    engines = Engines.from_settings(Settings())
    engines.answerer = ScriptedAnswerer([situations.REPLY], name="one long reply")
    playout, _ = hold(audio, engines, Settings(), measured_costs())
    engines.recognizer.close()
    found: list[list[situations.Outcome]] = [[] for _ in range(THIRDS)]
    for number, (kind, clip, onset) in enumerate(asked):
        own = Playout()
        own.events = [event for event in playout.events if number <= event.end / length < number + 1]
        found[number * THIRDS // count].append(situations.judge(kind, clip, onset, own))
    return found


def aloud_row(found: Sequence[situations.Outcome]) -> list[object]:
    """Situations, those that had a reply to disturb, right ones among them, delays of barge-ins."""
    met = [outcome for outcome in found if outcome.result != "no reply to disturb"]
    right = sum(
        outcome.result == "took the floor"
        if outcome.kind in situations.TAKES
        else outcome.result not in ("took the floor", "answered too early")
        for outcome in met
    )
    silent = [1000 * outcome.silent_after for outcome in met if outcome.silent_after is not None]
    return [len(found), len(met), right, *(f"{quantile(silent, q):.0f}" for q in (0.5, 0.95))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--slice", type=float, default=10, help="minutes")
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--gates", nargs="*", default=["rules", "nano"])
    parser.add_argument("--nano", type=Path, default=WEIGHTS, help="folder of an export (default: the shipped one)")
    parser.add_argument("--audio", type=float, default=0, help="minutes of a session of real audio")
    options = parser.parse_args()
    simulation = Simulation(load_texts(options.data, "test"), HELD_OUT, Understanding())
    print(versions(["duplex", "onnxruntime"]))
    gates: list[Gate] = [Rules(), load_nano(options.nano)]
    header = ["minutes", "occasions", "respond F1 %", "balanced %", "yield F1 %", "step p50 ms", "p95", "MB"]
    for gate in gates:
        if gate.name not in options.gates:
            continue
        count, seconds = max(2, round(options.minutes / options.slice)), 60 * options.slice
        slices, again = [Slice() for _ in range(count)], [Slice() for _ in range(count)]
        for number in range(options.sessions):
            session(simulation, Timed(gate), f"long {number}", slices, seconds)
            session(simulation, Timed(gate, (count - 1) * seconds), f"long {number}", again, seconds)
        named = [f"{number * options.slice:g} to {(number + 1) * options.slice:g}" for number in range(count)]
        slices, named = [*slices, again[-1]], [*named, "renewed"]
        print(f"\n{gate.name}, {options.sessions} sessions\n")
        print(table(header, [[name, *each.row()] for name, each in zip(named, slices, strict=True)]), flush=True)
        for other, place in (("first", 0), ("renewed", -1)):
            for name in ("f1", "balanced"):
                found = interval(slices[place].occasions, slices[-2].occasions, name)
                middle, low, high = (100 * value for value in found)
                print(f"last less {other}, {name}: {middle:+.1f} ({low:+.1f} to {high:+.1f})", flush=True)
    if options.audio:
        print(f"\nreal audio, one session of {options.audio:g} minutes, {described()}\n")
        thirds = enumerate(aloud(options.audio), 1)
        header = ["third", "situations", "with a reply", "right", "silent after ms p50", "p95"]
        print(table(header, [[f"{number}/{THIRDS}", *aloud_row(found)] for number, found in thirds]))


if __name__ == "__main__":
    main()

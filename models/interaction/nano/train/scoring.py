"""How well a gate decides: occasions of simulated sessions, each met by every gate, and the figures made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.interaction.decider.contract import Action, Gate
from duplex.models.interaction.nano.answers import Drafted, Drafter
from duplex.models.interaction.nano.gate import NanoGate
from duplex.models.interaction.nano.spoken_arguments import as_called
from duplex.models.interaction.nano.train.speech import HELD_OUT
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.world import Answer, Outcome, World
from duplex.models.interaction.tools.builtin import BUILTIN

ASKS = ("turn", "unfinished turn", "sound", "timer", "tool result")
"""Kinds of occasions that want a response."""
ASKS_NOT = ("speech", "pause", "side speech", "backchannel", "noise", "harmless sound")
"""Kinds that want none."""
LEAVES_FLOOR = ("backchannel over reply", "noise over reply", "side speech over reply", "echo", "reply")
"""Kinds that want no yielding."""


class Played:
    """A gate as the policy of one stream."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._state = gate, gate.initial_state()

    def __call__(self, world: World, best: Action) -> Action:
        verdict, self._state = self._gate.read(world.percepts, world.situation, self._state)
        return "silent" if verdict is None else verdict.action


def outcomes(simulation: Simulation, gate: Gate, streams: int, seed: str = "score") -> list[Outcome]:
    """Of the gate deciding `streams` streams."""
    return [
        outcome for number in range(streams) for outcome in simulation.stream(f"{seed} {number}", Played(gate)).outcomes
    ]


def share(found: Sequence[Outcome], kinds: Sequence[str]) -> float:
    """Of the occasions of these kinds, those in which something was done; NaN of none."""
    acted = [outcome.acted for outcome in found if outcome.kind in kinds]
    return float(np.mean(acted)) if acted else float("nan")


def detection(found: Sequence[Outcome], wanted: Sequence[str], unwanted: Sequence[str]) -> dict[str, float]:
    """Precision, recall, F1 and balanced accuracy of acting where it is wanted."""
    hits = sum(outcome.acted for outcome in found if outcome.kind in wanted)
    missed = sum(not outcome.acted for outcome in found if outcome.kind in wanted)
    false = sum(outcome.acted for outcome in found if outcome.kind in unwanted)
    passed = sum(not outcome.acted for outcome in found if outcome.kind in unwanted)
    precision, recall = hits / max(1, hits + false), hits / max(1, hits + missed)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * hits / max(1, 2 * hits + false + missed),
        "balanced": (recall + passed / max(1, false + passed)) / 2,
    }


def responding(found: Sequence[Outcome]) -> dict[str, float]:
    """Of responses at every occasion."""
    return detection(found, ASKS, ASKS_NOT)


def yielding(found: Sequence[Outcome], echo: float | None = None) -> dict[str, float]:
    """Of yielding to barge-ins; echo: at this level alone."""
    chosen = [outcome for outcome in found if echo is None or outcome.echo == echo]
    return detection(chosen, ("barge-in",), LEAVES_FLOOR)


def delays(found: Sequence[Outcome], kind: str) -> np.ndarray:
    """Seconds of the occasions that were met; below 0 before the end of a turn."""
    return np.array([o.delay for o in found if o.kind == kind and o.delay is not None])


@dataclass(slots=True)
class Answering:
    """Answers that a gate wrote where one was wanted. named, exact: calls with the right tools, and with the right
    arguments too. spoken, same: answers in words, and those worded as the rules word them. broken: not complete.
    """

    calls: int = 0
    named: int = 0
    exact: int = 0
    spoken: int = 0
    same: int = 0
    broken: int = 0

    def count(self, wanted: Answer, made: Drafted) -> None:
        self.broken += not made.complete
        if wanted.calls:
            told = [(name, as_called(json.loads(given))) for name, given in wanted.calls]
            self.calls += 1
            self.named += [name for name, _ in told] == [name for name, _ in made.calls]
            self.exact += told == list(made.calls)
        else:
            self.spoken += 1
            self.same += made.text == wanted.text


def answering(simulation: Simulation, gate: NanoGate, streams: int, seed: str = "answer") -> Answering:
    """Of the answers that can be learned (`Answer.teach`), in streams that the teacher decides."""
    made = Answering()
    drafter = Drafter(gate.graph, gate.vocabulary, {name: tool.parameters for name, tool in BUILTIN.items()})
    for number in range(streams):
        state = gate.initial_state()
        for block in simulation.stream(f"{seed} {number}").blocks:
            _, state = gate.read(block.percepts, block.situation, state)
            if block.best == "respond" and block.answer is not None and block.answer.teach:
                made.count(block.answer, drafter.draft(state.cache))
            state = gate.decided(block.action, state)
    return made


def quality(found: Sequence[Outcome]) -> float:
    """One number to choose by: the mean F1 of responding and of yielding."""
    return (responding(found)["f1"] + yielding(found)["f1"]) / 2


def tuned_threshold(
    gate: NanoGate, data: Path, thresholds: Sequence[float], streams: int
) -> tuple[float, dict[float, float]]:
    """The threshold of the best `quality` on the validation split, and that of each."""
    simulation = Simulation(load_texts(data, "valid"), HELD_OUT, Understanding())
    scores = {}
    for threshold in thresholds:
        gate.threshold = threshold
        scores[threshold] = round(quality(outcomes(simulation, gate, streams)), 4)
    best = max(scores, key=lambda threshold: scores[threshold])
    gate.threshold = best
    return best, scores

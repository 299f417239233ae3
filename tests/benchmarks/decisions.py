"""When to speak: gates on simulated sessions of held-out dialogues, in a held-out manner of speaking.

    python -m tests.benchmarks.decisions DATA [--streams 500] [--gates rules nano] [--nano FOLDER]

DATA is the folder with text/. Every gate meets the same occasions (`interaction/nano/train/scenes.py`): ends of turns,
pauses within them, side speech, backchannels, barge-ins and noise over a reply, with the assistant's own voice in the
user's channel at 0, 0.1 and 1, sounds, timers and tool results. A wrong decision is counted and otherwise ignored.

respond: precision, recall, F1 and balanced accuracy of responses at those occasions that can have one.
turns: of ends of turns, answered before the end, later than 1.6 s, or not within 4 s; delay of the others. Takeover
rates and latency as in Full-Duplex-Bench (arXiv 2503.04721): pauses (lower is better), ends of turns, interruptions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Action, Gate, Situation, Verdict
from duplex.models.interaction.decider.turn_rules import RuleGate, RuleState
from duplex.models.interaction.nano import WEIGHTS, load_nano
from duplex.models.interaction.nano.train.scoring import (
    answering,
    delays,
    detection,
    outcomes,
    responding,
    share,
    yielding,
)
from duplex.models.interaction.nano.train.speech import HELD_OUT
from duplex.models.interaction.nano.train.streams import ALARMING, Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.world import Outcome
from duplex.models.interaction.percepts import Activity, Percept, Sound, TimerDue, ToolResult, Words
from duplex.models.turn_taking import load_turn_taking
from tests.benchmarks.report import quantile, table, versions

LATE = 1.6
ECHOES = (0.0, 0.1, 1.0)
SURE = 0.6
"""Probability of an alarming sound from which the rules speak of it."""
AGAIN = 30.0
"""Seconds after which they speak of one of the same kind again."""


class Always:
    """The same decision in every block."""

    def __init__(self, action: Action) -> None:
        self.action, self.name = action, f"always {action}"

    def initial_state(self) -> None:
        return None

    def read(self, percepts: Sequence[Percept], situation: Situation, state: None) -> tuple[Verdict, None]:
        return Verdict(self.action, 1.0, self.name), state


@dataclass
class RulesState:
    """rules: of the gate. turn: the words of the open turn, by utterance. answered: up to when words have been
    answered, by what the rules said; a turn that goes on is open again. due: something is to be told. told: when each
    sound last was. talking: somebody speaks.
    """

    rules: RuleState
    turn: dict[int, Words] = field(default_factory=dict)
    answered: float = 0.0
    due: bool = False
    told: dict[str, float] = field(default_factory=dict)
    talking: bool = False


class Rules:
    """The gate of rules with what the floor tells it in a session: how long a pause may be, and what is due.

    Sounds are those that the simulation has warnings for.
    """

    name = "rules"

    def __init__(self) -> None:
        self._models, self._times = load_turn_taking("en"), FloorSettings()
        self._gate = RuleGate(self._models, self._times)

    def initial_state(self) -> RulesState:
        return RulesState(self._gate.initial_state())

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: RulesState
    ) -> tuple[Verdict | None, RulesState]:
        for percept in percepts:
            match percept:
                case Activity():
                    state.talking = percept.active
                case Words() if not percept.side:
                    state.turn[percept.utterance] = percept
                case Sound() if percept.label in ALARMING and percept.score >= SURE:
                    state.due |= situation.now - state.told.get(percept.label, -AGAIN) >= AGAIN
                    state.told[percept.label] = situation.now
                case TimerDue() | ToolResult():
                    state.due = True
        state.turn = {number: words for number, words in state.turn.items() if words.start >= situation.since}
        text = " ".join(words.text for words in state.turn.values())
        reached = max((words.end for words in state.turn.values()), default=0.0)
        told = replace(situation, patience=self._times.pause(self._models.end_of_turn(text)))
        heard = [percept for percept in percepts if not isinstance(percept, Sound)]
        verdict, state.rules = self._gate.read(heard, told, state.rules)
        news = reached > state.answered
        if verdict is not None and verdict.action == "respond":
            state.answered = reached
            if news and not self._models.is_backchannel(text, answering=situation.asked):
                state.due = False
                return verdict, state
        elif verdict is not None and verdict.action != "silent":
            return verdict, state
        busy = state.talking or situation.speaking or situation.held or situation.answering
        if state.due and not news and not busy:
            state.due = False
            return Verdict("respond", 1.0, self.name, "something is due"), state
        return Verdict("silent", 1.0, self.name), state


def percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{100 * value:.1f}"


def rows_of(found: Sequence[Outcome]) -> dict[str, str]:
    """Every figure of a gate, by name."""
    respond = responding(found)
    turns, barge_ins = delays(found, "turn"), delays(found, "barge-in")
    ends = [outcome for outcome in found if outcome.kind == "turn"]
    met = turns[turns >= 0]
    rows = {f"respond {name} %": percent(value) for name, value in respond.items()}
    rows |= {
        "turns before the end %": percent(float((turns < 0).sum()) / max(1, len(ends))),
        f"turns later than {LATE} s %": percent(float((met > LATE).sum()) / max(1, len(ends))),
        "turns not answered %": percent(1 - share(found, ("turn",))),
        "delay s, p10 p50 p90": " ".join(f"{quantile(met, q):.2f}" for q in (0.1, 0.5, 0.9)),
        "seconds too early, p50 p90": " ".join(f"{quantile(-turns[turns < 0], q):.2f}" for q in (0.5, 0.9)),
        "takeover in pauses %": percent(share(found, ("pause",))),
        "takeover at ends of turns %": percent(share(found, ("turn",))),
        "latency at ends of turns, mean s": f"{np.maximum(turns, 0).mean() if len(turns) else float('nan'):.2f}",
        "takeover by interruptions %": percent(share(found, ("barge-in",))),
        "latency of yielding, mean s": f"{barge_ins.mean() if len(barge_ins) else float('nan'):.2f}",
    }
    rows |= {f"barge-in F1, echo x{echo:g} %": percent(yielding(found, echo)["f1"]) for echo in ECHOES}
    rows |= {
        "barge-in precision %": percent(yielding(found)["precision"]),
        "backchannels over a reply ignored %": percent(1 - share(found, ("backchannel over reply",))),
        "side speech over a reply ignored %": percent(1 - share(found, ("side speech over reply",))),
        "noise over a reply ignored %": percent(1 - share(found, ("noise over reply",))),
        "held replies resumed %": percent(share(found, ("held",))),
        "side speech ignored %": percent(1 - share(found, ("side speech",))),
        "backchannels and noise ignored %": percent(1 - share(found, ("backchannel", "noise"))),
        "sounds F1 %": percent(detection(found, ("sound",), ("harmless sound",))["f1"]),
        "timers and tool results told %": percent(share(found, ("timer", "tool result"))),
        "unfinished turns answered %": percent(share(found, ("unfinished turn",))),
    }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--gates", nargs="*", default=["always silent", "always respond", "rules", "nano"])
    parser.add_argument("--nano", type=Path, default=WEIGHTS, help="folder of an export (default: the shipped one)")
    parser.add_argument("--answers", type=int, default=0, help="streams in which its answers are judged too")
    options = parser.parse_args()
    gates: list[Gate] = [Always("silent"), Always("respond"), Rules()]
    nano = load_nano(options.nano)
    gates.append(nano)
    simulation = Simulation(load_texts(options.data, "test"), HELD_OUT, Understanding())
    print(versions(["duplex", "onnxruntime"]))
    columns: dict[str, dict[str, str]] = {}
    found: list[Outcome] = []
    for gate in gates:
        if gate.name not in options.gates:
            continue
        began = time.thread_time()
        found = outcomes(simulation, gate, options.streams)
        columns[gate.name] = {**rows_of(found), "CPU s": f"{time.thread_time() - began:.0f}"}
    print(f"{options.streams} streams, {len(found)} occasions\n")
    names = next(iter(columns.values()))
    print(table(["", *columns], [[name, *(column[name] for column in columns.values())] for name in names]))
    if options.answers:
        made = answering(simulation, nano, options.answers)
        print(f"\ntools: {made.calls} calls, {made.named} of the right tool, {made.exact} with the right arguments")
        print(f"words: {made.spoken} answers, {made.same} as the rules word them; not complete: {made.broken}")


if __name__ == "__main__":
    main()

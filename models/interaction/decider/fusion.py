"""Several gates, one decision: by priority, with hysteresis.

The first gate that would act is followed, unless one before it is sure that silence is right. An action's scores add up
over the blocks and leak away (MMDuet, arXiv 2411.17991), so that one sure score acts at once and several unsure ones in
a row act too; after an action nothing but giving way is decided for a block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from duplex.models.interaction.decider.contract import BLOCK, Action, Gate, Situation, Verdict
from duplex.models.interaction.percepts import Percept


@dataclass(frozen=True, slots=True)
class FusedState:
    """gates: the state of each. sums: leaky sums of scores, by action, as of `at` (seconds). acted: when each action
    was last decided. Never changed: an earlier one is a snapshot if those of the gates are."""

    gates: tuple[Any, ...]
    sums: Mapping[Action, float] = field(default_factory=dict)
    at: float = 0.0
    acted: Mapping[Action, float] = field(default_factory=dict)


class FusedDecider:
    """gates: of falling priority; every one of them reads every percept, whoever decides.

    threshold: sum of scores from which an action is taken. leak: what is left of a sum after a block. veto: score from
    which a gate's silence overrules those behind it. refractory: seconds after an action without another; a gate that
    is `certain` (a rule) is followed at once.
    """

    def __init__(
        self,
        gates: Sequence[Gate[Any]],
        *,
        certain: frozenset[str] = frozenset({"rules"}),
        threshold: float = 0.5,
        leak: float = 0.5,
        veto: float = 0.9,
        refractory: float = BLOCK,
    ) -> None:
        if not gates:
            raise ValueError("a decider needs a gate")
        self.name = "+".join(gate.name for gate in gates)
        self._gates = tuple(gates)
        self._certain = certain
        self._threshold = threshold
        self._leak = leak
        self._veto = veto
        self._refractory = refractory

    def initial_state(self) -> FusedState:
        return FusedState(tuple(gate.initial_state() for gate in self._gates))

    def step(self, percepts: Sequence[Percept], situation: Situation, state: FusedState) -> tuple[Verdict, FusedState]:
        states, verdicts = [], []
        for gate, before in zip(self._gates, state.gates, strict=True):
            verdict, after = gate.read(percepts, situation, before)
            states.append(after)
            if verdict is not None:
                verdicts.append(verdict)
        now = situation.now
        left = self._leak ** (max(0.0, now - state.at) / BLOCK)
        sums = {action: total * left for action, total in state.sums.items()}
        acted = dict(state.acted)
        chosen = self._chosen(verdicts, sums, acted, now)
        if chosen.action != "silent":
            acted[chosen.action] = now
            sums[chosen.action] = 0.0
        return chosen, FusedState(tuple(states), sums, now, acted)

    def _chosen(
        self, verdicts: Sequence[Verdict], sums: dict[Action, float], acted: Mapping[Action, float], now: float
    ) -> Verdict:
        silent = Verdict("silent", 1.0, self.name, "no gate has an opinion")
        for place, verdict in enumerate(verdicts):
            if verdict.action == "silent":
                silent = verdict if not place else silent
                if verdict.score >= self._veto and verdict.gate not in self._certain:
                    return verdict
                continue
            sums[verdict.action] = sums.get(verdict.action, 0.0) + verdict.score
            sure = verdict.gate in self._certain or sums[verdict.action] >= self._threshold
            if sure and not self._resting(verdict.action, acted, now):
                return verdict
        return silent

    def _resting(self, action: Action, acted: Mapping[Action, float], now: float) -> bool:
        """Whether too little time has passed since the last action; giving way waits for giving way only."""
        times = [at for other, at in acted.items() if action != "yield" or other == "yield"]
        return now - max(times, default=-self._refractory) < self._refractory

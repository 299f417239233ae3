"""The decider's node: a decision for every block and every onset, also while the assistant speaks.

Deciding waits for no reply and holds up nothing: percepts gather while a decision is made, and the next one takes all
of them (drain: one decision, however many blocks have passed). What is decided goes to the floor, which has the last
word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from duplex import events as ev
from duplex.conversation.percepts import Percepts
from duplex.models.interaction.decider import Noticed
from duplex.models.interaction.decider.contract import BLOCK, Decider, Situation, Verdict
from duplex.models.interaction.percepts import Percept, Sound
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import Steps

BLOCK_SAMPLES = round(BLOCK * SAMPLE_RATE)

DECIDE_LIMIT = 5.0
"""Seconds after which a decision counts as stalled. The floor's own rules go on without it."""


class Deciding:
    """Puts a session's percepts to its decider, and what comes out to its floor.

    situation: the moment, as floor and playback have it. carry_out: takes a decision and the sample that it is about,
    and says whether that changed anything. speak_up: takes what is said unasked, and whether it is urgent;
    None: nothing is. every_block: log every decision, not only those that differ from the one before or did something.
    """

    def __init__(
        self,
        decider: Decider[Any],
        percepts: Percepts,
        steps: Steps,
        *,
        situation: Callable[[], Situation],
        carry_out: Callable[[Verdict, int], bool],
        speak_up: Callable[..., None] | None,
        emit: Callable[[ev.Event], None],
        every_block: bool = False,
    ) -> None:
        self.on = True
        """Whether anything is decided; what is perceived meanwhile is kept, as far as there is room."""
        self.node: Node[int] = Node("decide", self._decide, capacity=1, policy="latest", capability="deciding")
        self._decider = decider
        self._percepts = percepts
        self._steps = steps
        self._situation = situation
        self._carry_out = carry_out
        self._speak_up = speak_up
        self._emit = emit
        self._every_block = every_block
        self._state = decider.initial_state()
        self._block = 0
        self._logged = "silent"
        self._noticed = Noticed()

    def tick(self, at: int) -> None:
        """Everything up to the sample `at` has been perceived."""
        if at // BLOCK_SAMPLES != self._block:
            self._block = at // BLOCK_SAMPLES
            self.now()

    def now(self) -> None:
        """Something has been perceived that the next block would be too late for."""
        if self.on:
            self.node.put(self._percepts.now)

    def perceived(self, percept: Percept) -> None:
        if isinstance(percept, Sound) and self._speak_up is not None:
            self._noticed.hear(percept)

    async def _decide(self, _: int) -> None:
        percepts, situation = self._percepts.take(), self._situation()
        situation = replace(situation, noticed=self._due(situation))
        step = self._decider.step
        verdict, self._state = await self._steps.run(
            "decide", step, percepts, situation, self._state, limit=DECIDE_LIMIT
        )
        at = round(situation.now * SAMPLE_RATE)
        acted = self._carry_out(verdict, at)
        if verdict.action == "respond" and not acted:
            acted = self._remark(situation)
        if acted or self._every_block or verdict.action != self._logged:
            self._logged = verdict.action
            score = round(verdict.score, 3)
            self._emit(ev.Decided(at, self._percepts.now, verdict.action, score, verdict.gate, verdict.reason, acted))

    @property
    def waits(self) -> bool:
        """Whether a sound may still be spoken of."""
        return self._noticed.due(self._percepts.now / SAMPLE_RATE) is not None

    def _due(self, situation: Situation) -> Sound | None:
        """The sound that may be spoken of now: in the middle of a reply an urgent one."""
        return self._noticed.due(situation.now, urgent=situation.speaking)

    def _remark(self, situation: Situation) -> bool:
        """To respond where nobody has said anything is to speak of the sounds that were heard, if there were any."""
        if situation.turn_open or situation.answering or self._speak_up is None:
            return False
        spoken = False
        while (sound := self._due(situation)) is not None:
            said = self._noticed.speak_of(sound, situation.now)
            self._speak_up(said.text, urgent=said.urgent)
            spoken = True
        return spoken

"""Deciders that decide what a test says, and a conversation held with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from duplex.conversation.session import Session
from duplex.models.interaction.decider.contract import Action, Situation, Verdict
from duplex.models.interaction.percepts import Percept
from duplex.settings import Settings
from duplex.streaming.clock import VirtualClock
from duplex.streaming.pool import InferencePool
from duplex.testing import Answer, Playout, UserSpeech, feed, scripted_engines
from duplex.testing.fakes import UserScript

PLAIN = Settings(diarize=False)


class Chosen:
    """Decides what `choose` says, and remembers what it was given."""

    name = "chosen"

    def __init__(self, choose: Callable[[Sequence[Percept], Situation], Action], score: float = 1.0) -> None:
        self.choose = choose
        self.score = score
        self.steps: list[tuple[list[Percept], Situation]] = []

    def initial_state(self) -> None:
        return None

    def step(self, percepts: Sequence[Percept], situation: Situation, state: None) -> tuple[Verdict, None]:
        self.steps.append((list(percepts), situation))
        return Verdict(self.choose(percepts, situation), self.score, self.name), None


def hold(
    sounds: Sequence[UserSpeech],
    answers: Sequence[Answer] = (Answer("all right"),),
    playout: Playout | None = None,
    *,
    decider: Any = None,
    settings: Settings = PLAIN,
    cost: Callable[[str], float] | None = None,
    duration: float | None = None,
    meanwhile: Callable[[Session], None] = lambda session: None,
) -> Playout:
    """A conversation at virtual time; meanwhile: is called with the session before the input begins."""
    playout = playout or Playout()
    engines = scripted_engines(sounds, answers)
    engines.decider = decider
    clock = VirtualClock()

    async def main() -> None:
        pool = InferencePool(inline=True, cost=cost)
        async with Session(settings, engines=engines, clock=clock, pool=pool, sinks=[playout]) as session:
            meanwhile(session)
            await feed(session, UserScript(tuple(sounds)).audio(duration), clock)
            await session.finish()

    clock.run(main())
    return playout

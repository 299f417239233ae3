"""Run a scripted conversation through the real session in virtual time, and look at what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.streaming.pool import InferencePool
from duplex.testing.fakes import (
    Answer,
    ScriptedAnswerer,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedVad,
    UserScript,
    UserSpeech,
)
from duplex.testing.playout import Playout


def scripted_engines(sounds: Sequence[UserSpeech], answers: Sequence[Answer] = (Answer("all right"),)) -> Engines:
    """Engines that hear, answer and speak by script; replace any of them with your own."""
    return Engines(
        vad=ScriptedVad(),
        recognizer=ScriptedRecognizer(UserScript(tuple(sounds))),
        answerer=ScriptedAnswerer(answers),
        synthesizer=ScriptedSynthesizer(),
    )


def converse(
    sounds: Sequence[UserSpeech],
    answers: Sequence[Answer] = (Answer("all right"),),
    *,
    settings: Settings | None = None,
    engines: Engines | None = None,
    cost: Callable[[str], float] | None = None,
    duration: float | None = None,
    limit: float = 60.0,
) -> Playout:
    """A whole conversation at virtual time; returns what was audible and every event.

    sounds: what the user does. engines: instead of the scripted ones. cost: virtual seconds per model step.
    duration: seconds of input; limit: seconds after it within which the conversation must come to rest.
    """
    audio = UserScript(tuple(sounds)).audio(duration)
    playout = Playout()
    clock = VirtualClock()

    async def main() -> None:
        pool = InferencePool(inline=True, cost=cost)
        async with Session(
            settings,
            engines=engines or scripted_engines(sounds, answers),
            clock=clock,
            pool=pool,
            sinks=[playout],
            wall_time=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        ) as session:
            await feed(session, audio, clock)
            await session.finish(limit)

    clock.run(main())
    return playout


async def feed(session: Session, audio: np.ndarray, clock: VirtualClock) -> None:
    """Feed 16 kHz audio (n,) or (n, parties) as a microphone would: each frame when its last sample is there."""
    began = clock.now()
    for at in range(0, len(audio), FRAME):
        block = audio[at : at + FRAME]
        await clock.sleep_until(began + (at + len(block)) / SAMPLE_RATE)
        session.feed(block)

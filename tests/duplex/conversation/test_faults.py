"""Faults around a session, in sinks, loaders, engines and cancellation: each costs what failed and nothing else."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.events import CapabilityLost, CapabilityRestored, Decision, Event, Interrupted, Reply, ReplyText, Turn
from duplex.models.interaction.contract import Request
from duplex.models.tts.contract import SpeechChunk, Voice
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.errors import ModelError
from duplex.streaming.pool import InferencePool
from duplex.testing import (
    Answer,
    Playout,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    UserScript,
    UserSpeech,
    VirtualClock,
    converse,
    feed,
    scripted_engines,
)

ASK = UserSpeech(0.5, 1.5, "what time is it")
AGAIN = UserSpeech(6.0, 7.0, "are you there")
PLAIN = Settings(diarize=False)


def of(playout: Playout, kind: type[Event]) -> list[Any]:
    return [event for event in playout.events if isinstance(event, kind)]


def hold(engines: Engines, *sinks: Any, settings: Settings = PLAIN, seconds: float | None = None) -> None:
    """A conversation at virtual time with these sinks."""
    clock = VirtualClock()

    async def main() -> None:
        pool = InferencePool(inline=True)
        async with Session(settings, engines=engines, clock=clock, pool=pool, sinks=sinks) as session:
            await feed(session, engines.recognizer.script.audio(seconds), clock)  # type: ignore[attr-defined]
            await session.finish()

    clock.run(main())


@pytest.mark.parametrize("method", ["on_input", "on_output", "on_event"])
def test_a_bug_in_a_sink_costs_the_sink(method: str) -> None:
    class Broken(Playout):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            setattr(self, method, self.break_down)

        def break_down(self, what: object) -> None:
            Broken.calls += 1
            raise ValueError("a bug in a sink")

    playout = Playout()
    hold(scripted_engines([ASK, AGAIN], [Answer("yes")]), Broken(), playout)
    assert Broken.calls == 1
    assert [(e.capability, e.reason) for e in of(playout, CapabilityLost)] == [
        ("sink Broken", "ValueError: a bug in a sink")
    ]
    assert [turn.text for turn in of(playout, Turn)] == ["what time is it", "are you there"]
    assert len(of(playout, Reply)) == 2


def test_a_bug_in_hearing_costs_the_frame_not_the_hearing() -> None:
    engines = scripted_engines([ASK, AGAIN], [Answer("yes")])
    step, calls = engines.vad.step, 0

    def faulty(chunk: np.ndarray, state: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise ZeroDivisionError("a bug in the detector")
        return step(chunk, state)

    engines.vad.step = faulty  # type: ignore[method-assign]
    playout = Playout()
    hold(engines, playout)
    (lost,) = of(playout, CapabilityLost)
    assert (lost.capability, lost.reason) == ("perception", "ZeroDivisionError: a bug in the detector")
    assert [restored.capability for restored in of(playout, CapabilityRestored)] == ["perception"]
    assert len(of(playout, Reply)) == 2


def test_a_bug_in_an_answerer_is_said_aloud_and_the_next_answer_restores_it() -> None:
    def choose(request: Request) -> Answer:
        if "time" in request.text:
            raise KeyError("a bug in an answerer")
        return Answer("yes")

    engines = scripted_engines([ASK, AGAIN])
    engines.answerer.choose = choose  # type: ignore[attr-defined]
    playout = Playout()
    hold(engines, playout)
    first, second = of(playout, Reply)
    assert (first.text, second.text) == ("Sorry, I cannot reach the language model.", "yes")
    assert [lost.capability for lost in of(playout, CapabilityLost)] == ["answering"]
    assert [restored.capability for restored in of(playout, CapabilityRestored)] == ["answering"]


def test_slow_restoration_neither_delays_an_interruption_nor_loses_input() -> None:
    reply = Answer(" ".join(["word"] * 60))
    sounds = [ASK, UserSpeech(5.0, 6.0, "stop that right now")]
    playout = converse(
        sounds,
        [reply, Answer("ok")],
        settings=Settings(restore="enhance", diarize=False),
        cost=lambda name: 0.03 if name == "restore" else 0.0,
    )
    (interrupted,) = of(playout, Interrupted)
    assert interrupted.end - interrupted.start <= 0.25 * SAMPLE_RATE
    (ended,) = [event for event in playout.events if event.type == "session_ended"]
    assert ended.queues["input"]["dropped"] == 0
    assert ended.queues["restore"]["dropped"] > 0


def test_restored_hearing_takes_the_raw_frame_where_restoration_is_late() -> None:
    playout = converse(
        [ASK],
        [Answer("yes")],
        settings=Settings(restore="enhance", restore_hearing=True, diarize=False),
        cost=lambda name: 0.2 if name == "restore" else 0.0,
    )
    assert [turn.text for turn in of(playout, Turn)] == ["what time is it"]


@pytest.mark.parametrize("words", [10, 25, 40, 80])
def test_scoring_happens_once_per_change_of_the_text(words: int) -> None:
    text = " ".join(
        random.Random(words).choices(
            ["book", "the", "a", "table", "for", "two", "and", "then", "at", "seven", "please", "call"], k=words
        )
    )
    sound = UserSpeech(0.5, 0.5 + 0.3 * words, text)
    scored: list[str] = []
    engines = scripted_engines([sound], [Answer("yes")])
    model = engines.turn_taking

    def score(said: str) -> float:
        scored.append(said)
        return 0.1  # the longest pause, many ticks

    engines.turn_taking = type(model)(score, model.is_backchannel, model.asks_for_floor)
    playout = Playout()
    hold(engines, playout, settings=PLAIN.with_values(utterance_limit=60.0, floor=type(PLAIN.floor)(turn_limit=60.0)))
    assert len(scored) == len(set(scored)) <= words + 1
    assert [turn.text for turn in of(playout, Turn)] == [text]


def test_slow_words_are_waited_for_and_answered() -> None:
    """A loaded machine: the recognizer is five seconds late, and the turn is not taken for activity without words."""
    engines = scripted_engines([ASK], [Answer("half past nine")])
    playout = converse([ASK], engines=engines, cost=lambda name: 0.1 if name == "recognize" else 0.0)
    assert [decision.kind for decision in of(playout, Decision)] == ["endpoint"]
    assert [reply.text for reply in of(playout, Reply)] == ["half past nine"]


def test_a_timer_cuts_in_at_a_clause_and_the_reply_goes_on() -> None:
    from duplex.models.interaction.contract import Control

    text = "one two three, four five six, seven eight nine, ten eleven twelve."
    controls = (Control("timer", text="time is up", at=3.2),)
    playout = converse([ASK], [Answer(text, controls=controls)])
    alarm, reply = of(playout, Reply)
    assert (alarm.text, reply.text) == ("time is up", text)
    assert not reply.interrupted
    assert 3.2 * SAMPLE_RATE <= alarm.start <= 4.6 * SAMPLE_RATE
    words = [event for event in playout.events if event.type == "spoken_word"]
    before = [word.text for word in words if word.epoch == reply.epoch and word.end <= alarm.start]
    assert before and before[-1].endswith(",")
    assert [word.text for word in words if word.epoch == reply.epoch] == text.split()
    sounding = sum(end - start for start, end in playout.audible())
    assert abs(sounding - (12 + 3) * round(0.3 * SAMPLE_RATE)) <= 4


def test_an_alarm_interrupted_before_it_was_heard_is_said_later() -> None:
    from duplex.models.interaction.contract import Control

    text = "one two three four five six seven eight, nine ten eleven twelve."
    controls = (Control("timer", text="time is up", at=2.6),)
    sounds = [ASK, UserSpeech(3.0, 4.2, "stop that right now")]
    playout = converse(sounds, [Answer(text, controls=controls), Answer("ok")])
    assert [reply.text for reply in of(playout, Reply)][-1] == "time is up"


async def test_readers_that_leave_leave_nothing() -> None:
    async def come_and_go(session: Session) -> None:
        async def read() -> None:
            async for _ in session.events():
                break

        for _ in range(50):
            task = asyncio.create_task(read())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    async with Session(PLAIN, engines=scripted_engines([])) as session:
        await asyncio.create_task(come_and_go(session))
        gc.collect()
        assert session._audience.readers == 0
        async with session.audio() as audio:  # type: ignore[attr-defined]
            assert session._audience.readers == 1
            await anext(audio)
        assert session._audience.readers == 0


async def test_opening_that_fails_closes_what_it_had_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    engines = scripted_engines([])
    monkeypatch.setattr(type(engines.recognizer), "close", lambda self: closed.append("recognizer"))
    monkeypatch.setattr(Engines, "from_settings", classmethod(lambda cls, settings: engines))

    def fail(*args: object) -> None:
        raise ModelError("no weights")

    monkeypatch.setattr("duplex.conversation.hearing.perception.LiveRestoration", fail)
    session = Session(Settings(restore="enhance", diarize=False))
    with pytest.raises(ModelError, match="no weights"):
        await session.__aenter__()
    assert closed == ["recognizer"]
    assert session._pool._closed  # type: ignore[union-attr]
    assert len(asyncio.all_tasks()) == 1


async def test_opening_that_is_cancelled_closes_engines_that_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    engines = scripted_engines([])
    monkeypatch.setattr(type(engines.recognizer), "close", lambda self: closed.append("recognizer"))

    def load(cls: type[Engines], settings: Settings) -> Engines:
        time.sleep(0.1)
        return engines

    monkeypatch.setattr(Engines, "from_settings", classmethod(load))
    opening = asyncio.create_task(Session(PLAIN).__aenter__())
    await asyncio.sleep(0.02)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(5.0):
        while not closed:  # noqa: ASYNC110 (a thread fills it)
            await asyncio.sleep(0.005)


class StuckRecognizer(ScriptedRecognizer):
    def flush(self, state: Any) -> Any:
        time.sleep(0.5)
        return super().flush(state)


async def test_closing_that_is_cancelled_leaves_no_task() -> None:
    script = UserScript((UserSpeech(0.0, 0.4, "hello"),))
    engines = scripted_engines([])
    engines.recognizer = StuckRecognizer(script)
    before = asyncio.all_tasks()

    async def conversation() -> None:
        async with Session(PLAIN, engines=engines) as session:
            session.feed(script.audio(0.3))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(conversation())
    await asyncio.sleep(0.25)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


class SlowVoice(ScriptedSynthesizer):
    """A generator that takes its time: it must not be closed from the loop while it runs."""

    def synthesize(self, text: str, voice: Voice) -> Iterator[SpeechChunk]:
        for chunk in super().synthesize(text, voice):
            time.sleep(0.1)
            yield chunk


async def test_a_body_that_fails_while_speech_is_being_made_raises_its_own_error() -> None:
    sound = UserSpeech(0.1, 0.5, "what time is it")
    engines = scripted_engines([sound], [Answer("half past nine or so", ttft=0.0)])
    engines.synthesizer = SlowVoice()
    playout = Playout()
    audio = engines.recognizer.script.audio()  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        async with Session(PLAIN, engines=engines, sinks=[playout]) as session:
            began = session.clock.now()
            for at in range(0, len(audio), FRAME):
                await session.clock.sleep_until(began + (at + FRAME) / SAMPLE_RATE)
                session.feed(audio[at : at + FRAME])
                if of(playout, ReplyText):
                    raise ZeroDivisionError
    assert of(playout, ReplyText) and not of(playout, CapabilityLost)


async def test_what_a_stalled_loop_did_not_play_does_not_count_as_heard() -> None:
    sound = UserSpeech(0.1, 0.5, "what time is it")
    engines = scripted_engines([sound], [Answer(" ".join(["word"] * 10), ttft=0.0)])
    playout = Playout()
    audio = engines.recognizer.script.audio(3.0)  # type: ignore[attr-defined]
    async with Session(PLAIN, engines=engines, sinks=[playout]) as session:
        began, stalled = session.clock.now(), False
        for at in range(0, len(audio), FRAME):
            await session.clock.sleep_until(began + (at + FRAME) / SAMPLE_RATE)
            session.feed(audio[at : at + FRAME])
            if not stalled and any(event.type == "reply_started" for event in playout.events):
                stalled = True
                time.sleep(1.0)  # noqa: ASYNC251 (the stall under test)
    assert stalled
    spoken = [event for event in playout.events if event.type == "spoken_word"]
    gaps = np.diff([word.start for word in spoken])
    assert gaps.max() >= 0.9 * SAMPLE_RATE, "the reply waited while nobody could hear it"

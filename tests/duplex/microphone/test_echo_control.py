"""A session that hears its own voice back from a simulated room, at virtual time: it is nobody's but its own."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.events import CapabilityLost, Decision, Interrupted, SpeechStarted, Turn
from duplex.microphone.echo_cancellation import HOP, EchoCanceller
from duplex.microphone.echo_control import EchoControl
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import SettingsError
from duplex.testing import UserScript, UserSpeech, VirtualClock, converse, feed, read_clips, scripted_engines
from tests.benchmarks.echo import CLIPS, CONDITIONS, REPLIES, hold
from tests.duplex.microphone.test_echo_stages import decibels, echo_of, room, speech_like

pytest.importorskip("livekit")
pytest.importorskip("pyroomacoustics")


@pytest.fixture(scope="module")
def engines() -> Engines:
    return Engines.from_settings(Settings(diarize=False))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["desk, overdriven", "living room, 2 m", "0.7 s of latency"])
def test_the_assistant_does_not_interrupt_itself(engines: Engines, name: str) -> None:
    condition = next(c for c in CONDITIONS if c.name == name)
    run = hold(condition, engines, 21.0, replies=lambda: iter(REPLIES[:2]))
    heard = [e for e in run.playout.events if isinstance(e, SpeechStarted | Turn)]
    assert heard == [], heard
    assert [e.kind for e in run.playout.events if isinstance(e, Decision)] == ["announce"] * 2
    loud = slice(round(0.5 * SAMPLE_RATE), 8 * SAMPLE_RATE)
    assert decibels(run.raw[loud], run.heard[loud]) > 20.0


@pytest.mark.slow
def test_without_echo_control_it_does(engines: Engines) -> None:
    run = hold(CONDITIONS[2], engines, 12.0, cancel=False)
    assert any(isinstance(e, Decision) and e.kind == "suspend" for e in run.playout.events)


@pytest.mark.slow
def test_a_user_interrupts_over_loudspeakers(engines: Engines) -> None:
    clip = read_clips(CLIPS)["rms-interruption-hold-on-a-second"]
    user = np.zeros(12 * SAMPLE_RATE, np.float32)
    at = 4 * SAMPLE_RATE
    user[at : at + len(clip.samples)] = clip.samples
    run = hold(CONDITIONS[1], engines, 12.0, user=user)
    (interrupted,) = [e for e in run.playout.events if isinstance(e, Interrupted)]
    assert at <= interrupted.end < at + len(clip.samples) + SAMPLE_RATE
    assert not [e for e in run.playout.events if isinstance(e, SpeechStarted) and e.end < at]


def control_run(control: EchoControl, played: np.ndarray, microphone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    quiet, words = [], []
    for at in range(0, len(played) - 2 * HOP + 1, 2 * HOP):
        control.play(AudioChunk(at, played[at : at + 2 * HOP]))
        free = control.cancel(AudioChunk(at, microphone[at : at + 2 * HOP]))
        assert (free.quiet.start, free.words.start, len(free.quiet.samples)) == (at, at, 2 * HOP)
        quiet.append(free.quiet.samples)
        words.append(free.words.samples)
    return np.concatenate(quiet), np.concatenate(words)


@pytest.mark.slow
@pytest.mark.parametrize("delay,expected", [(0.02, 0.0), (0.3, 0.0), (1.1, 0.0), (0.6, 0.7)])
def test_any_delay_is_brought_within_reach(delay: float, expected: float) -> None:
    played = speech_like(14.0)
    noise = np.random.default_rng(3).normal(0, 1e-4, len(played)).astype(np.float32)
    microphone = echo_of(played, room(round(delay * SAMPLE_RATE))) + noise
    control = EchoControl(expected)
    quiet, words = control_run(control, played, microphone)
    last = slice(-4 * SAMPLE_RATE, -2 * HOP)
    assert decibels(microphone[last], quiet[last]) > 30.0
    assert decibels(microphone[last], words[last]) > 12.0
    assert control.delay == pytest.approx(delay, abs=0.003)
    assert control.erle_db > 20.0


def test_a_false_hint_about_the_delay_is_not_followed() -> None:
    played = speech_like(8.0)
    microphone = echo_of(played, room(800)) + np.random.default_rng(3).normal(0, 1e-4, len(played)).astype(np.float32)
    control = EchoControl()
    control_run(control, played, microphone)
    before = control._held_back
    control._delay.delay = 15_000
    control._align()
    assert control._held_back == before, "the filter explains the echo: the path is known"


def test_where_nothing_is_played_nothing_is_taken_away() -> None:
    user = speech_like(6.0, seed=8)
    quiet, words = control_run(EchoControl(), np.zeros_like(user), user)
    late = EchoCanceller.latency
    assert np.abs(words[late:] - user[: len(words) - late]).max() < 1e-6
    assert decibels(user[: len(quiet)], quiet) == pytest.approx(0.0, abs=2.0)


def test_a_missing_microphone_teaches_it_nothing() -> None:
    played = speech_like(12.0)
    microphone = echo_of(played, room(800)) + np.random.default_rng(3).normal(0, 1e-4, len(played)).astype(np.float32)
    control, left = EchoControl(), []
    for at in range(0, len(played) - 2 * HOP + 1, 2 * HOP):
        control.play(AudioChunk(at, played[at : at + 2 * HOP]))
        gone = 6 * SAMPLE_RATE <= at < 8 * SAMPLE_RATE
        block = np.zeros(2 * HOP, np.float32) if gone else microphone[at : at + 2 * HOP]
        free = control.cancel(AudioChunk(at, block, gone))
        assert free.quiet.concealed == gone
        assert not gone or not free.quiet.samples.any()
        left.append(free.words.samples)
    back = slice(round(8.1 * SAMPLE_RATE), 9 * SAMPLE_RATE)
    assert decibels(microphone[back], np.concatenate(left)[back]) > 12.0


def test_echo_control_is_for_one_microphone() -> None:
    with pytest.raises(SettingsError, match="one microphone"):
        Session(parties=("left", "right"), echo_control=EchoControl())


def test_a_canceller_that_fails_takes_only_itself_along() -> None:
    class Broken(EchoCanceller):
        def step(self, chunk, state):  # type: ignore[no-untyped-def]
            raise RuntimeError("no more")

    ask = UserSpeech(0.5, 1.5, "what time is it")
    clock, events = VirtualClock(), []

    class Watcher:
        def on_input(self, frame: object) -> None: ...
        def on_output(self, chunk: object) -> None: ...
        def on_event(self, event: object) -> None:
            events.append(event)

    async def main() -> None:
        control = EchoControl(canceller=Broken())
        engines = scripted_engines([ask])
        async with Session(engines=engines, clock=clock, sinks=[Watcher()], echo_control=control) as session:
            await feed(session, UserScript((ask,)).audio(), clock)
            await session.finish()

    clock.run(main())
    (lost,) = [e for e in events if isinstance(e, CapabilityLost)]
    assert (lost.capability, lost.reason) == ("echo cancellation", "RuntimeError: no more")
    assert [e.text for e in events if isinstance(e, Turn)] == [e.text for e in converse([ask]).of(Turn)] != []

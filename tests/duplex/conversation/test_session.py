"""The whole loop at virtual time, with scripted engines: what is heard, decided, said, and really audible."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.events import CapabilityLost, CapabilityRestored, Decision, Interrupted, Reply, Resumed, Suspended, Turn
from duplex.models.interaction.contract import Control, Request, Utterance
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, OutputError, SettingsError
from duplex.streaming.pool import InferencePool
from duplex.testing import (
    Answer,
    FaultyStage,
    Playout,
    ScriptedAnswerer,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    UserScript,
    UserSpeech,
    VirtualClock,
    converse,
    feed,
    scripted_engines,
    stall_once,
)

FRAME = 320
LONG = Answer("one two three four five six seven eight nine ten eleven twelve")
ASK = UserSpeech(0.5, 1.5, "what time is it")


def kinds(playout: Playout) -> list[str]:
    return [e.kind for e in playout.events if isinstance(e, Decision)]


def replies(playout: Playout) -> list[Reply]:
    return [e for e in playout.events if isinstance(e, Reply)]


def turns(playout: Playout) -> list[str]:
    return [e.text for e in playout.events if isinstance(e, Turn) and e.kind == "turn"]


def test_a_question_is_answered() -> None:
    playout = converse([ASK], [Answer("half past nine", ttft=0.2)])
    (reply,) = replies(playout)
    assert (reply.text, reply.interrupted, reply.turn) == ("half past nine", False, 1)
    assert reply.decided <= reply.first_token <= reply.first_audible == reply.start
    assert playout.audible() == [(reply.start, reply.end)]
    assert reply.end - reply.start == 3 * round(0.3 * SAMPLE_RATE)


def test_silence_is_left_alone() -> None:
    playout = converse([], duration=20.0)
    assert [e.type for e in playout.events] == ["session_started", "session_ended"]
    assert not playout.audible()


def test_a_barge_in_is_silent_within_a_frame_and_only_what_was_heard_is_remembered() -> None:
    playout = converse([ASK, UserSpeech(3.0, 4.0, "no i meant london")], [LONG, Answer("it is four")])
    (interrupted,) = [e for e in playout.events if isinstance(e, Interrupted)]
    first, second = replies(playout)
    assert interrupted.end - interrupted.decided <= FRAME
    assert interrupted.decided - interrupted.start <= round(0.2 * SAMPLE_RATE)
    assert playout.audible()[0] == (first.start, first.end) and first.end == interrupted.end
    whole_words = (first.end - first.start) // round(0.3 * SAMPLE_RATE)
    assert first.text == " ".join(LONG.text.split()[:whole_words])
    assert first.full_text == LONG.text and first.interrupted
    assert second.text == "it is four"


def test_the_answerer_is_told_only_what_was_heard() -> None:
    engines = scripted_engines([ASK, sound := UserSpeech(3.0, 4.0, "no i meant london")], [LONG, Answer("right")])
    playout = converse([ASK, sound], engines=engines)
    assert isinstance(engines.answerer, ScriptedAnswerer)
    _, request = engines.answerer.requests
    assert request.text == "no i meant london"
    assert [(u.party, u.text, u.interrupted) for u in request.history] == [
        ("user", "what time is it", False),
        ("assistant", replies(playout)[0].text, True),
    ]


@pytest.mark.parametrize(
    ("sound", "decision"),
    [(UserSpeech(3.0, 3.4, "mhm"), "backchannel"), (UserSpeech(3.0, 3.35, ""), "false_interruption")],
)
def test_a_backchannel_and_a_cough_leave_the_reply_whole(sound: UserSpeech, decision: str) -> None:
    playout = converse([ASK, sound], [LONG])
    (reply,) = replies(playout)
    assert decision in kinds(playout)
    assert reply.text == LONG.text and not reply.interrupted
    (held,) = [e for e in playout.events if isinstance(e, Suspended)]
    (resumed,) = [e for e in playout.events if isinstance(e, Resumed)]
    assert resumed.position - (held.end - reply.start) in (0, 1)  # the fade's last sample is silent
    sounding = sum(end - start for start, end in playout.audible())
    assert 12 * round(0.3 * SAMPLE_RATE) - sounding in (0, 1, 2)  # nothing lost or said twice, but for the fades
    before, after = playout.audible()
    assert after[0] - before[1] < 1.0 * SAMPLE_RATE


def test_a_hesitation_is_waited_out() -> None:
    playout = converse([UserSpeech(0.5, 1.5, "how much is the"), UserSpeech(2.6, 3.4, "third of nine")], [LONG])
    assert turns(playout) == ["how much is the third of nine"]


def test_a_reply_that_comes_too_early_is_withdrawn_unheard() -> None:
    playout = converse(
        [UserSpeech(0.5, 1.5, "what time is it"), UserSpeech(2.4, 3.2, "in tokyo")], [Answer("no", ttft=1.5), LONG]
    )
    assert kinds(playout)[:2] == ["endpoint", "withdraw"]
    assert turns(playout)[-1] == "what time is it in tokyo"
    assert {e.turn for e in playout.events if isinstance(e, Turn)} == {1}
    (reply,) = replies(playout)
    assert reply.text == LONG.text
    assert len(playout.audible()) == 1


def test_a_user_who_never_stops_is_answered_at_the_limit() -> None:
    settings = Settings().with_values(floor=Settings().floor.__class__(turn_limit=8.0))
    playout = converse([UserSpeech(0.5, 20.0, "and so on " * 12)], [Answer("let me say something")], settings=settings)
    assert kinds(playout)[0] == "turn_limit"
    assert replies(playout)[0].start < 9.5 * SAMPLE_RATE
    assert replies(playout)[0].text == "let me say something"


def test_a_timer_that_is_due_while_the_user_talks_waits_for_the_floor() -> None:
    controls = (Control("timer", text="the timer is over", at=4.0),)
    playout = converse(
        [ASK, UserSpeech(3.5, 6.0, "and then i went home")],
        [Answer("all right", controls=controls), Answer("i see")],
    )
    assert [r.text for r in replies(playout)] == ["all right", "i see", "the timer is over"]
    assert replies(playout)[2].start > 6.0 * SAMPLE_RATE


def test_a_timer_rings_by_itself_after_the_input_has_ended() -> None:
    playout = converse([ASK], [Answer("set", controls=(Control("timer", text="ring ring", at=12.0),))])
    start = replies(playout)[1].start / SAMPLE_RATE
    assert 12.0 <= start < 12.5


def test_an_announcement_that_is_talked_over_before_it_is_heard_is_said_later() -> None:
    playout = converse(
        [ASK, UserSpeech(5.01, 6.0, "one more thing")],
        [Answer("set", controls=(Control("timer", text="ring ring", at=5.0),)), Answer("yes")],
        cost=lambda name: 0.2 if name == "speak" else 0.0,
    )
    assert "withdraw" in kinds(playout)
    assert [r.text for r in replies(playout)] == ["set", "yes", "ring ring"]


def test_controls_change_the_voice_and_repeat_repeats() -> None:
    answers = [Answer("hello there"), Answer("", controls=(Control("volume", 0.5), Control("repeat")))]
    playout = converse([ASK, UserSpeech(4.0, 5.0, "say that again quieter")], answers)
    first, second = replies(playout)
    assert first.text == second.text == "hello there"
    audio = playout.audio()
    loud, soft = (np.abs(audio[r.start + 500 : r.end - 500]).max() for r in (first, second))
    assert soft == pytest.approx(loud / 2, rel=1e-2)


def test_nothing_to_say_leaves_the_floor_free() -> None:
    playout = converse([ASK, UserSpeech(3.0, 4.0, "and now")], [Answer(""), Answer("something")])
    assert [r.text for r in replies(playout)] == ["something"]


def test_the_same_conversation_gives_the_same_log() -> None:
    sounds = [ASK, UserSpeech(3.0, 3.3, ""), UserSpeech(4.0, 4.4, "mhm"), UserSpeech(5.2, 6.0, "stop that now")]
    logs = [[e.as_dict() for e in converse(sounds, [LONG, Answer("fine")]).events] for _ in range(2)]
    assert logs[0] == logs[1]


def test_two_parties_have_their_own_ears() -> None:
    left, right = UserSpeech(0.5, 1.5, "good morning"), UserSpeech(2.2, 3.2, "hello you")
    engines = scripted_engines([left, right], [Answer("hi")])
    audio = engines.recognizer.script.audio()  # type: ignore[attr-defined]
    both = np.zeros((len(audio), 2), np.float32)
    both[: 2 * SAMPLE_RATE, 0] = audio[: 2 * SAMPLE_RATE]
    both[2 * SAMPLE_RATE :, 1] = audio[2 * SAMPLE_RATE :]
    playout, clock = Playout(), VirtualClock()

    async def main() -> None:
        settings = Settings(assistant=False)
        async with Session(
            settings, parties=("left", "right"), engines=engines, clock=clock, sinks=[playout]
        ) as session:
            await feed(session, both, clock)
            await session.finish()

    clock.run(main())
    said = {(e.party, e.text) for e in playout.events if isinstance(e, Turn)}
    assert said == {("left", "good morning"), ("right", "hello you")}
    assert not playout.audible()


# Faults: a stage takes its own output down, not the call.


def test_a_recognizer_that_dies_costs_its_utterance() -> None:
    sounds = [ASK, UserSpeech(3.0, 4.0, "are you there")]
    engines = scripted_engines(sounds, [Answer("yes")])
    engines.recognizer = FaultyStage(engines.recognizer, fails=[20])  # type: ignore[assignment]
    playout = converse(sounds, engines=engines)
    lost, restored = (next(e for e in playout.events if isinstance(e, k)) for k in (CapabilityLost, CapabilityRestored))
    assert (lost.capability, lost.reason) == ("recognition", "seeded fault in step 20")
    assert restored.capability == "recognition" and restored.start > lost.start
    assert [r.text for r in replies(playout)] == ["yes"]


def test_a_recognizer_that_stalls_is_given_up_and_hearing_goes_on() -> None:
    sounds = [ASK, UserSpeech(40.0, 41.0, "are you there")]
    playout = converse(sounds, [Answer("yes")], cost=stall_once("recognize", 10, 1000.0))
    assert [e.reason for e in playout.events if isinstance(e, CapabilityLost)] == ["stalled"]
    assert turns(playout)[-1] == "are you there"
    assert [e.type for e in playout.events].count("speech") == 2


def test_a_slow_recognizer_delays_words_but_never_the_silence() -> None:
    sounds = [ASK, UserSpeech(3.5, 4.5, "no i meant london")]
    playout = converse(sounds, [LONG], cost=lambda name: 0.018 if name == "recognize" else 0.0)
    (interrupted,) = [e for e in playout.events if isinstance(e, Interrupted)]
    assert interrupted.end - interrupted.start <= 0.25 * SAMPLE_RATE


def test_a_server_that_dies_in_mid_sentence_is_said_so_aloud() -> None:
    playout = converse(
        [ASK, UserSpeech(8.0, 9.0, "are you back")],
        [Answer("well I think", fault_at=2, fail="connection lost"), Answer("yes")],
    )
    lost = [e for e in playout.events if isinstance(e, CapabilityLost)]
    assert [(e.capability, e.reason) for e in lost] == [("answering", "connection lost")]
    first, second = replies(playout)
    assert first.text == "well I Sorry, I cannot reach the language model."
    assert second.text == "yes"
    assert [e.capability for e in playout.events if isinstance(e, CapabilityRestored)] == ["answering"]


def test_a_stalled_server_can_be_interrupted() -> None:
    engines = scripted_engines(
        sounds := [ASK, UserSpeech(6.0, 7.0, "are you there")],
        [Answer("one two", fault_at=1, stall=100.0), Answer("yes")],
    )
    playout = converse(sounds, engines=engines)
    assert isinstance(engines.answerer, ScriptedAnswerer)
    assert engines.answerer.abandoned == 1
    assert replies(playout)[-1].text == "yes"


def test_a_voice_that_fails_is_lost_not_the_session() -> None:
    engines = scripted_engines([ASK, again := UserSpeech(5.0, 6.0, "and now")], [Answer("bad word"), Answer("fine")])
    engines.synthesizer = ScriptedSynthesizer(fail_on="bad")
    playout = converse([ASK, again], engines=engines)
    assert [e.capability for e in playout.events if isinstance(e, CapabilityLost)] == ["speech"]
    assert [r.text for r in replies(playout)] == ["fine"]


def test_where_a_voice_fails_its_spare_speaks_and_one_line_says_so() -> None:
    asks = [ASK, UserSpeech(5.0, 6.0, "and now"), UserSpeech(9.0, 10.0, "and then")]
    engines = scripted_engines(asks, [Answer("bad word"), Answer("bad again"), Answer("fine")])
    voice = ScriptedSynthesizer(fail_on="bad")
    voice.spare = ScriptedSynthesizer(sample_rate=22_050)
    engines.synthesizer = voice
    playout = converse(asks, engines=engines)
    assert [e.capability for e in playout.events if isinstance(e, CapabilityLost)] == ["speech"]
    assert [e.capability for e in playout.events if isinstance(e, CapabilityRestored)] == ["speech"]
    assert [r.text for r in replies(playout)] == ["bad word", "bad again", "fine"]


class FullDisk(Playout):
    capability = "recording"

    def on_output(self, chunk: object) -> None:
        raise OutputError("no space left")


def test_a_full_disk_ends_the_recording_not_the_conversation() -> None:
    playout, clock = Playout(), VirtualClock()
    engines = scripted_engines([ASK], [Answer("yes")])

    async def main() -> None:
        async with Session(engines=engines, clock=clock, sinks=[FullDisk(), playout]) as session:
            await feed(session, engines.recognizer.script.audio(), clock)  # type: ignore[attr-defined]
            await session.finish()

    clock.run(main())
    assert [(e.capability, e.reason) for e in playout.events if isinstance(e, CapabilityLost)] == [
        ("recording", "no space left")
    ]
    assert [r.text for r in replies(playout)] == ["yes"]


# The doors of a session.


def test_feed_takes_any_rate_shape_and_type_and_never_waits() -> None:
    frames: list[MultichannelFrame] = []

    class Ear(Playout):
        def on_input(self, frame: MultichannelFrame) -> None:
            frames.append(frame)

    clock = VirtualClock()

    async def main() -> None:
        async with Session(engines=scripted_engines([]), clock=clock, sinks=[Ear()]) as session:
            session.feed((np.sin(np.arange(48_000) / 20) * 20_000).astype(np.int16), 48_000)
            session.feed(np.full((1600, 8), np.nan, np.float64))
            session.feed(np.zeros(0, np.float32))
            with pytest.raises(InputError):
                session.feed(np.zeros((2, 2, 2)))
            await session.finish(1.0)

    clock.run(main())
    heard = np.concatenate([f.samples for f in frames])
    assert heard.shape[1] == 1 and np.isfinite(heard).all()
    assert [f.start for f in frames] == list(range(0, len(frames) * FRAME, FRAME))
    assert np.abs(heard[1000:15_000]).max() == pytest.approx(20_000 / 32768, abs=0.02)


def test_a_gap_in_the_input_moves_the_clock() -> None:
    starts: list[tuple[int, bool]] = []

    class Ear(Playout):
        def on_input(self, frame: MultichannelFrame) -> None:
            starts.append((frame.start, frame.concealed))

    clock = VirtualClock()

    async def main() -> None:
        async with Session(engines=scripted_engines([]), clock=clock, sinks=[Ear()]) as session:
            session.feed(np.ones(FRAME, np.float32), start=0)
            session.feed(np.ones(FRAME, np.float32), start=5 * FRAME)
            await asyncio.sleep(0.1)

    clock.run(main())
    assert starts == [(0, False), *((n * FRAME, True) for n in range(1, 5)), (5 * FRAME, False)]


def test_events_and_audio_are_streams_that_end_with_the_session() -> None:
    clock = VirtualClock()
    engines = scripted_engines([ASK], [Answer("yes")])

    async def main() -> tuple[list[str], int]:
        seen: list[str] = []
        samples = 0

        async def watch() -> None:
            async for event in session.events():
                seen.append(event.type)

        async def listen() -> None:
            nonlocal samples
            async for chunk in session.audio():
                samples += len(chunk.samples)

        async with asyncio.TaskGroup() as group, Session(engines=engines, clock=clock) as session:
            group.create_task(watch())
            group.create_task(listen())
            await feed(session, engines.recognizer.script.audio(), clock)  # type: ignore[attr-defined]
            await session.finish()
        return seen, samples

    seen, samples = clock.run(main())
    assert seen[-1] == "session_ended" and "reply" in seen
    assert samples >= 3 * SAMPLE_RATE


def test_a_session_leaves_no_task_behind_even_when_its_user_fails() -> None:
    clock = VirtualClock()

    async def main() -> set[str]:
        with pytest.raises(ZeroDivisionError):
            async with Session(engines=scripted_engines([]), clock=clock) as session:
                session.feed(np.zeros(5000, np.float32))
                await asyncio.sleep(0.1)
                raise ZeroDivisionError
        await asyncio.sleep(0)
        return {t.get_name() for t in asyncio.all_tasks() - {asyncio.current_task()}}

    assert clock.run(main()) == set()


def test_in_real_time_the_loop_does_the_same() -> None:
    """The same script against the machine's own clock and the real thread pool."""
    sounds = [UserSpeech(0.2, 0.8, "what time is it")]
    engines = scripted_engines(sounds, [Answer("half past nine", ttft=0.05)])
    playout = Playout()

    async def main() -> None:
        audio = engines.recognizer.script.audio()  # type: ignore[attr-defined]
        async with Session(engines=engines, pool=InferencePool(2), sinks=[playout]) as session:
            began = session.clock.now()
            for at in range(0, len(audio), FRAME):
                await session.clock.sleep_until(began + (at + FRAME) / SAMPLE_RATE)
                session.feed(audio[at : at + FRAME])
            await session.finish()

    asyncio.run(main())
    (reply,) = replies(playout)
    assert reply.text == "half past nine"
    assert playout.audible() == [(reply.start, reply.end)]


def test_the_assistant_knows_the_time_of_the_recording() -> None:
    asked: list[Request] = []

    def choose(request: Request) -> Answer:
        asked.append(request)
        return Answer("yes")

    engines = scripted_engines([ASK])
    engines.answerer = ScriptedAnswerer(choose=choose)
    converse([ASK], engines=engines)
    elapsed = (asked[0].wall_time - datetime(2026, 1, 5, 9, 30, tzinfo=UTC)).total_seconds()
    assert elapsed == pytest.approx(asked[0].now)
    assert 1.5 < elapsed < 2.5


def test_a_session_closes_in_the_middle_of_a_reply_that_playback_has_no_room_for() -> None:
    clock, playout = VirtualClock(), Playout()

    async def main() -> None:
        engines = scripted_engines([ASK], [Answer(" ".join(["word"] * 60))])
        async with Session(engines=engines, clock=clock, sinks=[playout]) as session:
            await feed(session, UserScript((ASK,)).audio(4.0), clock)

    clock.run(main())
    (reply,) = replies(playout)
    assert reply.interrupted and 0 < len(reply.text) < len(reply.full_text)


def test_the_assistant_can_be_switched_off_in_mid_reply_and_on_again() -> None:
    again = UserSpeech(8.0, 9.0, "and what day")
    engines = scripted_engines([ASK, again], [LONG])
    assert isinstance(engines.recognizer, ScriptedRecognizer)
    audio, clock, playout = engines.recognizer.script.audio(16.0), VirtualClock(), Playout()

    async def main() -> None:
        pool = InferencePool(inline=True)
        async with Session(engines=engines, clock=clock, pool=pool, sinks=[playout]) as session:
            await feed(session, audio[: 3 * SAMPLE_RATE], clock)
            session.assist(False)
            await feed(session, audio[3 * SAMPLE_RATE : 7 * SAMPLE_RATE], clock)
            session.assist(True)
            await feed(session, audio[7 * SAMPLE_RATE :], clock)
            await session.finish()

    clock.run(main())
    first, second = replies(playout)
    assert first.interrupted and 3 * SAMPLE_RATE - FRAME <= first.end <= 3 * SAMPLE_RATE + FRAME
    assert second.text == LONG.text and second.start > 9 * SAMPLE_RATE


def test_a_channel_can_pass_to_somebody_else_between_two_utterances() -> None:
    engines = scripted_engines([ASK, UserSpeech(6.0, 7.0, "and what day")], [Answer("one")])
    assert isinstance(engines.recognizer, ScriptedRecognizer)
    audio, clock, playout = engines.recognizer.script.audio(9.0), VirtualClock(), Playout()

    async def main() -> None:
        async with Session(
            engines=engines, clock=clock, pool=InferencePool(inline=True), sinks=[playout], parties=("ann", "bob")
        ) as session:
            both = np.stack([audio, np.zeros_like(audio)], axis=1)
            await feed(session, both[: 1 * SAMPLE_RATE], clock)
            assert not session.host.rename(0, "cid")  # ann is speaking
            await feed(session, both[1 * SAMPLE_RATE : 4 * SAMPLE_RATE], clock)
            with pytest.raises(SettingsError, match="bob"):
                session.host.rename(0, "bob")
            assert session.host.rename(0, "cid") and session.parties == ("cid", "bob")
            await feed(session, both[4 * SAMPLE_RATE :], clock)
            await session.finish()

    clock.run(main())
    assert [(e.party, e.text) for e in playout.events if isinstance(e, Turn)] == [
        ("ann", "what time is it"),
        ("cid", "and what day"),
    ]


def test_a_session_goes_on_from_an_earlier_one() -> None:
    engines = scripted_engines([ASK], [Answer("one")])
    assert isinstance(engines.answerer, ScriptedAnswerer) and isinstance(engines.recognizer, ScriptedRecognizer)
    audio, clock, playout = engines.recognizer.script.audio(), VirtualClock(), Playout()

    async def main() -> None:
        async with Session(engines=engines, clock=clock, pool=InferencePool(inline=True), sinks=[playout]) as session:
            session.host.remember(
                [Utterance("user", "remember the milk", -9.0, -8.0)],
                [Control("timer", text="the eggs are done", at=6.0)],
            )
            await feed(session, audio, clock)
            await session.finish()

    clock.run(main())
    (request,) = engines.answerer.requests
    assert request.history == (Utterance("user", "remember the milk", -9.0, -8.0),)
    assert [timer.at for timer in request.timers] == [6.0]
    assert [reply.text for reply in replies(playout)] == ["one", "the eggs are done"]


def typed(
    texts: dict[float, str], answers: list[Answer], sounds: list[UserSpeech], seconds: float
) -> tuple[Playout, list[Request]]:
    """A session that hears `sounds` and in which the texts are typed at these seconds; and what was asked in it."""
    engines = scripted_engines(sounds, answers)
    assert isinstance(engines.answerer, ScriptedAnswerer) and isinstance(engines.recognizer, ScriptedRecognizer)
    audio, clock, playout = engines.recognizer.script.audio(seconds), VirtualClock(), Playout()

    async def main() -> None:
        async with Session(engines=engines, clock=clock, pool=InferencePool(inline=True), sinks=[playout]) as session:
            at = 0.0
            for when, text in sorted(texts.items()):
                await feed(session, audio[round(at * SAMPLE_RATE) : round(when * SAMPLE_RATE)], clock)
                session.type(text)
                at = when
            await feed(session, audio[round(at * SAMPLE_RATE) :], clock)
            await session.finish()

    clock.run(main())
    return playout, engines.answerer.requests


def test_what_is_typed_is_a_turn_answered_by_voice() -> None:
    playout, _ = typed({1.0: " what\ttime\nis it\x00 "}, [Answer("half past nine")], [], 5.0)
    (turn,) = [e for e in playout.events if isinstance(e, Turn)]
    assert (turn.text, turn.party, turn.typed, turn.turn) == ("what time is it", "user", True, 1)
    (reply,) = replies(playout)
    assert reply.text == "half past nine"
    assert playout.audible() == [(reply.start, reply.end)]
    assert kinds(playout) == ["typed"]


def test_what_is_typed_over_a_reply_interrupts_it_and_history_has_all_of_it() -> None:
    playout, requests = typed({3.5: "never mind"}, [LONG, Answer("yes")], [ASK], 8.0)
    first, last = replies(playout)
    assert first.interrupted and 0 < len(first.text) < len(first.full_text)
    assert first.end <= 3.5 * SAMPLE_RATE + 2 * FRAME
    assert last.text == "yes"
    assert requests[1].text == "never mind"
    assert [heard.text for heard in requests[1].history] == ["what time is it", first.text]


def test_what_is_typed_in_the_middle_of_a_turn_goes_with_it() -> None:
    asked = UserSpeech(0.5, 1.5, "what is the")
    playout, requests = typed({1.0: "time in Rome"}, [Answer("noon")], [asked], 6.0)
    assert [request.text for request in requests] == ["what is the\ntime in Rome"]
    assert turns(playout) == ["what is the", "time in Rome"]
    assert len({e.turn for e in playout.events if isinstance(e, Turn)}) == 2


def test_what_cannot_be_typed_is_refused() -> None:
    clock = VirtualClock()

    async def main() -> None:
        async with Session(engines=scripted_engines([]), clock=clock) as session:
            for text in ("", " \x00\n", "a" * 4001):
                with pytest.raises(InputError):
                    session.type(text)
            with pytest.raises(SettingsError, match="'nobody' is not in this session"):
                session.type("hello", "nobody")

    clock.run(main())

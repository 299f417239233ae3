"""Rooms at virtual time: who is heard by whom, what is written down, what survives a lost connection."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.retention import Recordings
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.session_record.session_log import parse_events
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import CallError, ModelError, TransportError
from duplex.testing import Answer, VirtualClock
from duplex.testing.fakes import UserScript, UserSpeech
from tests.duplex.conversation.captions.scripted import TurningTranslator
from tests.duplex.serving.scripted import OFFER, Peers, ScriptedPeer, host, script, speak

ASK = UserSpeech(0.5, 1.5, "what time is it")


def drive(work: Callable[[VirtualClock], Coroutine[Any, Any, None]]) -> None:
    clock = VirtualClock()
    clock.run(work(clock))


async def call(held: InProcessHost, peers: Peers, name: str = "user", room: str = "", **more: Any) -> tuple[str, Any]:
    made = await held.create(CallRequest(name, room, **more))
    await held.offer(made["session"], OFFER)
    await asyncio.sleep(0)
    return made["session"], peers.of(made["session"])


def texts(peer: ScriptedPeer, kind: str = "turn") -> list[tuple[str, str]]:
    return [(event.get("party", "assistant"), event["text"]) for event in peer.of(kind)]


def test_a_question_is_answered_over_the_connection() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds, [Answer("half past nine")]) as held:
            id, peer = await call(held, peers)
            await speak(clock, {peer: audio}, 5.0)
            assert texts(peer) == [("user", "what time is it")]
            (reply,) = peer.of("reply")
            assert reply["text"] == "half past nine"
            assert [m["assistant"] for m in peer.of("state")] == ["listening", "thinking", "speaking", "listening"]
            loud = np.flatnonzero(np.abs(peer.sound) > 1e-3)
            assert loud[-1] + 1 - loud[0] == reply["end"] - reply["start"] == 3 * round(0.3 * SAMPLE_RATE)
            assert max(m["input"] for m in peer.of("levels")) > -25 and min(m["input"] for m in peer.of("levels")) < -80
            assert all("rtt_ms" not in m for m in peer.of("stats")) and peer.of("stats")[-1]["latency_ms"] > 0
            state = await held.state(id)
            assert state["events"][0]["type"] == "session_started"
            kinds = {e["type"] for e in state["events"]}
            assert state["events"][1:] == [m for m in peer.told if m["type"] in kinds]
            assert (await held.export(id, "transcript.txt"))[1].splitlines() == [
                "[00:00:00] user: what time is it",
                "[00:00:02] assistant: half past nine",
            ]

    drive(main)


def test_each_hears_the_others_and_the_assistant_and_everybody_is_named() -> None:
    async def main(clock: VirtualClock) -> None:
        ann_says, bob_says = UserSpeech(0.5, 1.5, "hello bob"), UserSpeech(8.0, 9.0, "hello ann")
        script = UserScript((ann_says, bob_says))
        ann_sound = UserScript((ann_says,)).audio(12.0)
        bob_sound = script.audio(12.0) - ann_sound
        peers = Peers()
        async with host(peers, clock, [ann_says, bob_says], [Answer("hello both")]) as held:
            _, ann = await call(held, peers, "Ann", "den")
            _, bob = await call(held, peers, "Bob", "den")
            _, cat = await call(held, peers, "Ann", "den")
            assert ann.of("room")[-1]["parties"] == ["Ann", "Bob", "Ann 2"]
            began = len(ann.sound), len(bob.sound), len(cat.sound)
            await speak(clock, {ann: ann_sound, bob: bob_sound, cat: np.zeros(0, np.float32)}, 12.0)
            for peer in (ann, bob, cat):
                assert texts(peer) == [("Ann", "hello bob"), ("Bob", "hello ann")]
            heard = {
                name: _spans(peer.sound[at:])
                for name, peer, at in zip(("ann", "bob", "cat"), (ann, bob, cat), began, strict=True)
            }
            assistant = [_seconds(reply) for reply in ann.of("reply")]
            assert len(assistant) == 2
            _match(heard["ann"], [*assistant, (8.0, 9.0)])
            _match(heard["bob"], [*assistant, (0.5, 1.5)])
            _match(heard["cat"], [*assistant, (0.5, 1.5), (8.0, 9.0)])

    drive(main)


def _seconds(event: dict[str, Any]) -> tuple[float, float]:
    return event["start"] / SAMPLE_RATE, event["end"] / SAMPLE_RATE


def _spans(samples: np.ndarray) -> list[tuple[float, float]]:
    loud = np.flatnonzero(np.abs(samples) > 1e-3)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > 0.2 * SAMPLE_RATE)
    firsts = [loud[0], *loud[cuts + 1]]
    lasts = [*loud[cuts], loud[-1]]
    return [(first / SAMPLE_RATE, (last + 1) / SAMPLE_RATE) for first, last in zip(firsts, lasts, strict=True)]


def _match(heard: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    """The same stretches, up to the 60 ms of jitter cushion and of the clocks' beginnings."""
    assert len(heard) == len(expected), (heard, expected)
    for (a, b), (c, d) in zip(heard, sorted(expected), strict=True):
        assert abs(a - c) <= 0.13 and abs((b - a) - (d - c)) <= 0.03, (heard, expected)


def test_a_session_goes_on_when_the_connection_comes_back() -> None:
    async def main(clock: VirtualClock) -> None:
        first, second = UserSpeech(0.5, 1.5, "remember the milk"), UserSpeech(0.5, 1.5, "what was it")
        script = UserScript((first, second))
        peers = Peers()
        async with host(peers, clock, [first, second], [Answer("yes"), Answer("milk")]) as held:
            id, peer = await call(held, peers)
            await speak(clock, {peer: UserScript((first,)).audio(4.0)}, 4.0)
            peer.cut()
            await clock.sleep_until(clock.now() + 20.0)
            assert (await held.state(id))["online"] is False
            await held.offer(id, OFFER)
            await asyncio.sleep(0)
            again = peers.of(id)
            assert again is not peer
            sound = script.audio(4.0)
            sound[np.abs(sound) < 0.1015] = 0.0  # the first sound's level; the second lies above
            await speak(clock, {again: sound}, 4.0)
            assert texts(again) == [("user", "what was it")]
            log = parse_events((await held.state(id))["events"])
            assert [turn.text for turn in log.turns] == ["remember the milk", "what was it"]
            gap = log.turns[1].start - log.turns[0].start
            assert 23.5 < gap < 25.0  # the clock went on while nobody was there
            assert held.counters["reconnected"] == 1

    drive(main)


def test_a_lost_call_is_over_after_a_while_and_its_transcript_can_still_be_fetched() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        limits = Limits(reconnect=10.0, keep_ended=30.0)
        async with host(peers, clock, sounds, limits=limits) as held:
            id, peer = await call(held, peers)
            await speak(clock, {peer: audio}, 4.0)
            peer.cut()
            await clock.sleep_until(clock.now() + 12.0)
            assert (await held.state(id))["state"] == "ended"
            with pytest.raises(CallError, match="over"):
                await held.offer(id, OFFER)
            assert "what time is it" in (await held.export(id, "subtitles.srt"))[1]
            await clock.sleep_until(clock.now() + 31.0)
            with pytest.raises(CallError, match="no such call"):
                await held.state(id)
            assert [load.calls for load in await held.load()] == [0]

    drive(main)


@pytest.mark.parametrize(
    ("limits", "seconds", "why"),
    [(Limits(idle=30.0), 31.0, "nobody has spoken"), (Limits(longest=60.0), 61.0, "lasts")],
)
def test_idle_and_endless_calls_end(limits: Limits, seconds: float, why: str) -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, limits=limits) as held:
            id, peer = await call(held, peers)
            await clock.sleep_until(clock.now() + seconds - 3.0)
            assert (await held.state(id))["state"] == "open"
            await clock.sleep_until(clock.now() + 4.0)
            assert (await held.state(id))["state"] == "ended"
            assert why in peer.of("notice")[-1]["text"] and peer.closed.is_set()

    drive(main)


def test_a_full_host_refuses_and_takes_calls_again_when_one_ends() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, limits=Limits(calls=2)) as held:
            first, _ = await call(held, peers)
            await call(held, peers)
            with pytest.raises(CallError, match="full") as refusal:
                await held.create(CallRequest("late"))
            assert refusal.value.retry_after > 0
            await held.close(first)
            await held.create(CallRequest("late"))

    drive(main)


def test_the_servers_own_settings_are_not_told() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        secret = Settings(llm="http://10.0.0.9/v1", system_prompt="be brief", speech_rate=1.5)
        async with host(peers, clock, settings=secret) as held:
            id, peer = await call(held, peers)
            (started,) = (await held.state(id))["events"]
            assert started["settings"]["speech_rate"] == 1.5
            log = (await held.export(id, "log.jsonl"))[1]
            assert "10.0.0.9" not in log + str(peer.told) and "be brief" not in log + str(peer.told)

    drive(main)


def test_a_room_has_so_many_seats_and_one_that_is_left_can_be_taken() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, limits=Limits(seats=2)) as held:
            ann, _ = await call(held, peers, "Ann", "den")
            _, bob = await call(held, peers, "Bob", "den")
            with pytest.raises(CallError, match="2 seats"):
                await held.create(CallRequest("Cid", "den"))
            await held.close(ann)
            assert bob.of("room")[-1]["parties"] == ["Bob"]
            await call(held, peers, "Cid", "den")
            assert bob.of("room")[-1]["parties"] == ["Bob", "Cid"]

    drive(main)


def test_switches() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds, [Answer("one two three four five six seven eight")]) as held:
            _, peer = await call(held, peers)
            await speak(clock, {peer: audio}, 3.0)
            assert peer.of("state")[-1]["assistant"] == "speaking"
            peer.ask({"type": "switch", "name": "assistant", "value": False})
            await speak(clock, {peer: np.zeros(0, np.float32)}, 1.0)
            (reply,) = peer.of("reply")
            assert reply["interrupted"] and reply["text"] != reply["full_text"]
            await speak(clock, {peer: audio}, 6.0)
            assert len(texts(peer)) == 2 and len(peer.of("reply")) == 1
            peer.ask({"type": "switch", "name": "assistant", "value": "perhaps"})
            peer.ask({"type": "ping", "t": 7})
            await speak(clock, {peer: np.zeros(0, np.float32)}, 0.5)
            assert "does not understand" in peer.of("notice")[-1]["text"]
            assert peer.of("pong") == [{"type": "pong", "t": 7}]

    drive(main)


def test_each_reads_captions_in_a_language_of_his_own() -> None:
    async def main(clock: VirtualClock) -> None:
        sounds = [UserSpeech(0.5, 1.5, "what time is it"), UserSpeech(7.0, 8.0, "and now")]
        peers, (_, audio) = Peers(), script(*sounds)
        async with host(peers, clock, sounds, translator=TurningTranslator()) as held:
            ann, hers = await call(held, peers, "Ann", "den")
            bob, his = await call(held, peers, "Bob", "den")
            assert (await held.state(ann))["offers"]["captions"] == ["de", "fr"]
            hers.ask({"type": "captions", "language": "de"})
            his.ask({"type": "captions", "language": "fr"})
            his.ask({"type": "captions", "language": "pt"})
            await speak(clock, {hers: audio[: 6 * SAMPLE_RATE], his: np.zeros(0, np.float32)}, 6.0)
            assert "does not understand" in his.of("notice")[-1]["text"]
            assert {each["language"] for each in his.of("translation")} == {"de", "fr"}
            assert [(await held.state(id))["captions"] for id in (ann, bob)] == ["de", "fr"]
            await held.close(bob)
            count = len(hers.of("translation"))
            await speak(clock, {hers: audio[6 * SAMPLE_RATE :]}, 5.0)
            assert {each["language"] for each in hers.of("translation")[count:]} == {"de"}

    drive(main)


def test_an_unusable_offer_leaves_the_connection_that_there_is() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds) as held:
            id, peer = await call(held, peers)
            for bad in ("nonsense", OFFER + "explode"):
                with pytest.raises(TransportError):
                    await held.offer(id, bad)
                assert peers.made[id][-1].closed.is_set()
            await speak(clock, {peer: audio}, 4.0)
            assert texts(peer) == [("user", "what time is it")]
            for _ in range(3):
                with pytest.raises((TransportError, CallError)):
                    await held.offer(id, "nonsense")
            with pytest.raises(CallError, match="too many"):
                for _ in range(6):
                    await held.offer(id, OFFER)

    drive(main)


def test_a_connection_that_never_comes_up_is_given_up() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, limits=Limits(connecting=5.0, reconnect=30.0)) as held:
            made = await held.create(CallRequest("user"))
            peer = ScriptedPeer()
            peer.up.clear()
            held._calls[made["session"]]._make_peer = lambda: peer
            await held.offer(made["session"], OFFER)
            await clock.sleep_until(clock.now() + 4.0)
            assert not peer.closed.is_set()
            await clock.sleep_until(clock.now() + 2.0)
            assert peer.closed.is_set()
            await clock.sleep_until(clock.now() + 26.0)
            assert (await held.state(made["session"]))["state"] == "ended"

    drive(main)


def test_what_is_typed_is_a_turn_of_whoever_typed_it_and_heard_by_all() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, [], [Answer("half past nine")]) as held:
            _, ann = await call(held, peers, "Ann", "den")
            _, bob = await call(held, peers, "Bob", "den")
            silence = np.zeros(0, np.float32)
            bob.ask({"type": "text", "text": "what time is it"})
            await speak(clock, {ann: silence, bob: silence}, 4.0)
            for peer in (ann, bob):
                (turn,) = peer.of("turn")
                assert (turn["party"], turn["text"], turn["typed"]) == ("Bob", "what time is it", True)
                assert [reply["text"] for reply in peer.of("reply")] == ["half past nine"]
                assert np.abs(peer.sound).max() > 0.01
            for text in ("", "a" * 5000, 7, None):
                bob.ask({"type": "text", "text": text})
            await speak(clock, {ann: silence, bob: silence}, 1.0)
            told = [notice["text"] for notice in bob.of("notice")]
            assert "nothing in what was typed" in told[0] and "at most 4000 characters" in told[1]
            assert all("does not understand" in text for text in told[2:4])
            assert not ann.of("notice")

    drive(main)


def test_who_types_too_much_is_told_so() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, [], [Answer("yes")]) as held:
            _, ann = await call(held, peers, "Ann")
            for number in range(12):
                ann.ask({"type": "text", "text": f"message {number}"})
            await speak(clock, {ann: np.zeros(0, np.float32)}, 3.0)
            assert len(ann.of("turn")) <= 7
            assert "wait a little" in ann.of("notice")[-1]["text"]

    drive(main)


def test_recording_needs_everybodys_consent_and_is_announced(tmp_path: Any) -> None:
    import soundfile

    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        now = [1_000_000.0]
        recordings = Recordings(tmp_path / "calls", 3600.0, lambda: now[0])
        async with host(peers, clock, sounds, [Answer("ok")], recordings=recordings) as held:
            id, ann = await call(held, peers, "Ann", "den", record=True)
            assert held._where[id].recording.running
            _, bob = await call(held, peers, "Bob", "den")
            assert not held._where[id].recording.running
            assert "Recording has stopped: Bob has not agreed" in ann.of("notice")[-1]["text"]
            await speak(clock, {ann: np.zeros(0, np.float32)}, 6.0)
            await speak(clock, {ann: audio, bob: np.zeros(0, np.float32)}, 6.0)
            bob.ask({"type": "consent", "record": True})
            await speak(clock, {ann: np.zeros(0, np.float32)}, 6.0)
            await speak(clock, {ann: audio, bob: np.zeros(0, np.float32)}, 6.0)
            assert "Recording has begun: Bob agrees" in ann.of("notice")[-1]["text"]
            announced = " ".join(reply["text"] for reply in ann.of("reply"))
            assert announced.count("This call is being recorded.") == 2 and "The recording has stopped." in announced
            await held.close(id)
            pieces, offset = [], 0
            while piece := await held.recording(id, offset, 10_000):
                pieces.append(piece)
                offset += len(piece)
            path = tmp_path / "got.wav"
            path.write_bytes(b"".join(pieces))
            samples, rate = soundfile.read(path)
            assert rate == SAMPLE_RATE
            loud = np.flatnonzero(np.abs(samples) > 0.05)
            assert loud[0] / rate > 11.5  # nothing of what was said before Bob agreed
            (folder,) = (tmp_path / "calls").iterdir()
            assert folder.stat().st_mode & 0o077 == 0 and recordings.folder.stat().st_mode & 0o077 == 0
            await held.delete_recording(id)
            assert not list((tmp_path / "calls").iterdir())
            with pytest.raises(CallError, match="no recording"):
                await held.recording(id, 0, 100)

    drive(main)


def test_draining_lets_calls_end_and_refuses_new_ones() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock) as held:
            id, peer = await call(held, peers)
            draining = asyncio.create_task(held.drain(30.0))
            await clock.sleep_until(clock.now() + 5.0)
            assert not draining.done() and "stops" in peer.of("notice")[-1]["text"]
            with pytest.raises(CallError, match="about to stop"):
                await held.create(CallRequest("late"))
            await held.close(id)
            await clock.sleep_until(clock.now() + 0.5)
            assert draining.done()

    drive(main)


def test_nothing_is_left_behind() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock) as held:
            before = len(asyncio.all_tasks())
            for _ in range(20):
                id, peer = await call(held, peers)
                await speak(clock, {peer: np.zeros(0, np.float32)}, 0.2)
                await held.close(id)
                await held.close(id)
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == before
            assert not held._calls and not held._where and not held._shared._shares

    drive(main)


def test_what_fails_in_one_call_ends_its_connection_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("a bug in one connection")

    async def main(clock: VirtualClock) -> None:
        for method in ("play", "send"):
            peers, (sounds, audio) = Peers(), script(ASK)
            async with host(peers, clock, sounds, [Answer("half past nine")]) as held:
                ann_id, ann = await call(held, peers, "Ann", "den")
                _, bob = await call(held, peers, "Bob", "den")
                await speak(clock, {bob: np.zeros(0, np.float32)}, 0.5)
                setattr(ann, method, fail)
                await speak(clock, {bob: audio}, 5.0)
                assert texts(bob) == [("Bob", "what time is it")] and len(bob.of("reply")) == 1
                assert ann.closed.is_set() and not bob.closed.is_set()
                assert (await held.state(ann_id))["state"] == "open"  # the page may come back
                await held.offer(ann_id, OFFER)

    drive(main)
    assert "a bug in one connection" in caplog.text


def test_a_room_whose_pacing_dies_says_so_and_ends() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock) as held:
            id, peer = await call(held, peers)
            other, _ = await call(held, peers)

            def fail(now: float) -> None:
                raise ZeroDivisionError("a bug")

            held._where[id]._input._alignment.take = fail  # type: ignore[assignment, method-assign]
            await clock.sleep_until(clock.now() + 2.0)
            assert "session has failed" in "".join(m["text"] for m in peer.of("notice"))
            assert (await held.state(id))["state"] == "ended" and (await held.state(other))["state"] == "open"

    drive(main)


def test_overload_is_told_with_what_is_shed() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock) as held:
            id, peer = await call(held, peers, settings={"restore": "enhance"})
            await speak(clock, {peer: np.zeros(0, np.float32)}, 0.3)
            assert peer.of("load") == [{"type": "load", "overloaded": False, "shed": [], "text": ""}]
            for _ in range(2000):
                held._monitor.lateness.add(0.2)
            await speak(clock, {peer: np.zeros(0, np.float32)}, 0.8)
            told = peer.of("load")[-1]
            assert told["overloaded"] and told["shed"] == ["restoration"] and "paused" in told["text"]
            assert (await held.state(id))["load"]["shed"] == ["restoration"]

    drive(main)


def test_a_start_that_fails_or_is_cancelled_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    from duplex.serving.hosts import warm_up
    from duplex.settings import Settings
    from duplex.streaming.clock import SystemClock
    from tests.duplex.serving import scripted

    closed: list[str] = []
    going, go = threading.Event(), threading.Event()

    def load(settings: Settings) -> Any:
        made = scripted.engines()
        made.recognizer.close = lambda: closed.append("engines")
        going.set()
        go.wait(30)
        return made

    def fail(*args: Any) -> None:
        raise ModelError("no warm-up")

    monkeypatch.setattr(warm_up.Engines, "from_settings", staticmethod(load))
    monkeypatch.setattr(warm_up, "warm_up", fail)

    async def main() -> None:
        starting = asyncio.create_task(
            InProcessHost(Settings(), Peers(), clock=SystemClock()).__aenter__()  # type: ignore[arg-type]
        )
        await asyncio.to_thread(going.wait, 30)
        starting.cancel()
        await asyncio.sleep(0.05)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert closed == ["engines"]
        failing = InProcessHost(Settings(), Peers(), clock=SystemClock())
        with pytest.raises(ModelError, match="warm-up"):
            await failing.__aenter__()
        assert closed == ["engines"] * 2 and failing._pool._closed

    asyncio.run(main())


def test_a_room_that_goes_on_knows_what_was_said_and_its_numbers_go_on() -> None:
    from duplex.serving.hosts.contract import Placement
    from duplex.serving.rooms.handover import ResumeState

    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds, [Answer("half past nine")]) as held:
            id, peer = await call(held, peers)
            await speak(clock, {peer: audio}, 5.0)
            before = await held.state(id)
        async with host(Peers(), clock, sounds) as other:
            resume = ResumeState(before["events"], 20 * SAMPLE_RATE).pack()
            made = await other.create(CallRequest("user"), Placement(id, resume))
            assert made["session"] == id
            state = await other.state(id)
            assert json.loads(json.dumps(state["events"][:-1])) == json.loads(json.dumps(before["events"]))
            assert state["end"] == before["end"] + 1
            assert state["events"][-1]["start"] == 20 * SAMPLE_RATE

    drive(main)

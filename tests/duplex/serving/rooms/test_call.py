"""One person's connection: what the page is told and when, and what it may send."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from duplex.serving.http.call_request import CallRequest
from duplex.testing import VirtualClock
from tests.duplex.serving.rooms.test_room import ASK, drive
from tests.duplex.serving.scripted import OFFER, Peers, ScriptedPeer, host, script, speak

QUIET = np.zeros(0, np.float32)


class StoppedPeer(ScriptedPeer):
    """Its data channel is open or not."""

    opened = False

    def send(self, message: Any) -> bool:
        return super().send(message) if self.opened else False


def test_the_greeting_comes_first_and_again_after_something_was_lost() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds) as held:
            id = (await held.create(CallRequest("user")))["session"]
            peer = StoppedPeer()
            held._calls[id]._make_peer = lambda: peer
            await held.offer(id, OFFER)
            await speak(clock, {peer: audio}, 1.0)
            assert not peer.told
            peer.opened = True
            await speak(clock, {peer: audio[16_000:]}, 3.0)
            assert [message["type"] for message in peer.told[:4]] == ["hello", "room", "state", "switches"]
            known = peer.told[0]["end"] + sum(_lasting(message) for message in peer.told)
            assert known == held._where[id].event_log.end
            peer.opened = False
            await speak(clock, {peer: audio}, 4.0)
            missed = held._where[id].event_log.end
            peer.told.clear()
            peer.opened = True
            await speak(clock, {peer: QUIET}, 0.3)
            assert (peer.told[0]["type"], peer.told[0]["end"]) == ("hello", missed) and missed > known

    drive(main)


def _lasting(message: dict[str, Any]) -> bool:
    passing = ("partial", "hello", "room", "state", "switches", "load", "levels", "stats", "notice", "pong")
    return message["type"] not in passing


def test_a_flood_of_messages_is_cut_off_and_nobody_else_notices() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds) as held:
            flooder = (await held.create(CallRequest("flooder", "den")))["session"]
            await held.offer(flooder, OFFER)
            other = (await held.create(CallRequest("other")))["session"]
            await held.offer(other, OFFER)
            await asyncio.sleep(0)
            bad, good = peers.of(flooder), peers.of(other)

            async def flood() -> None:
                for number in range(300):
                    for _ in range(100):
                        bad.ask({"type": "switch", "name": "assistant", "value": bool(number % 2)})
                    await clock.sleep_until(clock.now() + 0.01)

            flooding = asyncio.create_task(flood())
            await speak(clock, {good: audio}, 5.0)
            await flooding
            assert [event["text"] for event in good.of("turn")] == ["what time is it"] and good.of("reply")
            call = held._calls[flooder]
            assert len(bad.of("switches")) < 40 + 10 * 5 + 5 and call.refused > 20_000
            bad.ask({"type": "ping", "t": 1})
            await speak(clock, {good: QUIET}, 10.0)
            bad.ask({"type": "ping", "t": 2})
            await speak(clock, {good: QUIET}, 0.1)
            assert bad.of("pong")[-1] == {"type": "pong", "t": 2}

    drive(main)


def test_messages_of_any_shape_do_no_harm() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds) as held:
            id = (await held.create(CallRequest("user")))["session"]
            await held.offer(id, OFFER)
            await asyncio.sleep(0)
            peer = peers.of(id)
            for message in (
                {},
                {"type": None},
                {"type": ["switch"]},
                {"type": "switch"},
                {"type": "switch", "name": "restoration", "value": "everything"},
                {"type": "switch", "name": "restoration", "value": None},
                {"type": "switch", "name": "__class__", "value": True},
                {"type": "consent", "record": "yes"},
                {"type": "consent", "record": True},
                {"type": "ping", "t": {"a": 1}},
                {"type": "say", "text": "x"},
            ):
                peer.ask(message)
            await speak(clock, {peer: audio}, 5.0)
            assert [event["text"] for event in peer.of("turn")] == ["what time is it"]
            assert peer.of("pong") == [{"type": "pong", "t": 0}]
            assert len(peer.of("notice")) == 10 and held._calls[id].online

    drive(main)


def test_a_connection_that_fails_ends_itself_only() -> None:
    async def main(clock: VirtualClock) -> None:
        class Broken(ScriptedPeer):
            def stats(self) -> dict[str, float]:
                raise RuntimeError("no figures")

        peers, (sounds, audio) = Peers(), script(ASK)
        async with host(peers, clock, sounds) as held:
            id = (await held.create(CallRequest("user")))["session"]
            other = (await held.create(CallRequest("other")))["session"]
            broken = Broken()
            held._calls[id]._make_peer = lambda: broken
            await held.offer(id, OFFER)
            await held.offer(other, OFFER)
            await asyncio.sleep(0)
            await speak(clock, {peers.of(other): audio}, 5.0)
            assert broken.closed.is_set() and not held._calls[id].online
            assert peers.of(other).of("reply")

    drive(main)

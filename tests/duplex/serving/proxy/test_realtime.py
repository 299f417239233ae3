"""Realtime conversations that a front end passes on to workers."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from duplex.serving.http.limits import Limits
from duplex.streaming.clock import SystemClock
from duplex.testing import Answer
from duplex.testing.fakes import UserSpeech
from duplex.transport.webrtc import API_CHANNEL, WebRtcPeer
from tests.duplex.serving.proxy.workers import KEY, Front, front
from tests.duplex.serving.realtime.client import Client
from tests.duplex.serving.realtime.test_calls import ChannelSocket
from tests.duplex.serving.scripted import engines, script


async def _ask(client: Client, text: str) -> str:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.send("response.create")
    done = (await client.until("response.done"))["response"]
    said: str = done["output"][0]["content"][0]["transcript"]
    return said


async def test_a_conversation_is_held_by_a_worker_and_another_by_another() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    async with front(engines(sounds, [Answer("it is noon.")]), engines(answers=[Answer("hello Bob.")])) as at:
        async with at.connected(query="?model=gpt-realtime") as one:
            at.workers.turn = 1
            async with at.connected() as two:
                assert [len(host._kept) for host in at.workers.hosts] == [1, 1]
                await one.speak(audio)
                done = (await one.until("response.done"))["response"]
                assert done["output"][0]["content"][0]["transcript"] == "it is noon."
                assert len(one.sound()) > 20_000
                assert await _ask(two, "I am Bob") == "hello Bob."
                await two.socket.send_bytes(b"no text")
                assert (await two.error())["code"] == "invalid_event"
        async with asyncio.timeout(20):
            while any(load.calls for load in await at.workers.load()):  # noqa: ASYNC110 (the host tells nobody)
                await asyncio.sleep(0.05)


async def test_a_worker_that_dies_ends_its_conversations_with_an_error_and_no_others() -> None:
    async with front(engines(), engines(answers=[Answer("still here.")])) as at, at.connected() as one:
        at.workers.turn = 1
        async with at.connected() as two:
            await at.workers.relays[0].cut()
            error = await one.error()
            assert (error["type"], error["code"]) == ("server_error", "worker_lost")
            closed = await one.socket.receive()
            assert closed.type is aiohttp.WSMsgType.CLOSE and closed.data == aiohttp.WSCloseCode.SERVICE_RESTART
            assert await _ask(two, "are you there") == "still here."
        at.workers.turn = 0
        async with at.http.get(f"{at.base}realtime", headers={**KEY, **UPGRADE}) as refused:
            assert refused.status == 503 and refused.headers["Retry-After"] == "1"


async def test_a_key_that_is_revoked_ends_what_it_has_opened_at_any_worker() -> None:
    async with front(engines(), engines(answers=[Answer("still here.")])) as at:
        keys = []
        for _ in range(2):
            async with at.http.post(f"{at.base}realtime/client_secrets", json={}, headers=KEY) as made:
                keys.append((await made.json())["value"])
        async with at.connected(keys[0]) as ended:
            at.workers.turn = 1
            async with at.connected(keys[0]) as too, at.connected(keys[1]) as other:
                revoke = f"{at.base}realtime/client_secrets/revoke"
                async with at.http.post(revoke, json={"value": keys[0]}, headers=KEY) as told:
                    assert (await told.json())["revoked"] is True
                for client in (ended, too):
                    assert (await client.error())["code"] == "invalid_api_key"
                assert await _ask(other, "are you there") == "still here."
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await at.http.ws_connect(f"{at.base}realtime", headers={"Authorization": f"Bearer {keys[0]}"})


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


async def test_the_end_that_a_worker_gives_and_its_refusals_come_through() -> None:
    async with front(engines(), limits=Limits(calls=1, longest=1.0)) as at:
        async with at.connected() as client:
            async with at.http.get(f"{at.base}realtime", headers={**KEY, **UPGRADE}) as full:
                assert full.status == 503 and full.headers["Retry-After"] == "30"
            assert (await client.error())["code"] == "session_ended"
            closed = await client.socket.receive()
            assert closed.data == aiohttp.WSCloseCode.GOING_AWAY and "lasted" in str(closed.extra)
        async with at.http.get(f"{at.base}realtime", headers=KEY) as plain:
            assert plain.status == 426
        async with at.http.get(f"{at.base}realtime?call_id=rtc_1", headers={**KEY, **UPGRADE}) as sideband:
            assert sideband.status == 400


async def test_a_key_is_good_at_every_worker() -> None:
    async with front(engines(), engines()) as at:
        body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": {"instructions": "Be kind."}}
        async with at.http.post(f"{at.base}realtime/client_secrets", json=body, headers=KEY) as answer:
            key = (await answer.json())["value"]
        for at.workers.turn in (0, 1):
            async with at.connected(key) as client:
                assert client.seen[0]["session"]["instructions"] == "Be kind."
        async with at.http.post(f"{at.base}realtime/client_secrets", json={"session": {"a": 1}}, headers=KEY) as wrong:
            assert wrong.status == 400
        for refused in ("ek_0", at.workers.doors()[0].token):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
                await at.http.ws_connect(f"{at.base}realtime", headers={"Authorization": f"Bearer {refused}"})


async def _called(at: Front, session: str) -> tuple[Client, WebRtcPeer, str]:
    peer = WebRtcPeer(SystemClock())
    body = aiohttp.FormData({"sdp": await peer.offer(API_CHANNEL), "session": session}, default_to_multipart=True)
    async with at.http.post(f"{at.base}realtime/calls", data=body, headers=KEY) as answer:
        assert answer.status == 201 and answer.content_type == "application/sdp", await answer.text()
        await peer.accept(await answer.text())
        location = answer.headers["Location"]
    client = Client(ChannelSocket(peer))  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        await peer.wait_open()
    await client.until("session.created")
    return client, peer, location


async def test_a_call_over_webrtc_is_with_its_worker_and_hung_up_through_the_front_end() -> None:
    async with front(engines(), engines(answers=[Answer("hello Bob.")])) as at:
        at.workers.turn = 1
        client, peer, location = await _called(at, '{"instructions": "Be kind."}')
        assert client.seen[0]["session"]["instructions"] == "Be kind."
        assert await _ask(client, "I am Bob") == "hello Bob."
        async with at.http.post(f"{at.server.url()[:-1]}{location}/hangup", headers=KEY) as ended:
            assert ended.status == 200
        async with asyncio.timeout(20):
            await peer.wait_closed()
        async with at.http.post(f"{at.server.url()[:-1]}{location}/hangup", headers=KEY) as gone:
            assert gone.status == 404
        async with at.http.post(f"{at.base}realtime/calls", data="v=0", headers={**KEY, **SDP}) as wrong:
            assert wrong.status == 400 and "message" in (await wrong.json())["error"]
        await peer.close()


SDP = {"Content-Type": "application/sdp"}

"""Conversations over WebRTC, and the keys that pages are given for them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import pytest

import duplex
from duplex.engines import Engines
from duplex.serving.realtime.client_secrets import ClientSecrets
from duplex.serving.realtime.wire import ClientError
from duplex.serving.serve import Serving
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.testing import Answer, ScriptedRecognizer
from duplex.testing.fakes import UserScript, UserSpeech
from duplex.transport.webrtc import API_CHANNEL, WebRtcPeer
from tests.duplex.serving.realtime.client import Client
from tests.duplex.serving.scripted import engines


@dataclass
class ChannelSocket:
    """The data channel in the form of the WebSocket that a Client drives."""

    peer: WebRtcPeer

    async def send_str(self, text: str) -> None:
        assert self.peer.send(json.loads(text))

    async def receive(self) -> aiohttp.WSMessage:
        message = await anext(aiter(self.peer.messages()))
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, json.dumps(message), None)


@dataclass
class Page:
    client: Client
    peer: WebRtcPeer
    http: aiohttp.ClientSession
    serving: Serving
    location: str


@asynccontextmanager
async def called(
    made: Engines, session: dict[str, Any] | None = None, most: int | None = None, **settings: Any
) -> AsyncIterator[Page]:
    """session: sent with the offer, in a form. most: bytes of a message that the client takes."""
    async with duplex.serve(port=0, engines=made, **settings) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        peer = WebRtcPeer(SystemClock())
        sdp = await peer.offer(API_CHANNEL)
        if most is not None:
            sdp = re.sub("a=max-message-size:[0-9]+", f"a=max-message-size:{most}", sdp)
        headers = {"Authorization": f"Bearer {token}"}
        body: Any = sdp
        if session is None:
            headers["Content-Type"] = "application/sdp"
        else:
            body = aiohttp.FormData()
            body.add_field("sdp", sdp, content_type="application/sdp")
            body.add_field("session", json.dumps(session), content_type="application/json")
        async with http.post(f"{address}v1/realtime/calls?model=gpt-realtime", data=body, headers=headers) as answer:
            assert answer.status == 201 and answer.content_type == "application/sdp", await answer.text()
            await peer.accept(await answer.text())
            location = answer.headers["Location"]
        try:
            client = Client(ChannelSocket(peer))  # type: ignore[arg-type]
            async with asyncio.timeout(20):
                await peer.wait_open()
            await client.until("session.created")
            yield Page(client, peer, http, serving, location)
        finally:
            await peer.close()


@pytest.mark.slow
async def test_a_spoken_turn_over_webrtc() -> None:
    speech = UserSpeech(0.3, 0.5, "hello")
    made = engines([speech], [Answer("it is noon.")])
    made.recognizer = Deaf(UserScript((speech,)))
    session = {"type": "realtime", "instructions": "Be brief.", "audio": {"input": {"transcription": {"model": "x"}}}}
    async with called(made, session) as page:
        assert page.client.seen[0]["session"]["instructions"] == "Be brief."
        heard: list[np.ndarray] = []

        async def listen() -> None:
            async for chunk in page.peer.incoming():
                heard.append(chunk.samples)

        async def speak() -> None:
            """Again and again: a machine that is busy tears the sound apart, maybe until nothing is left."""
            tone = 0.5 * np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE).astype(np.float32)
            while True:
                page.peer.play(np.concatenate([np.zeros(SAMPLE_RATE // 2, np.float32), tone]))
                await asyncio.sleep(6.0)

        beside = [asyncio.create_task(listen()), asyncio.create_task(speak())]
        status = ""
        while status != "completed":
            response = (await page.client.until("response.done"))["response"]
            status = response["status"]
        stopped = await page.client.until("output_audio_buffer.stopped", response_id=response["id"])
        await asyncio.sleep(0.3)
        for task in beside:
            task.cancel()
    kinds = page.client.types()
    for kind in ("input_audio_buffer.speech_started", "output_audio_buffer.started"):
        assert kind in kinds
    said = " ".join(
        event["transcript"]
        for event in page.client.seen
        if event["type"] == "conversation.item.input_audio_transcription.completed"
    )
    assert set(said.split()) == {"hello"}
    assert response["output"][0]["content"][0]["transcript"] == "it is noon."
    assert stopped["response_id"] == response["id"]
    assert "response.output_audio.delta" not in kinds
    assert page.client.joined("response.output_audio_transcript.delta").endswith("it is noon.")
    assert np.abs(np.concatenate(heard)).max() > 0.02
    assert made.answerer.requests[0].instructions == "Be brief."  # type: ignore[attr-defined]


class Deaf(ScriptedRecognizer):
    """Takes any sound for the first of the script: a codec does not keep the level that tells them apart."""

    def __init__(self, script: UserScript) -> None:
        super().__init__(OneSound(script.sounds))


class OneSound(UserScript):
    def sound_at(self, level: float) -> UserSpeech | None:
        return self.sounds[0]


async def test_what_is_of_one_wire_alone_and_the_end_of_a_call() -> None:
    made = engines(answers=[Answer("one two three four five six seven eight nine ten.")])
    async with called(made) as page:
        client = page.client
        await client.send("input_audio_buffer.append", audio="AAAA")
        assert (await client.error())["code"] == "unsupported"
        page.peer._channel.send("no JSON")  # type: ignore[union-attr]
        assert (await client.error())["code"] == "invalid_event"
        content = [{"type": "input_text", "text": "count"}]
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await client.send("output_audio_buffer.clear")
        done = (await client.until("response.done"))["response"]
        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert (await client.until("output_audio_buffer.cleared"))["response_id"] == done["id"]
        address, _, token = page.serving.url.partition("#token=")
        key = {"Authorization": f"Bearer {token}"}
        async with page.http.post(f"{address[:-1]}{page.location}/hangup") as refused:
            assert refused.status == 401
        async with page.http.post(f"{address[:-1]}{page.location}/hangup", headers=key) as ended:
            assert ended.status == 200
        async with asyncio.timeout(20):
            await page.peer.wait_closed()
        async with page.http.post(f"{address[:-1]}{page.location}/hangup", headers=key) as gone:
            assert gone.status == 404
        async with page.http.get(f"{address}metrics", headers=key) as metrics:
            assert 'duplex_calls{host="local"} 0.0' in await metrics.text()


async def test_offers_that_are_refused() -> None:
    async with duplex.serve(port=0, engines=engines()) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        calls, key = f"{address}v1/realtime/calls", {"Authorization": f"Bearer {token}"}
        for body, kind, status in (
            ("v=0", "application/sdp", 400),
            ("", "application/sdp", 400),
            ("x" * 40_000, "application/sdp", 400),
            ("x" * 90_000, "application/sdp", 413),
            ("{}", "application/json", 415),
        ):
            async with http.post(calls, data=body, headers={**key, "Content-Type": kind}) as answer:
                assert answer.status == status, body[:10]
                assert "message" in (await answer.json())["error"]
        form = aiohttp.FormData({"sdp": "v=0", "session": json.dumps({"colour": "red"})}, default_to_multipart=True)
        async with http.post(calls, data=form, headers=key) as answer:
            assert (await answer.json())["error"]["code"] == "unknown_parameter"
        async with http.post(calls, data="v=0", headers={"Content-Type": "application/sdp"}) as answer:
            assert answer.status == 401


async def test_ephemeral_keys() -> None:
    async with duplex.serve(port=0, engines=engines()) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        make, key = f"{address}v1/realtime/client_secrets", {"Authorization": f"Bearer {token}"}
        body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": {"instructions": "Be kind."}}
        async with http.post(make, json=body, headers=key) as answer:
            made = await answer.json()
        assert made["value"].startswith("ek_") and made["session"]["instructions"] == "Be kind."
        lent = {"Authorization": f"Bearer {made['value']}"}
        async with http.ws_connect(f"{address}v1/realtime", headers=lent) as socket:
            session = (await Client(socket).until("session.created"))["session"]
            assert session["instructions"] == "Be kind."
            serving.server._realtime._secrets._known.clear()  # type: ignore[union-attr]
            await socket.send_str(json.dumps({"type": "session.update", "session": {}}))
            await Client(socket).until("session.updated")  # as in the API, what has begun goes on
            with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
                await http.ws_connect(f"{address}v1/realtime", headers=lent)
        for path in ("v1/realtime/client_secrets", "api/sessions", "v1/audio/speech"):
            async with http.post(f"{address}{path}", json={}, headers=lent) as refused:
                assert refused.status == 401, path
        for wrong in ({"expires_after": {"seconds": 5}}, {"session": {"colour": "red"}}, {"key": 1}, []):
            async with http.post(make, json=wrong, headers=key) as refused:
                assert refused.status == 400
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(f"{address}v1/realtime", headers={"Authorization": "Bearer ek_0"})


def test_a_key_expires() -> None:
    now = [1000.0]
    secrets = ClientSecrets(lambda: now[0])
    made = secrets.issue({"expires_after": {"anchor": "created_at", "seconds": 10}}, ())
    assert made["expires_at"] == 1010 and secrets.knows(made["value"])
    now[0] = 1010.0
    assert not secrets.knows(made["value"])
    with pytest.raises(ClientError):
        secrets.issue({"expires_after": {"anchor": "now"}}, ())


async def test_switched_off() -> None:
    async with duplex.serve(port=0, engines=engines(), realtime=False) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        async with http.get(f"{address}v1/realtime", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 404


async def test_a_page_of_another_origin() -> None:
    app = "https://app.example"
    async with duplex.serve(port=0, engines=engines(), origins=[app]) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        calls = f"{address}v1/realtime/calls"
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-sdk"}
        async with http.options(calls, headers={"Origin": app, **asked}) as answer:
            assert answer.status == 204 and answer.headers["Access-Control-Allow-Origin"] == app
            assert answer.headers["Access-Control-Allow-Headers"] == "authorization,x-sdk"
        async with http.post(calls, data="v=0", headers={"Origin": app, "Content-Type": "application/sdp"}) as answer:
            assert answer.status == 401 and answer.headers["Access-Control-Allow-Origin"] == app
        foreign = {"Origin": "https://evil.example", "Authorization": f"Bearer {token}"}
        async with http.options(calls, headers={**foreign, **asked}) as answer:
            assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers


async def test_long_messages_both_ways() -> None:
    long = "漢" * 24_000  # three bytes each
    async with called(engines()) as page:
        await page.client.send("session.update", session={"type": "realtime", "instructions": long})
        assert (await page.client.until("session.updated"))["session"]["instructions"] == long
    async with called(engines(), most=20_000) as page:
        await page.client.send("session.update", session={"type": "realtime", "instructions": long})
        error = await page.client.error()
        assert error["code"] == "event_too_large" and "session.updated" in error["message"]
        await page.client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        assert (await page.client.until("session.updated"))["session"]["instructions"] == "Be brief."


async def test_a_key_that_is_revoked_ends_what_it_has_opened() -> None:
    async with duplex.serve(port=0, engines=engines()) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        make, own = f"{address}v1/realtime/client_secrets", {"Authorization": f"Bearer {token}"}
        keys = []
        for _ in range(2):
            async with http.post(make, json={}, headers=own) as answer:
                keys.append((await answer.json())["value"])
        lent = [{"Authorization": f"Bearer {key}"} for key in keys]
        sockets = [await http.ws_connect(f"{address}v1/realtime", headers=each) for each in lent]
        ended, other = (Client(socket) for socket in sockets)
        async with http.post(f"{make}/revoke", json={"value": keys[0]}, headers=lent[1]) as refused:
            assert refused.status == 401  # by who has a key, and not the token
        async with http.post(f"{make}/revoke", json={"value": token}, headers=own) as refused:
            assert refused.status == 400
        async with http.post(f"{make}/revoke", json={"value": keys[0]}, headers=own) as answer:
            assert (await answer.json())["revoked"] is True
        error = await ended.error()
        assert error["code"] == "invalid_api_key" and "revoked" in error["message"]
        assert (await sockets[0].receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(f"{address}v1/realtime", headers=lent[0])
        await other.send("session.update", session={})
        await other.until("session.updated")
        for socket in sockets:
            await socket.close()

"""What cannot be done is an error of the API, or a clean close; the session goes on."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

import duplex
from duplex.serving.realtime.audio_formats import PCM
from duplex.serving.realtime.input_audio import InputAudio
from duplex.serving.realtime.wire import Outbox
from duplex.testing import Answer
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines


def _session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": fields}


def _heard(**fields: Any) -> dict[str, Any]:
    return _session(audio={"input": fields})


def _item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", **fields}}


ODD = base64.b64encode(b"123").decode()
TEXT = [{"type": "input_text", "text": "hello"}]
REFUSED: list[tuple[Any, str]] = [
    ("no object", "invalid_event"),
    (["session.update"], "invalid_event"),
    ({}, "missing_required_parameter"),
    ({"type": 7}, "missing_required_parameter"),
    ({"type": "no.such.event"}, "invalid_value"),
    ({"type": "session.update"}, "missing_required_parameter"),
    ({"type": "output_audio_buffer.clear"}, "unsupported"),
    (_session(type="robot"), "invalid_value"),
    (_session(colour="red"), "unknown_parameter"),
    (_session(instructions=7), "invalid_value"),
    (_session(instructions="x" * 40_000), "invalid_value"),
    (_session(tools="all"), "invalid_value"),
    (_session(tools=[{"type": "mcp", "server_label": "x"}]), "unsupported"),
    (_session(tools=[{"type": "function", "name": "a b"}]), "invalid_value"),
    (_session(tools=[{"type": "function", "name": "f", "parameters": {"type": "tree"}}]), "invalid_value"),
    (_session(tools=2 * [{"type": "function", "name": "f"}]), "invalid_value"),
    (_session(tools=[{"type": "function", "name": "f", "color": "red"}]), "unknown_parameter"),
    (_session(tool_choice="sometimes"), "invalid_value"),
    (_session(tool_choice={"type": "function", "name": "f"}), "invalid_value"),
    (_session(tool_choice={"type": "mcp", "server_label": "x"}), "unsupported"),
    (_session(output_modalities=["text", "audio"]), "invalid_value"),
    (_session(max_output_tokens=0), "invalid_value"),
    (_session(audio=[]), "invalid_type"),
    (_session(audio={"input": {"volume": 1}}), "unknown_parameter"),
    (_session(audio={"output": {"voice": "nobody"}}), "invalid_value"),
    (_session(audio={"output": {"speed": 9}}), "invalid_value"),
    (_heard(format={"type": "audio/mp3"}), "invalid_value"),
    (_heard(format={"type": ["audio/pcm"]}), "invalid_value"),
    (_heard(format={"type": "audio/pcm", "rate": 16_000}), "invalid_value"),
    (_heard(turn_detection={"type": "psychic"}), "invalid_value"),
    (_heard(turn_detection={"type": "server_vad", "silence_duration_ms": -1}), "invalid_value"),
    (_heard(turn_detection={"type": "server_vad", "silence_duration_ms": float("nan")}), "invalid_value"),
    (_heard(turn_detection={"type": "server_vad", "idle_timeout_ms": 200}), "invalid_value"),
    (_heard(turn_detection={"type": "semantic_vad", "eagerness": "wild"}), "invalid_value"),
    (_heard(turn_detection={"type": "semantic_vad", "threshold": 0.5}), "unknown_parameter"),
    (_heard(transcription={"model": 3}), "invalid_type"),
    ({"type": "input_audio_buffer.append"}, "invalid_type"),
    ({"type": "input_audio_buffer.append", "audio": "%%%"}, "invalid_value"),
    ({"type": "input_audio_buffer.append", "audio": ODD}, "invalid_value"),
    ({"type": "input_audio_buffer.commit"}, "unsupported"),
    ({"type": "conversation.item.create"}, "missing_required_parameter"),
    (_item(type="mcp_call"), "unsupported"),
    (_item(type="function_call_output"), "invalid_value"),
    (_item(type="function_call_output", call_id="call_1", output="x"), "item_not_found"),
    (_item(type="function_call", name="f", call_id="call_1"), "invalid_value"),
    (_item(role="nurse", content=TEXT), "invalid_value"),
    (_item(content=[]), "invalid_value"),
    (_item(content=[{"type": "input_image", "image_url": "x"}]), "unsupported"),
    (_item(content=[{"type": "input_text", "text": ""}]), "invalid_value"),
    (_item(content=TEXT, id="a b"), "invalid_value"),
    ({**_item(content=TEXT), "previous_item_id": "none"}, "item_not_found"),
    ({"type": "conversation.item.retrieve", "item_id": "none"}, "item_not_found"),
    ({"type": "conversation.item.delete", "item_id": {}}, "item_not_found"),
    ({"type": "conversation.item.truncate", "item_id": "none"}, "item_not_found"),
    ({"type": "response.create"}, "nothing_to_answer"),
    ({"type": "response.create", "response": {"conversation": "none"}}, "nothing_to_answer"),
    ({"type": "response.create", "response": {"conversation": "conv_1"}}, "invalid_value"),
    ({"type": "response.create", "response": {"input": []}}, "unsupported"),
    ({"type": "response.create", "response": {"conversation": "none", "input": 3}}, "invalid_value"),
    ({"type": "response.create", "response": {"audio": {"output": {"voice": "nobody"}}}}, "unsupported"),
    ({"type": "response.create", "response": {"audio": {"input": {}}}}, "invalid_value"),
    ({"type": "response.create", "response": {"max_output_tokens": 1.5}}, "invalid_value"),
    ({"type": "response.create", "response": {"color": "red"}}, "unknown_parameter"),
    ({"type": "response.create", "response": {"instructions": 5}}, "invalid_value"),
    ({"type": "response.create", "response": {"tools": [{"type": "mcp", "server_label": "x"}]}}, "unsupported"),
    ({"type": "response.create", "response": {"tool_choice": {"type": "function", "name": "f"}}}, "invalid_value"),
    ({"type": "response.create", "response": {"metadata": {"a": 1}}}, "invalid_value"),
    ({"type": "response.create", "response": 3}, "invalid_type"),
    ({"type": "response.cancel"}, "response_cancel_not_active"),
]


async def test_refused_events() -> None:
    async with connected(engines(answers=[Answer("hello.")])) as (client, _):
        for number, (event, code) in enumerate(REFUSED):
            if isinstance(event, dict):
                event = {**event, "event_id": f"mine{number}"}
            await client.socket.send_str(json.dumps(event))
            error = await client.error()
            assert (error["code"], error["type"]) == (code, "invalid_request_error"), event
            assert error["event_id"] == (f"mine{number}" if isinstance(event, dict) else None)
        await client.socket.send_str("no JSON")
        assert (await client.error())["code"] == "invalid_event"
        await client.socket.send_bytes(b"\0\1")
        assert (await client.error())["code"] == "invalid_event"
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": TEXT})
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_an_item_comes_once_and_can_be_deleted() -> None:
    made = engines(answers=[Answer("hello.")])
    async with connected(made) as (client, _):
        item = {"type": "message", "role": "user", "content": TEXT, "id": "mine"}
        await client.send("conversation.item.create", item=item)
        await client.send("conversation.item.create", item=item)
        assert (await client.error())["code"] == "item_already_exists"
        await client.send("conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=0)
        assert (await client.error())["code"] == "invalid_value"
        await client.send("conversation.item.delete", item_id="mine")
        assert (await client.until("conversation.item.deleted"))["item_id"] == "mine"
        await client.send("response.create")
        assert (await client.error())["code"] == "nothing_to_answer"


async def test_too_much_at_once() -> None:
    async with connected(engines()) as (client, _):
        minute = base64.b64encode(bytes(60 * 48_000)).decode()
        for _ in range(3):
            await client.send("input_audio_buffer.append", audio=minute)
        assert (await client.error())["code"] == "input_audio_buffer_full"
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        with suppress(ConnectionError):
            await client.send("input_audio_buffer.append", audio="A" * (100 << 20))
        message = await client.socket.receive(timeout=20)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_who_gets_in() -> None:
    async with duplex.serve(port=0, engines=engines()) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(f"{address}v1/realtime", headers={"Authorization": "Bearer wrong"})
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(f"{address}v1/realtime", protocols=["realtime", "openai-insecure-api-key.wrong"])
        keys = ["realtime", f"openai-insecure-api-key.{token}"]
        async with http.ws_connect(f"{address}v1/realtime?model=gpt-realtime", protocols=keys) as socket:
            assert socket.protocol == "realtime"
            session = (await Client(socket).until("session.created"))["session"]
            assert session["model"] == "duplex"
        async with http.get(f"{address}v1/realtime", headers={"Authorization": f"Bearer {token}"}) as plain:
            assert plain.status == 426


async def test_a_server_that_is_full() -> None:
    async with duplex.serve(port=0, engines=engines()) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        headers = {"Authorization": f"Bearer {token}"}
        sockets = [await http.ws_connect(f"{address}v1/realtime", headers=headers) for _ in range(16)]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect(f"{address}v1/realtime", headers=headers)
        for socket in sockets:
            await socket.close()
        async with http.ws_connect(f"{address}v1/realtime", headers=headers) as again:
            await Client(again).until("session.created")


async def test_a_client_that_does_not_read() -> None:
    outbox = Outbox(capacity=10)
    stuck = asyncio.create_task(outbox.send_to(lambda text: asyncio.sleep(3600)))
    for _ in range(9):
        outbox.put("rate_limits.updated", rate_limits=[])
    assert not outbox.overfull.is_set()
    for _ in range(9):
        outbox.put("rate_limits.updated", rate_limits=[])
    assert outbox.overfull.is_set()
    stuck.cancel()


async def test_a_clock_that_jumps_is_caught_up_with_in_steps() -> None:
    class Clock:
        time = 0.0

        def now(self) -> float:
            return self.time

    class Fed:
        frames = 0

        def feed(self, frame: object) -> None:
            self.frames += 1

    class Keeper:
        def fed(self, end: int, said: object = None) -> None:
            pass

    clock, session = Clock(), Fed()
    audio = InputAudio(PCM, clock, Keeper())  # type: ignore[arg-type]
    audio.attach(session)  # type: ignore[arg-type]
    clock.time = 3600.0
    audio._advance()
    assert 0 < session.frames <= 50
    for _ in range(3):
        audio._advance()
    assert 150 < session.frames <= 200


async def test_what_changes_nothing_is_named() -> None:
    asked = {"model": "whisper-1", "language": "en", "keywords": ["Duplex"], "prompt": "names"}
    async with connected(engines()) as (client, _):
        await client.send("session.update", session={"audio": {"input": {"transcription": asked}}})
        made = (await client.until("session.updated"))["session"]
    assert made["audio"]["input"]["transcription"] == asked
    named = [f"audio.input.transcription.{each}" for each in ("keywords", "language", "prompt")]
    assert made["duplex"]["without_effect"] == named

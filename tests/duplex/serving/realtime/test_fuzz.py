"""Messages that nobody would send: each is answered by an event, and a sound conversation goes on after them."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from typing import Any

import aiohttp
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import duplex
from duplex.testing import Answer
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines

KINDS = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.clear",
    "input_audio_buffer.commit",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
    "no.such.event",
]
FIELDS = ["session", "audio", "item", "item_id", "response", "audio_end_ms", "content_index", "previous_item_id"]
INNER = [
    *("type", "role", "content", "id", "text", "tools", "tool_choice", "instructions", "input", "output", "format"),
    *("turn_detection", "transcription", "voice", "speed", "call_id", "arguments", "name", "metadata", "parameters"),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**9),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            *("realtime", "transcription", "message", "function_call", "function_call_output", "function", "user"),
            *("system", "assistant", "input_text", "output_text", "server_vad", "semantic_vad", "audio/pcm", "auto"),
            *("audio/pcmu", "none", "item_1", "AAAA", "AAAAAAAA" * 400, "inf", "low", "scripted", "hello there"),
        ]
    ),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)}, optional={name: TREES for name in FIELDS} | {"event_id": st.just("mine")}
)
MESSAGES = st.one_of(EVENTS.map(json.dumps), EVENTS.map(json.dumps), TREES.map(json.dumps), st.text(max_size=30))


async def _send_all(messages: list[str]) -> None:
    """Then the connection still converses."""
    made = engines(answers=[Answer("hello.")])
    async with connected(made) as (client, _):
        for number, message in enumerate(messages):
            await client.socket.send_str(message)
            if number % 20 == 19:
                await client.send("conversation.item.retrieve", item_id="none", event_id=f"after{number}")
                while (await client.error())["event_id"] != f"after{number}":
                    pass
        await client.send("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await client.send("response.cancel", event_id="last")
        while (await client.error())["event_id"] != "last":
            pass
        assert not [
            event for event in client.seen if event["type"] == "error" and event["error"]["type"] == "server_error"
        ]


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(MESSAGES, min_size=60, max_size=60))
def test_some_messages(messages: list[str]) -> None:
    asyncio.run(_send_all(messages))


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(MESSAGES, min_size=200, max_size=200))
def test_ten_thousand_messages(messages: list[str]) -> None:
    asyncio.run(_send_all(messages))


async def _drop(client: Client, state: int, heavy: str) -> None:
    """Bring a session into a state, to be dropped there."""
    text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "count"}]}
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    if state >= 1:
        await client.send("session.update", session={"type": "realtime", "tools": [tool]})
    if state in (2, 3):
        await client.send("input_audio_buffer.append", audio=heavy)
    if state == 3:
        await client.until("session.updated")
    if state >= 4:
        await client.send("conversation.item.create", item=text)
        await client.send("response.create")
    if state == 5:
        await client.until("response.created")
    if state == 6:
        await client.until("response.output_audio.delta")
    if state == 7:
        await client.until("response.done")
    if state == 8:
        detection: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}
        await client.until("response.done")
        await client.send("session.update", session=detection)
        await client.send("input_audio_buffer.append", audio=heavy)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_sessions_that_are_dropped_in_every_state_leave_nothing() -> None:
    count, chance = 500, random.Random(1)
    heavy = "QUJD" * 8000
    async with duplex.serve(port=0, engines=engines(answers=[Answer("one two three.")])) as serving:
        address, _, token = serving.url.partition("#token=")
        headers = {"Authorization": f"Bearer {token}"}

        async def one(number: int) -> None:
            async with aiohttp.ClientSession() as http:
                socket = await http.ws_connect(f"{address}v1/realtime", headers=headers)
                client = Client(socket)
                await client.until("session.created")
                await _drop(client, number % 9, heavy)
                if chance.random() < 0.5:
                    await socket.close()
                else:
                    socket._response.connection.transport.abort()  # type: ignore[union-attr]

        async def held() -> str:
            async with aiohttp.ClientSession() as http, http.get(f"{address}metrics", headers=headers) as metrics:
                lines = (await metrics.text()).splitlines()
                return next(line for line in lines if line.startswith("duplex_calls{"))

        async def settled() -> tuple[int, int]:
            async with asyncio.timeout(60):
                while not (await held()).endswith(" 0.0"):  # noqa: ASYNC110 (the server tells nobody)
                    await asyncio.sleep(0.1)
            gc.collect()
            return len(asyncio.all_tasks()), psutil.Process().memory_info().rss

        for number in range(18):
            await one(number)
        tasks, memory = await settled()
        for first in range(18, count, 4):
            await asyncio.gather(*(one(number) for number in range(first, min(first + 4, count))))
        tasks_after, memory_after = await settled()
        assert tasks_after <= tasks + 2
        assert memory_after - memory < 60 << 20

"""Responses outside the conversation: beside one that is given, remembered by nobody."""

from __future__ import annotations

import json
from typing import Any

from duplex.models.interaction.contract import Request
from duplex.testing import Answer
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.realtime.test_client_tools import WEATHER, Caller
from tests.duplex.serving.scripted import engines

TEXT = {"conversation": "none", "output_modalities": ["text"]}


def _choose(request: Request) -> Answer:
    if "Classify" in request.instructions:
        return Answer("a greeting.")
    if request.text == "count":
        return Answer("one two three four five six seven eight nine ten eleven twelve.")
    return Answer("hello Ann.")


async def test_one_beside_a_response_of_the_conversation() -> None:
    made = engines()
    made.answerer.choose = _choose  # type: ignore[attr-defined]
    async with connected(made) as (client, _):
        await _type(client, "I am Ann")
        await client.send("response.create")
        await client.until("response.done")
        await _type(client, "count")
        await client.send("response.create")
        running = (await client.until("response.created"))["response"]
        await client.until("response.output_audio.delta")
        before = len(client.seen)
        instructions = "Classify the conversation."
        await client.send("response.create", response={**TEXT, "instructions": instructions, "metadata": {"for": "me"}})
        aside = await client.until("response.done")
        events = [each for each in client.seen[before:] if each.get("response_id") == aside["response"]["id"]]
        await client.until("response.done")
        await _type(client, "go on")
        await client.send("response.create")
        await client.until("response.done")
    told = aside["response"]
    assert (told["id"] != running["id"], told["conversation_id"], told["status"]) == (True, None, "completed")
    assert told["metadata"] == {"for": "me"} and told["output"][0]["content"][0]["text"] == "a greeting."
    assert "".join(each["delta"] for each in events if each["type"] == "response.output_text.delta") == "a greeting."
    items = [each["item"]["id"] for each in client.seen if each["type"] == "conversation.item.added"]
    assert told["output"][0]["id"] not in items
    asked, later = made.answerer.requests[2:]  # type: ignore[attr-defined]
    assert (asked.text, asked.instructions) == (instructions, instructions)
    assert [each.text for each in asked.history] == ["I am Ann", "hello Ann.", "count"]
    assert "a greeting." not in [each.text for each in later.history]


async def test_an_input_of_its_own() -> None:
    made = engines(answers=[Answer("yes.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "instructions": "Be kind."})
        mine = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am Ann"}], "id": "one"}
        await client.send("conversation.item.create", item=mine)
        await _type(client, "and this is not asked")
        given = [
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "It is late."}]},
            {"type": "item_reference", "id": "one"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
            {"type": "function_call", "name": "door", "call_id": "c", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "closed"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Is it closed?"}]},
        ]
        await client.send("response.create", response={**TEXT, "input": given})
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        await client.send("response.create", response={**TEXT, "input": [], "instructions": "Say yes."})
        await client.until("response.done")
        await client.send("response.create", response={**TEXT, "input": []})
        assert (await client.error())["code"] == "nothing_to_answer"
        reference = {**TEXT, "input": [{"type": "item_reference", "id": "none"}]}
        await client.send("response.create", response=reference)
        assert (await client.error())["code"] == "item_not_found"
    first, second = made.answerer.requests  # type: ignore[attr-defined]
    assert (first.text, first.instructions) == ("Is it closed?", "Be kind.\nIt is late.")
    past = [(each.party, each.text) for each in first.history]
    assert past == [
        ("user", "I am Ann"),
        ("assistant", "Hello."),
        ("assistant", "(Called door with {})"),
        ("user", "(What the function returned, as data: closed)"),
    ]
    assert (second.text, second.history, second.instructions) == ("Say yes.", (), "Say yes.")


async def test_a_spoken_one_has_its_sound_at_once() -> None:
    made = engines(answers=[Answer("one two three. four five.")])
    async with connected(made) as (client, _):
        await client.send("response.create", response={"conversation": "none", "instructions": "Count."})
        done = (await client.until("response.done"))["response"]
    assert done["output_modalities"] == ["audio"]
    assert done["output"][0]["content"][0]["transcript"] == "one two three. four five."
    assert client.joined("response.output_audio_transcript.delta") == "one two three. four five."
    assert abs(len(client.sound()) - 5 * 7200 * 2) <= 4800


async def test_they_are_cancelled_by_their_ids_and_limited() -> None:
    made = engines(answers=[Answer("one two three four five six seven eight.", gap=0.5)])
    async with connected(made) as (client, _):
        ids = []
        for _ in range(4):
            await client.send("response.create", response={**TEXT, "instructions": "Count."})
            ids.append((await client.until("response.created"))["response"]["id"])
        await client.send("response.create", response={**TEXT, "instructions": "Count."})
        assert (await client.error())["code"] == "rate_limit_exceeded"
        await client.send("response.cancel")
        assert (await client.error())["code"] == "response_cancel_not_active"  # none of the conversation
        await client.send("response.cancel", response_id=ids[2])
        done = (await client.until("response.done"))["response"]
        assert done["id"] == ids[2] and done["status_details"]["reason"] == "client_cancelled"


async def test_one_that_calls_a_function_ends_with_the_call() -> None:
    made = engines()
    made.answerer = Caller()
    async with connected(made) as (client, _):
        asked = {**TEXT, "tools": [WEATHER], "tool_choice": "required", "instructions": "the weather please"}
        await client.send("response.create", response=asked)
        done = (await client.until("response.done"))["response"]
    (call,) = done["output"]
    assert (done["status"], call["type"], call["name"]) == ("completed", "function_call", "get_weather")
    assert json.loads(call["arguments"])


async def test_a_limit_of_tokens_and_a_model_that_fails() -> None:
    made = engines(answers=[Answer("one two three four five six."), Answer("x", fault_at=0, fail="it is down")])
    async with connected(made) as (client, _):
        await client.send("response.create", response={**TEXT, "instructions": "Count.", "max_output_tokens": 3})
        done = (await client.until("response.done"))["response"]
        assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert done["output"][0]["content"][0]["text"] == "one two thre"  # four characters a token
        assert done["usage"]["output_tokens"] == done["max_output_tokens"] == 3
        await client.send("response.create", response={**TEXT, "instructions": "Count."})
        failed = (await client.until("response.done"))["response"]
        assert failed["status"] == "failed" and "it is down" in failed["status_details"]["error"]["message"]


async def test_limits_of_responses_of_the_conversation() -> None:
    made = engines(answers=[Answer("one two three four five six seven eight.")])
    async with connected(made) as (client, _):
        for modality, most in (("text", 4), ("audio", 10)):
            await _type(client, "count")
            wanted: dict[str, Any] = {"output_modalities": [modality], "max_output_tokens": most}
            await client.send("response.create", response=wanted)
            done = (await client.until("response.done"))["response"]
            assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
            assert most <= done["usage"]["output_tokens"] <= most + 1
        await _type(client, "go on")
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"
    past = made.answerer.requests[-1].history  # type: ignore[attr-defined]
    assert [each.text for each in past] == ["count", "one two three", "count", "one"]


async def _type(client: Client, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.until("conversation.item.done")

"""Tools of the client: called by an answerer, carried out at the other end of the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from duplex.engines import Engines, open_answerer
from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.tools.rounds import Rounds
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import WantedCall
from duplex.settings import Settings
from duplex.testing import Answer, ScriptedAnswerer
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines, script

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

NOTE = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


class Caller(ScriptedAnswerer):
    """Answers a turn about the weather with a call, and says what comes back; first it says `before`."""

    before = ""

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        if "weather" not in request.text or not request.tools:
            async for item in ScriptedAnswerer.answer(self, request):
                yield item
            return
        self.requests.append(request)
        if self.before:
            yield Say(self.before)
        rounds = Rounds(Toolbox().of(request), request)
        asked = [WantedCall("1", "get_weather", json.dumps({"city": "Paris"}))]
        async for item in rounds.carry_out(asked, spoke=False):
            yield item
        yield Say(rounds.outcomes[0][1].told)


def _made(sounds: list[UserSpeech] | None = None, before: str = "") -> Engines:
    made = engines(sounds)
    made.answerer = Caller([Answer("all right.")])
    made.answerer.before = before
    return made


async def _type(client: Client, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.until("conversation.item.done")


async def _result(client: Client, call: dict[str, Any], output: str) -> None:
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
    await client.send("conversation.item.create", item=item)


async def test_a_call_and_its_result() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "how is the weather"))
    made = _made(sounds)
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER], "tool_choice": "auto"})
        updated = (await client.until("session.updated"))["session"]
        assert updated["tools"] == [WEATHER] and updated["tool_choice"] == "auto"
        await client.speak(audio)
        call = await client.until("response.function_call_arguments.done")
        done = (await client.until("response.done"))["response"]
        assert json.loads(call["arguments"]) == {"city": "Paris"} and call["name"] == "get_weather"
        assert done["status"] == "completed" and [each["type"] for each in done["output"]] == ["function_call"]
        assert done["output"][0]["call_id"] == call["call_id"]
        await client.send("response.create")
        assert (await client.error())["code"] == "function_call_output_missing"
        await _result(client, call, "it rains.")
        assert (await client.until("conversation.item.done"))["item"]["output"] == "it rains."
        await client.send("response.create", response={"tool_choice": "none"})
        assert (await client.error())["code"] == "unsupported"
        same = {"tool_choice": "auto", "tools": [WEATHER], "output_modalities": ["audio"], "instructions": None}
        await client.send("response.create", response={"metadata": {"n": "2"}, **same})
        second = (await client.until("response.done"))["response"]
    assert second["metadata"] == {"n": "2"} and second["id"] != done["id"]
    assert second["output"][0]["content"] == [{"type": "output_audio", "transcript": "it rains."}]
    order = [
        "response.created",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
    ]
    places = [client.types().index(each) for each in order]
    assert places == sorted(places)
    assert len(client.sound()) == 2 * 7200 * 2


async def test_how_long_a_response_after_a_call_may_be_and_how_it_sounds_is_its_own() -> None:
    async with connected(_made()) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER]})
        await _type(client, "the weather please")
        await client.send("response.create")
        call = await client.until("response.function_call_arguments.done")
        await client.until("response.done")
        await _result(client, call, "it rains and rains and rains and rains and rains.")
        spoken = {"output": {"format": {"type": "audio/pcmu"}}}
        await client.send("response.create", response={"max_output_tokens": 20, "audio": spoken})
        done = (await client.until("response.done"))["response"]
    assert done["status"] == "incomplete" and done["status_details"]["reason"] == "max_output_tokens"
    assert done["max_output_tokens"] == 20 and done["audio"]["output"]["format"]["type"] == "audio/pcmu"


async def test_words_before_a_call() -> None:
    made = _made(before="Let me look at that. And ")
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER]})
        await _type(client, "the weather please")
        await client.send("response.create")
        call = await client.until("response.function_call_arguments.done")
        await _result(client, call, '"it rains."')  # as JSON
        await client.send("response.create")  # while the words before the call are still being said
        first = (await client.until("response.done"))["response"]
        second = (await client.until("response.done"))["response"]
        item = second["output"][0]
        await client.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=700)
        await client.until("conversation.item.truncated")
        await _type(client, "thanks")
        await client.send("response.create")
        await client.until("response.done")
    assert [each["type"] for each in first["output"]] == ["message", "function_call"]
    assert first["output"][0]["content"][0]["transcript"] == "Let me look at that."
    assert item["content"][0]["transcript"] == "And it rains."
    past = made.answerer.requests[-1].history  # type: ignore[attr-defined]
    assert [each.text for each in past] == ["the weather please", "Let me look at that. And it"]


async def test_a_call_that_is_given_up() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "how is the weather"), UserSpeech(3.2, 4.2, "never mind thank you"))
    made = _made(sounds)
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER]})
        await client.speak(audio)
        call = await client.until("response.function_call_arguments.done")
        await client.until("input_audio_buffer.speech_stopped")  # of the second turn, over the wait
        second = await client.until("response.function_call_arguments.done")  # the turn goes on: it is asked anew
        await client.until("response.done")
        await _result(client, call, "too late")
        await client.until("conversation.item.done")
        await client.send("response.create")
        assert (await client.error())["code"] == "function_call_output_missing"
        await _result(client, second, "it rains.")
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]
    assert done["output"][0]["content"][0]["transcript"] == "it rains."


async def test_without_tools() -> None:
    made = _made()
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER], "tool_choice": "none"})
        for choice in (None, "none"):
            await _type(client, "the weather please")
            await client.send("response.create", response={"tool_choice": choice})
            assert (await client.until("response.done"))["response"]["output"][0]["type"] == "message"
    assert not any(request.tools for request in made.answerer.requests)  # type: ignore[attr-defined]


async def test_tools_and_choices_of_one_response() -> None:
    made = _made()
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER], "tool_choice": "none"})
        named = {"type": "function", "name": "get_weather"}
        for wanted in (
            {"tool_choice": "auto"},
            {"tool_choice": "required"},
            {"tool_choice": named, "tools": [{**WEATHER, "description": "Another."}, {**WEATHER, "name": "other"}]},
        ):
            await _type(client, "the weather please")
            await client.send("response.create", response=wanted)
            call = await client.until("response.function_call_arguments.done")
            await client.until("response.done")
            await _result(client, call, "it rains.")
            await client.send("response.create")
            assert (await client.until("response.done"))["response"]["status"] == "completed"
        await _type(client, "good morning")
        await client.send("response.create", response={"tool_choice": "required"})
        failed = (await client.until("response.done"))["response"]
        assert failed["status"] == "failed" and failed["output"][0]["type"] == "message"
        assert "tool_choice" in failed["status_details"]["error"]["message"]
        await client.send("session.update", session={"type": "realtime", "tool_choice": named})
        assert (await client.until("session.updated"))["session"]["tool_choice"] == named
        await client.send("session.update", session={"type": "realtime", "tools": []})
        assert (await client.error())["param"] == "session.tool_choice"
    asked = made.answerer.requests  # type: ignore[attr-defined]
    assert [request.must_call for request in asked] == [False, True, True, True]
    assert [tool.description for tool in asked[2].tools] == ["Another."]


async def test_the_built_in_answerers_call_what_they_must() -> None:
    for settings in (Settings(), Settings(model="nano")):
        made = engines()
        made.answerer = await asyncio.to_thread(open_answerer, settings)  # a model is read from the disk
        async with connected(made) as (client, _):
            note = {"type": "function", "name": "keep_note", "parameters": NOTE}
            await client.send("session.update", session={"type": "realtime", "tools": [WEATHER, note]})
            await _type(client, "what time is it")  # which no tool is for, and a skill would answer
            await client.send("response.create", response={"tool_choice": {"type": "function", "name": "keep_note"}})
            call = await client.until("response.function_call_arguments.done")
            assert call["name"] == "keep_note" and "time" in json.loads(call["arguments"])["text"]


async def test_instructions_of_one_response_and_of_system_messages() -> None:
    made = engines(answers=[Answer("hello.")])
    async with connected(made) as (client, _):
        content = [{"type": "input_text", "text": "The caller is Ann."}]
        await client.send("conversation.item.create", item={"type": "message", "role": "system", "content": content})
        await client.until("conversation.item.done")
        await client.send("response.create", response={"instructions": "Greet the user."})
        await client.until("response.done")
        await _type(client, "good morning")
        await client.send("response.create")
        await client.until("response.done")
    first, second = made.answerer.requests  # type: ignore[attr-defined]
    assert first.text == "Greet the user." and first.instructions == "The caller is Ann.\nGreet the user."
    assert second.instructions == "The caller is Ann."
    assert [each.text for each in second.history] == ["hello."]


async def test_the_built_in_answerers_call_them() -> None:
    for settings in (Settings(), Settings(model="nano")):
        made = engines()
        made.answerer = await asyncio.to_thread(open_answerer, settings)  # a model is read from the disk
        async with connected(made) as (client, _):
            await client.send("session.update", session={"type": "realtime", "tools": [WEATHER]})
            await _type(client, "what is the weather in Paris")
            await client.send("response.create")
            call = await client.until("response.function_call_arguments.done")
            assert json.loads(call["arguments"]) == {"city": "Paris"}
            await client.until("response.done")
            await _result(client, call, json.dumps({"sky": "cloudy", "degrees": 20}))
            await client.send("response.create")
            said = (await client.until("response.done"))["response"]["output"][0]["content"][0]["transcript"]
            assert "cloudy" in said and "20" in said

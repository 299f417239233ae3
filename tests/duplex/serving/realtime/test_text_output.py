"""Responses that are text alone: of a session, or one among spoken ones."""

from __future__ import annotations

from duplex.testing import Answer
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines, script

STORY = "once upon a time there was a very long story about a fox."


async def test_a_session_of_texts() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    made = engines(sounds, [Answer("**It is noon.**")])
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
        assert (await client.until("session.updated"))["session"]["output_modalities"] == ["text"]
        await client.speak(audio)
        done = (await client.until("response.done"))["response"]
        await _type(client, "thanks")
        await client.send("response.create")
        await client.until("response.done")
    order = [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    types = [kind for kind in client.types() if kind in order][1:]  # after the item of what was said
    places = [types.index(each) for each in order]
    assert places == sorted(places)
    assert client.joined("response.output_text.delta").startswith("**It is noon.**")  # markup is for reading
    assert not [kind for kind in client.types() if "output_audio" in kind]
    assert done["output_modalities"] == ["text"] and done["status"] == "completed"
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "**It is noon.**"}]
    assert done["usage"]["output_token_details"] == {"audio_tokens": 0, "text_tokens": 4}
    past = made.answerer.requests[1].history  # type: ignore[attr-defined]
    assert [each.text for each in past] == ["what time is it", "**It is noon.**"]


async def test_one_text_among_spoken_responses() -> None:
    made = engines(answers=[Answer("hello."), Answer("in writing."), Answer("aloud.")])
    async with connected(made) as (client, _):
        told = []
        for modalities in (None, ["text"], ["audio"]):
            await _type(client, "go on")
            await client.send("response.create", response={"output_modalities": modalities})
            told.append((await client.until("response.done"))["response"])
    assert [each["output_modalities"] for each in told] == [["audio"], ["text"], ["audio"]]
    kinds = [each["output"][0]["content"][0]["type"] for each in told]
    assert kinds == ["output_audio", "output_text", "output_audio"]


async def test_a_text_is_interrupted_by_speech_and_what_was_told_is_remembered() -> None:
    sounds, audio = script(UserSpeech(0.3, 0.9, "tell me a story"), UserSpeech(3.4, 4.6, "stop that now please"))
    made = engines(sounds, [Answer(STORY, gap=0.4), Answer("fine.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
        await client.speak(audio)
        first = (await client.until("response.done"))["response"]
        second = (await client.until("response.done"))["response"]
    assert first["status"] == "cancelled" and first["status_details"]["reason"] == "turn_detected"
    told = first["output"][0]["content"][0]["text"]
    assert told.startswith("once") and "fox" not in told
    assert second["output"][0]["content"][0]["text"] == "fine."
    past = made.answerer.requests[1].history  # type: ignore[attr-defined]
    assert [each.text for each in past] == ["tell me a story", told.strip()]


async def test_a_text_is_cancelled_and_is_not_truncated() -> None:
    made = engines(answers=[Answer(STORY, gap=0.4)])
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
        await _type(client, "a story")
        await client.send("response.create")
        item = (await client.until("response.output_text.delta"))["item_id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=0)
        assert (await client.error())["message"] == "only speech of the assistant can be truncated"
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert done["output"][0]["status"] == "incomplete"


async def _type(client: Client, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.until("conversation.item.done")

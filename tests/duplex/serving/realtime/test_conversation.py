"""A spoken and a typed conversation over the wire, with scripted engines."""

from __future__ import annotations

from duplex.testing import Answer
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime.client import connected
from tests.duplex.serving.scripted import engines, script

TRANSCRIBED = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
QUICK = {"type": "server_vad", "silence_duration_ms": 200}


async def test_a_spoken_turn_is_answered() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    made = engines(sounds, [Answer("it is noon.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session={"type": "realtime", "instructions": "Be brief.", **TRANSCRIBED})
        updated = await client.until("session.updated")
        assert updated["session"]["instructions"] == "Be brief."
        await client.speak(audio)
        done = await client.until("response.done")
    order = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    types = client.types()
    places = [types.index(each) for each in order]
    assert places == sorted(places)
    started = client.seen[places[0]]
    assert started["audio_start_ms"] == 0  # with the padding of 300 ms
    assert abs(client.seen[places[1]]["audio_end_ms"] - 1200) <= 100
    assert client.joined("conversation.item.input_audio_transcription.delta") == "what time is it"
    assert client.seen[places[5]]["transcript"] == "what time is it"
    assert client.joined("response.output_audio_transcript.delta") == "it is noon."
    response = done["response"]
    assert response["status"] == "completed"
    assert types[:2] == ["session.created", "conversation.created"]
    assert client.seen[1]["conversation"] == {"id": response["conversation_id"], "object": "realtime.conversation"}
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "it is noon."}]
    # Three words of 0.3 s at 24 kHz, 16 bits: what was played is what was sent.
    assert len(client.sound()) == 3 * 7200 * 2
    assert response["usage"]["output_token_details"]["audio_tokens"] == 18
    assert made.answerer.requests[0].instructions == "Be brief."  # type: ignore[attr-defined]
    assert len({event["event_id"] for event in client.seen}) == len(client.seen)


async def test_an_interruption_ends_the_response_with_what_was_heard() -> None:
    sounds, audio = script(UserSpeech(0.3, 0.9, "tell me a story"), UserSpeech(3.4, 4.6, "stop that now please"))
    made = engines(sounds, [Answer("once upon a time there was a very long story about a fox."), Answer("fine.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session=TRANSCRIBED)
        await client.speak(audio)
        first = (await client.until("response.done"))["response"]
        second = (await client.until("response.done"))["response"]
    assert first["status"] == "cancelled" and first["status_details"]["reason"] == "turn_detected"
    heard = first["output"][0]["content"][0]["transcript"]
    assert heard.startswith("once") and "fox" not in heard
    assert first["output"][0]["status"] == "incomplete"
    starts = [place for place, kind in enumerate(client.types()) if kind == "input_audio_buffer.speech_started"]
    assert len(starts) == 2 and starts[1] < client.types().index("response.done")
    assert second["status"] == "completed"
    remembered = made.answerer.requests[1].history  # type: ignore[attr-defined]
    assert [each.text for each in remembered] == ["tell me a story", heard]


async def test_a_backchannel_is_no_interruption() -> None:
    sounds, audio = script(UserSpeech(0.3, 0.9, "tell me a story"), UserSpeech(2.6, 2.9, "mhm"))
    made = engines(sounds, [Answer("once upon a time there was a very long story about a fox.")])
    async with connected(made) as (client, _):
        await client.speak(audio)
        done = (await client.until("response.done"))["response"]
    assert done["status"] == "completed"
    assert client.types().count("input_audio_buffer.speech_started") == 1


async def test_a_typed_turn() -> None:
    made = engines(answers=[Answer("hello Ann.")])
    async with connected(made) as (client, _):
        content = [{"type": "input_text", "text": "I am Ann"}]
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        item = (await client.until("conversation.item.done"))["item"]
        assert item["content"] == content and item["role"] == "user"
        assert "response.created" not in client.types()
        await client.send("response.create", response={"metadata": {"topic": "names"}})
        done = (await client.until("response.done"))["response"]
        assert done["metadata"] == {"topic": "names"} and done["status"] == "completed"
        await client.send("response.create")
        assert (await client.error())["code"] == "nothing_to_answer"
    request = made.answerer.requests[0]  # type: ignore[attr-defined]
    assert (request.text, request.typed, request.history) == ("I am Ann", True, ())


async def test_two_responses_at_once_and_a_cancel() -> None:
    made = engines(answers=[Answer("one two three four five six seven eight nine ten.")])
    async with connected(made) as (client, _):
        await _type(client, "count")
        await client.send("response.create")
        await client.until("response.output_audio_transcript.delta")
        await client.send("response.create", event_id="mine")
        error = await client.error()
        assert error["code"] == "conversation_already_has_active_response" and error["event_id"] == "mine"
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert done["status"] == "cancelled" and done["status_details"]["reason"] == "client_cancelled"
        await client.send("response.cancel")
        assert (await client.error())["code"] == "response_cancel_not_active"
        await _type(client, "and again")
        await client.send("response.create")
        again = await client.until("response.done")
        assert again["response"]["status"] == "completed"


async def test_truncated_speech_is_forgotten() -> None:
    made = engines(answers=[Answer("one two three four."), Answer("good.")])
    async with connected(made) as (client, _):
        await _type(client, "count")
        await client.send("response.create")
        item = (await client.until("response.done"))["response"]["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=9000)
        beyond = await client.until("conversation.item.truncated")
        assert beyond["audio_end_ms"] == 1200  # what was played: a client that miscounts goes on
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=700)
        assert (await client.until("conversation.item.truncated"))["audio_end_ms"] == 700
        await client.send("conversation.item.retrieve", item_id=item)
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        assert kept["transcript"] == "one two"
        await _type(client, "go on")
        await client.send("response.create")
        await client.until("response.done")
        past = made.answerer.requests[1].history  # type: ignore[attr-defined]
        assert [each.text for each in past] == ["count", "one two"]


async def test_items_are_put_between_others_and_each_is_deleted_alone() -> None:
    made = engines(answers=[Answer("all right.")])
    async with connected(made) as (client, _):
        for id, text, after in (("a", "one", None), ("b", "two", None), ("c", "three", "a"), ("d", "zero", "root")):
            content = [{"type": "input_text", "text": text}]
            item = {"type": "message", "role": "user", "content": content, "id": id}
            await client.send("conversation.item.create", item=item, previous_item_id=after)
            added = await client.until("conversation.item.added")
            assert added["previous_item_id"] == {"a": None, "b": "a", "c": "a", "d": None}[id]
        await client.send("conversation.item.delete", item_id="b")
        await client.until("conversation.item.deleted")
        await client.send("response.create", response={"conversation": "none", "instructions": "What was said?"})
        await client.until("response.done")
    asked = made.answerer.requests[0]  # type: ignore[attr-defined]
    assert [each.text for each in asked.history] == ["zero", "one", "three"]


async def test_a_response_truncated_while_it_is_given() -> None:
    made = engines(answers=[Answer("one two three four five six seven eight nine ten."), Answer("good.")])
    async with connected(made) as (client, _):
        await _type(client, "count")
        await client.send("response.create")
        for _ in range(3):
            item = (await client.until("response.output_audio_transcript.delta"))["item_id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=400)
        done = (await client.until("response.done"))["response"]
        assert done["output"][0]["content"][0]["transcript"] == "one"
        await _type(client, "go on")
        await client.send("response.create")
        await client.until("response.done")
        past = made.answerer.requests[1].history  # type: ignore[attr-defined]
        assert [each.text for each in past] == ["count", "one"]


async def test_a_transcription_session() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "good morning all"))
    async with connected(engines(sounds), "?intent=transcription") as (client, _):
        assert client.seen[0]["session"]["type"] == "transcription"
        await client.speak(audio)
        done = await client.until("conversation.item.input_audio_transcription.completed")
        assert done["transcript"] == "good morning all"
        await client.send("response.create")
        assert (await client.error())["message"] == "a transcription session has no responses"
    assert not {"conversation.created", "response.created"} & set(client.types())


async def test_turns_that_wait_for_response_create() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.0, "what time is it"))
    made = engines(sounds, [Answer("noon.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session=_detection({**QUICK, "create_response": False}))
        await client.speak(audio)
        await client.until("input_audio_buffer.committed")
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"
    request = made.answerer.requests[0]  # type: ignore[attr-defined]
    assert (request.text, request.history) == ("what time is it", ())


async def test_a_change_of_turn_detection_keeps_what_was_said() -> None:
    made = engines(answers=[Answer("hello Ann.")])
    async with connected(made) as (client, _):
        await _type(client, "I am Ann")
        await client.send("response.create")
        await client.until("response.done")
        await client.send("session.update", session=_detection({"type": "semantic_vad", "eagerness": "low"}))
        assert (await client.until("session.updated"))["session"]["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": True,
            "interrupt_response": True,
        }
        await _type(client, "who am I")
        await client.send("response.create")
        await client.until("response.done")
    past = made.answerer.requests[1].history  # type: ignore[attr-defined]
    assert [each.text for each in past] == ["I am Ann", "hello Ann."]


def _detection(detection: dict[str, object]) -> dict[str, object]:
    return {"audio": {"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}}}


async def _type(client: object, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})  # type: ignore[attr-defined]
    await client.until("conversation.item.done", **{})  # type: ignore[attr-defined]

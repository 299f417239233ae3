"""Turns that the client ends by hand (`turn_detection: null`)."""

from __future__ import annotations

from typing import Any

from duplex.engines import Engines
from duplex.models.asr.contract import Hypothesis
from duplex.streaming.errors import ModelError
from duplex.testing import Answer
from duplex.testing.fakes import ScriptedRecognizer, UserScript, UserSpeech
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines, script

BY_HAND = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
COMPLETED = "conversation.item.input_audio_transcription.completed"


async def _by_hand(client: Client, **more: Any) -> None:
    await client.send("session.update", session={**BY_HAND, **more})
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"] is None


async def test_a_turn_is_over_when_the_client_says_so() -> None:
    sounds, audio = script(UserSpeech(0.3, 0.8, "what time"), UserSpeech(2.8, 3.3, "is it"))
    made = engines(sounds, [Answer("noon.")])
    async with connected(made) as (client, _):
        await _by_hand(client)
        await client.send("input_audio_buffer.commit")
        assert (await client.error())["code"] == "input_audio_buffer_commit_empty"
        await client.speak(audio)  # all at once, with a pause of two seconds in it
        await client.send("input_audio_buffer.commit")
        item = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.send("response.create")  # before its words are known
        await client.send("response.create")
        assert (await client.error())["code"] == "conversation_already_has_active_response"
        done = await client.until(COMPLETED)
        assert (done["item_id"], done["transcript"]) == (item, "what time is it")
        assert done["usage"]["seconds"] > 5
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        await client.send("conversation.item.retrieve", item_id=item)
        shown = (await client.until("conversation.item.retrieved"))["item"]
        assert shown["content"] == [{"type": "input_audio", "transcript": "what time is it"}]
        await client.send("input_audio_buffer.commit")
        assert (await client.error())["code"] == "input_audio_buffer_commit_empty"
    assert [request.text for request in made.answerer.requests] == ["what time is it"]  # type: ignore[attr-defined]
    assert "input_audio_buffer.speech_started" not in client.types()


async def test_a_cleared_buffer_and_turns_that_are_answered_together() -> None:
    sounds, audio = script(
        UserSpeech(0.3, 1.0, "forget this"), UserSpeech(1.3, 2.0, "my name"), UserSpeech(2.3, 3.0, "is Ann")
    )
    made = engines(sounds, [Answer("hello Ann.")])
    async with connected(made) as (client, _):
        await _by_hand(client)
        await client.speak(audio[:18_000])
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        for piece in (audio[18_000:34_000], audio[34_000:]):
            await client.speak(piece)
            await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.done")
    assert made.answerer.requests[0].text == "my name is Ann"  # type: ignore[attr-defined]


async def test_no_words_and_a_recognizer_that_fails() -> None:
    class Failing(ScriptedRecognizer):
        def flush(self, state: Any) -> Hypothesis:
            raise ModelError("it is broken")

    def made(recognizer: Any) -> Engines:
        whole = engines()
        whole.recognizer = recognizer
        return whole

    _, audio = script(UserSpeech(0.3, 1.0))
    for recognizer, kind in (
        (ScriptedRecognizer(UserScript(())), COMPLETED),
        (Failing(UserScript(())), COMPLETED.replace("completed", "failed")),
    ):
        async with connected(made(recognizer)) as (client, _):
            await _by_hand(client)
            await client.speak(audio)
            await client.send("input_audio_buffer.commit")
            await client.send("response.create", event_id="mine")
            told = await client.until(kind)
            assert told.get("transcript") == ("" if kind == COMPLETED else None)
            error = await client.error()
            assert (error["code"], error["event_id"]) == ("nothing_to_answer", "mine")


async def test_a_transcription_session_by_hand_and_back_to_detection() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.0, "good morning"))
    async with connected(engines(sounds, [Answer("hello.")]), "?intent=transcription") as (client, _):
        await client.send(
            "session.update", session={"type": "transcription", "audio": {"input": {"turn_detection": None}}}
        )
        await client.until("session.updated")
        await client.speak(audio)
        await client.send("input_audio_buffer.commit")
        assert (await client.until(COMPLETED))["transcript"] == "good morning"
        await client.send("session.update", session={"audio": {"input": {"turn_detection": {"type": "server_vad"}}}})
        await client.until("session.updated")
        await client.speak(audio)
        started = await client.until("input_audio_buffer.speech_started")
        assert (
            started["audio_start_ms"] + 300 > 1000 * len(audio) / 16_000
        )  # with its padding, in all the sound that was sent
        assert (await client.until(COMPLETED))["transcript"] == "good morning"

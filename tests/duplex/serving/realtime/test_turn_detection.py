"""What `turn_detection` asks for: threshold, padding, and a prompt after a silence."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from duplex import events as ev
from duplex.engines import Engines, open_answerer
from duplex.models.interaction.contract import SILENCE, STILL_THERE
from duplex.models.vad import DETECTORS, at_threshold, load_vad
from duplex.serving.realtime import turn_detection
from duplex.serving.realtime.idle_timeout import IdleTimeout
from duplex.settings import Settings
from duplex.streaming.audio import AudioChunk
from duplex.testing import Answer, ScriptedVad
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime.client import Client, connected
from tests.duplex.serving.scripted import engines, script


class Movable(ScriptedVad):
    """Remembers the threshold that it is set to."""

    def __init__(self) -> None:
        super().__init__()
        self.thresholds: list[float] = []

    def at(self, threshold: float) -> Movable:
        self.thresholds.append(threshold)
        return self


def _detection(**fields: object) -> dict[str, object]:
    detection = {"type": "server_vad", "silence_duration_ms": 200, **fields}
    return {"audio": {"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}}}


async def test_the_threshold_is_that_of_the_session() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.0, "what time is it"))
    made = replace(engines(sounds), vad=Movable())
    async with connected(made) as (client, _):
        await client.send("session.update", session=_detection(threshold=0.8))
        assert (await client.until("session.updated"))["session"]["duplex"]["without_effect"] == []
        await client.speak(audio)
        assert (await client.until("response.done"))["response"]["status"] == "completed"
    assert set(made.vad.thresholds) == {0.8}  # type: ignore[attr-defined]
    async with connected(engines()) as (client, _):  # a detector that has none
        await client.send("session.update", session=_detection(threshold=0.8))
        updated = (await client.until("session.updated"))["session"]
        assert updated["duplex"]["without_effect"] == ["audio.input.turn_detection.threshold"]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_higher_threshold_hears_less(name: str) -> None:
    detector = load_vad(name)
    assert at_threshold(detector, 0.5) is detector
    high, low = at_threshold(detector, 0.9), at_threshold(detector, 0.1)
    assert high is not None and low is not None

    def measures(settings: object) -> tuple[float, ...]:
        names = ("speech", "silence") if name == "silero" else ("above_floor_db",)
        return tuple(getattr(settings, each) for each in names)

    assert measures(low.settings) < measures(detector.settings) < measures(high.settings)  # type: ignore[attr-defined]
    for each in (high, low, at_threshold(detector, 0.0), at_threshold(detector, 1.0)):
        assert each is not None
        each.step(np.zeros(each.hop, np.float32), each.initial_state())


async def test_the_padding_lies_before_speech() -> None:
    starts = []
    for padding in (0, 200):
        sounds, audio = script(UserSpeech(0.5, 1.2, "what time is it"))
        async with connected(engines(sounds)) as (client, _):
            await client.send("session.update", session=_detection(prefix_padding_ms=padding))
            await client.speak(audio)
            starts.append((await client.until("input_audio_buffer.speech_started"))["audio_start_ms"])
            await client.until("response.done")
            transcribed = "conversation.item.input_audio_transcription.completed"
            told = next(event for event in client.seen if event["type"] == transcribed)
            assert told["transcript"] == "what time is it"
    assert abs(starts[0] - 500) <= 60 and starts[0] - starts[1] == 200


async def test_who_says_nothing_is_prompted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_detection, "IDLE", (100, 1000))
    made = engines(answers=[Answer("hello."), Answer("well?"), Answer("fine.")])
    async with connected(made) as (client, _):
        await client.send("session.update", session=_detection(idle_timeout_ms=600))
        await _type(client, "good morning")
        await client.send("response.create")
        done = await client.until("response.done")
        assert "input_audio_buffer.timeout_triggered" not in client.types()
        triggered = await client.until("input_audio_buffer.timeout_triggered")
        committed = await client.until("input_audio_buffer.committed")
        prompt = await client.until("response.done")
        await client.until("input_audio_buffer.timeout_triggered")  # and again
        await client.send("session.update", session=_detection(idle_timeout_ms=None))
    assert client.seen.index(done) < client.seen.index(triggered)
    assert triggered["item_id"] == committed["item_id"]
    assert prompt["response"]["output"][0]["content"][0]["transcript"] == "well?"
    first, second = made.answerer.requests[:2]  # type: ignore[attr-defined]
    assert (first.text, second.text) == ("good morning", SILENCE)
    assert [each.text for each in second.history] == ["good morning", "hello."]
    if len(made.answerer.requests) > 2:  # type: ignore[attr-defined]
        assert [each.text for each in made.answerer.requests[2].history] == ["good morning", "hello.", "well?"]  # type: ignore[attr-defined]


async def test_the_built_in_answerer_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_detection, "IDLE", (100, 1000))
    made: Engines = engines()
    made.answerer = open_answerer(Settings())
    async with connected(made) as (client, _):
        await client.send("session.update", session={**_detection(idle_timeout_ms=300), "output_modalities": ["text"]})
        await _type(client, "good morning")
        await client.send("response.create")
        await client.until("input_audio_buffer.timeout_triggered")
        done = (await client.until("response.done"))["response"]
    assert done["output"][0]["content"][0]["text"] == STILL_THERE


def test_a_response_between_two_chunks_of_sound_is_one() -> None:
    """Text alone may be asked for, given and done before the next chunk is played."""
    outbox, events = Mock(), Mock(busy=False, owed=False, response=None, begun=0)
    configuration = Mock(detection={"idle_timeout_ms": 100})
    idle = IdleTimeout(outbox, lambda: configuration, events, lambda at: at // 16)
    idle.attach(Mock())

    def play(first: int, last: int) -> bool:
        for number in range(first, last):
            idle.on_output(AudioChunk(320 * number, np.zeros(320, np.float32)))
        return bool(outbox.put.called)

    assert not play(0, 50)  # nothing has been answered
    events.begun = 1
    assert not play(50, 55) and play(55, 60)
    outbox.reset_mock()
    assert not play(60, 120)  # once for a response
    events.begun, events.response, events.busy = 2, Mock(), True
    idle.on_event(ev.SpeechStarted(38_400, 38_720, "user"))  # a listener's word over it
    assert not play(120, 150)
    events.response, events.busy = None, False
    assert play(150, 160)


async def _type(client: Client, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.until("conversation.item.done")

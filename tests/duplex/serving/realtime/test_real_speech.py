"""Programs that people already have talk with `duplex serve` and the engines that everybody has, in real time.

What is said is synthesized, heard by the recognizer, answered by rules and the bundled model, spoken, and heard again.
That takes minutes for each client, and a machine with little else to do: only clients that a variable names
(TEST_CLIENT_…, programs.py) are talked with.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duplex.models.asr import load_recognizer
from duplex.models.store import find
from duplex.models.tts import Voice, load_synthesizer
from duplex.serving.realtime.audio_formats import PCM
from duplex.streaming.resample import resample
from tests.clients.spoken import Told, converse
from tests.duplex.page.browser import TOKEN, chromium, serve
from tests.duplex.serving.realtime.in_chromium import bundled, session
from tests.duplex.serving.realtime.programs import CLIENTS, Command, command, run
from tests.duplex.serving.realtime.recording_proxy import Recorded, recording

RECOGNIZER = "moonshine-tiny-en"
FLAGS = ("--no-recordings", "--model", "nano")

TURNS = {
    "weather": "What is the weather in Paris?",
    "story": "What can you do?",
    "stop": "What did you say about an example?",
    "time": "What did you say about time?",
}
"""The story ends with an example, which is not heard, and begins with the time, which is. They are heard right by the
recognizer, whatever silence is around them, but for the example, which may become another."""

BEGUN, UNHEARD, NOTHING = "i can tell the time", "for example", "I have not said anything about "
STEPS: list[list[Any]] = [
    ["say", "weather"],
    ["until", "tool", "paris", "weather"],
    ["until", "said", "it rains"],
    ["sleep", 1.0],
    ["say", "story"],
    ["until", "said", BEGUN, "story"],
    ["sleep", 0.5],
    ["forget"],
    ["say", "stop"],
    ["until", "interrupted"],
    ["until", "said", "not said anything about", "stop"],
    ["sleep", 2.5],
    ["say", "time"],
    ["until", "said", BEGUN, "time"],
    ["sleep", 1.0],
    ["forget"],
    ["say", "story"],
    ["until", "said", BEGUN, "story"],
    ["sleep", 0.5],
    ["forget"],
    ["cancel"],
    ["until", "done"],
]

PLAY = """
(sounds) => {
  const bytes = (name) => Uint8Array.from(atob(sounds[name]), (one) => one.charCodeAt(0));
  window.say = (name) => {
    const whole = new Int16Array(bytes(name).buffer);
    const sound = new AudioBuffer({ length: whole.length, sampleRate: 24000 });
    sound.copyToChannel(Float32Array.from(whole, (one) => one / 32768), 0);
    const voice = new AudioBufferSourceNode(context, { buffer: sound });
    voice.connect(microphone);
    voice.start();
  };
  window.events = [];
  window.heard = [];
  session.on("transport_event", (event) => events.push([event, 4096 * heard.length]));
  const ear = new AudioContext({ sampleRate: 16000 });
  const track = session.transport.connectionState.peerConnection.getReceivers()[0].track;
  const node = ear.createScriptProcessor(4096, 1, 1);
  node.onaudioprocess = (event) => heard.push(Array.from(event.inputBuffer.getChannelData(0)));
  ear.createMediaStreamSource(new MediaStream([track])).connect(node).connect(ear.destination);
}
"""
"""Says what it is given, and keeps what it is told and hears."""


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NAME.pcm, 16 bit, 24 kHz, a little silence around each."""
    if find(RECOGNIZER) is None:
        pytest.skip(f"{RECOGNIZER} has not been pulled")
    folder = tmp_path_factory.mktemp("turns")
    engine = load_synthesizer("espeak")
    for name, text in TURNS.items():
        speech = np.concatenate([chunk.samples for chunk in engine.synthesize(text, Voice("en-us"))])
        speech = np.pad(resample(speech, engine.sample_rate, PCM.rate), PCM.rate // 10)
        (folder / f"{name}.pcm").write_bytes(PCM.encode(speech))
    return folder


def named(program: str) -> Command:
    """Skips where no variable names the client."""
    if not os.environ.get(variable := CLIENTS[program][0]):
        pytest.skip(f"{variable} names no {program}")
    return command(program)


def hear(samples: np.ndarray) -> str:
    """The words of (n,) float32 at 16 kHz, in lower case."""
    recognizer = load_recognizer("moonshine-tiny", live=False)
    samples = np.pad(samples, (8000, 8000 + recognizer.hop)).astype(np.float32)
    state = recognizer.initial_state()
    for at in range(0, len(samples) - recognizer.hop + 1, recognizer.hop):
        _, state = recognizer.step(samples[at : at + recognizer.hop], state)
    return recognizer.flush(state).text.lower()


def check_words(heard: str, transcript: str) -> None:
    """Most of what was said can be heard; of a single word only that there was one. The recognizer was trained on
    people, and errs on this voice."""
    words = transcript.lower().replace(".", "").replace(",", "").split()
    if len(words) == 1:
        assert heard
        return
    assert sum(word in heard for word in words) >= 0.6 * len(words), (heard, transcript)


def transcript(response: dict[str, Any]) -> str:
    return " ".join(part["transcript"] for item in response["output"] for part in item.get("content", ()))


def check_responses(responses: list[dict[str, Any]]) -> None:
    """Those that `response.done` told: a call, its result, an interrupted one, two about it, and a cancelled one. On a
    busy machine there may be others between them, to what was torn apart."""
    calls = [item for each in responses for item in each["output"] if item["type"] == "function_call"]
    assert ("get_weather", {"city": "Paris"}) in [(call["name"], json.loads(call["arguments"])) for call in calls]
    said = [(transcript(each), each["status"], each["status_details"].get("reason")) for each in responses]
    assert any(text.lower() == "it rains." for text, _, _ in said)
    begun = [each for each in said if each[0].lower().startswith(BEGUN)]
    assert len(begun) >= 2 and all(status == "cancelled" and UNHEARD not in text.lower() for text, status, _ in begun)
    assert begun[0][2] == "turn_detected"
    assert any(text.startswith(NOTHING) and "example" in text for text, _, _ in said)
    assert any(f'I said: "{begun[0][0][:20]}' in text and UNHEARD not in text.lower() for text, _, _ in said)


def check_sound(recorded: Recorded) -> None:
    """Every response that was given to its end can be heard; none sounds after its end."""
    sounds: dict[str, bytearray] = {}
    over: set[str] = set()
    for side, event in recorded.events:
        if side == "server" and event["type"] == "response.output_audio.delta":
            assert event["response_id"] not in over
            sounds.setdefault(event["response_id"], bytearray()).extend(base64.b64decode(event["delta"]))
        elif side == "server" and event["type"] == "response.done":
            over.add(event["response"]["id"])
    for response in (event["response"] for event in recorded.of("response.done")):
        if response["status"] == "completed" and (text := transcript(response)):
            samples = np.frombuffer(sounds[response["id"]], "<i2").astype(np.float32) / 32768
            check_words(hear(resample(samples, PCM.rate, 16_000)), text)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("program", CLIENTS)
async def test_by_websocket(program: str, turns: Path, tmp_path: Path) -> None:
    there = await asyncio.to_thread(named, program)
    with serve(tmp_path, *FLAGS) as served:
        async with recording(served.url.partition("#")[0]) as recorded:
            try:
                await run(there, recorded.address, TOKEN, turns, STEPS)
            finally:
                print(recorded)  # shown of a test that fails
    errors = [event["error"]["code"] for event in recorded.of("error")]
    assert set(errors) <= {"response_cancel_not_active"}  # LiveKit cancels twice
    heard = [event["transcript"] for event in recorded.of("conversation.item.input_audio_transcription.completed")]
    assert not heard or any("weather" in text and "Paris" in text for text in heard)
    check_responses([event["response"] for event in recorded.of("response.done")])
    check_sound(recorded)
    asked = recorded.of("conversation.item.truncate", "client")
    assert asked and len(asked) == len(recorded.of("conversation.item.truncated"))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_by_webrtc(turns: Path, tmp_path: Path) -> None:
    named("with_agents_js.cjs")
    bundle, told = bundled(), Told()
    sounds = {name: base64.b64encode((turns / f"{name}.pcm").read_bytes()).decode() for name in TURNS}
    with serve(tmp_path, *FLAGS) as served:
        async with (
            chromium(None) as browser,
            session(browser, bundle, served.url.partition("#")[0], TOKEN, told) as page,
        ):
            await page.evaluate(PLAY, sounds)
            await converse(
                lambda name: page.evaluate("(name) => say(name)", name),
                lambda: page.evaluate("() => session.interrupt()"),
                told,
                STEPS,
            )
            events, pieces = await page.evaluate("() => [events, heard]")
    check_responses([event["response"] for event, _ in events if event["type"] == "response.done"])
    heard = np.concatenate([np.asarray(piece, np.float32) for piece in pieces])
    places = {(event["type"], event.get("response_id")): at for event, at in events}
    for event, _ in events:
        if event["type"] == "response.done" and (text := transcript(event["response"])):
            begun, over = (
                places.get((f"output_audio_buffer.{what}", event["response"]["id"])) for what in ("started", "stopped")
            )
            if over is not None:
                check_words(hear(heard[max(0, begun - 8000) : over + 16_000]), text)

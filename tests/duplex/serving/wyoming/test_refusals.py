"""What no client should send, and clients that vanish: an error that says why, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from wyoming.wake import Detect

from duplex.cli import main
from duplex.serving.audio.limits import AudioLimits
from duplex.serving.hosts.shedding import STEPS
from duplex.serving.http.server import Address
from duplex.serving.wyoming.server import WyomingServer, parse_address
from duplex.serving.wyoming.wire import WyomingLimits
from duplex.streaming.errors import SettingsError, StageError
from duplex.testing import ScriptedRecognizer, ScriptedSynthesizer, ScriptedVad
from tests.duplex.serving.audio.programs import SCRIPT
from tests.duplex.serving.wyoming.running import Running, sound, wyoming

FORM: dict[str, Any] = {"rate": 16_000, "width": 2, "channels": 1}


def line(**header: Any) -> bytes:
    return json.dumps(header).encode() + b"\n"


def code(told: bytes) -> str:
    """Of the error that was said last."""
    header, _, rest = told.rpartition(b"\n")
    assert b'"error"' in header.rpartition(b"\n")[2]
    return str(json.loads(rest)["code"])


async def goes_on(running: Running) -> None:
    async with running.client() as client:
        await client.speak(SCRIPT.audio()[8000:25_600])
        assert (await client.until("transcript"))[-1].data["text"] == "what time is it"
    while running.server._tasks:  # noqa: ASYNC110 (they end when they see that the client is gone)
        await asyncio.sleep(0.01)
    assert not running.busy()


BROKEN = {
    "no JSON": (b"not json\n", "invalid-event"),
    "no object": (b"[]\n", "invalid-event"),
    "deep": (b"[" * 60_000 + b"\n", "invalid-event"),
    "not UTF-8": (b"\xff\xfe\x00\n", "invalid-event"),
    "no type": (line(data={}), "invalid-event"),
    "a type that is none": (line(type=7), "invalid-event"),
    "data that are none": (line(type="describe", data=[1]), "invalid-event"),
    "more data that are none": (line(type="describe", data_length=4) + b"null", "invalid-event"),
    "a length that is none": (line(type="describe", data_length="4"), "invalid-event"),
    "a negative length": (line(type="audio-chunk", payload_length=-1), "invalid-event"),
    "a header without end": (b"x" * 200_000, "too-large"),
    "huge data": (line(type="describe", data_length=1 << 40), "too-large"),
    "a huge payload": (line(type="audio-chunk", payload_length=100 << 20) + b"\0" * (4 << 20), "too-large"),
    "a chunk without its form": (line(type="audio-chunk", data={"rate": 16_000}), "invalid-event"),
    "a rate that nobody has": (line(type="audio-chunk", data={**FORM, "rate": 16_001}), "invalid-audio"),
    "a rate that is none": (line(type="audio-chunk", data={**FORM, "rate": [1]}), "invalid-audio"),
    "a width that is none": (line(type="audio-chunk", data={**FORM, "width": 3}), "invalid-audio"),
    "no channel": (line(type="audio-chunk", data={**FORM, "channels": 0}), "invalid-audio"),
    "half a sample": (line(type="audio-chunk", data=FORM, payload_length=3) + b"abc", "invalid-audio"),
    "a text that is none": (line(type="synthesize", data={"text": 5}), "invalid-event"),
    "a voice that is none": (line(type="synthesize", data={"text": "a", "voice": {"name": 5}}), "invalid-event"),
    "no voice but null": (line(type="synthesize", data={"text": "a", "voice": None}), "invalid-event"),
    "a language that is none": (line(type="transcribe", data={"language": 5}), "invalid-event"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_cannot_be_read(case: str) -> None:
    sent, why = BROKEN[case]
    async with wyoming() as running:
        assert code(await running.raw(sent)) == why
        await goes_on(running)


async def test_what_cannot_be_done() -> None:
    refused = [
        ([Transcribe(language="de")], "language"),
        ([Detect(names=["computer"])], "unsupported"),
        ([Synthesize("one", text_format="ssml")], "unsupported"),
        ([Synthesize("one", voice=SynthesizeVoice(name="nobody"))], "unknown-voice"),
        ([Synthesize("one", voice=SynthesizeVoice(language="xx"))], "unknown-voice"),
        ([Synthesize("one " * 5000)], "too-large"),
        ([SynthesizeChunk("one")], "invalid-event"),
        ([SynthesizeStop()], "invalid-event"),
        ([SynthesizeStart(), SynthesizeStart()], "invalid-event"),
        ([AudioStart(**FORM), AudioStart(**FORM)], "invalid-event"),
        ([AudioStart(**FORM), SynthesizeStart()], "invalid-event"),
        ([SynthesizeStart(), AudioStart(**FORM)], "invalid-event"),
        ([AudioChunk(audio=b"\0\0", **FORM), AudioChunk(audio=b"\0\0", **{**FORM, "rate": 8000})], "invalid-audio"),
    ]
    async with wyoming() as running:
        for events, why in refused:
            async with running.client() as client:
                await client.send(*events)
                told = await client.until()  # the connection ends: clients wait for nothing but their answer
                assert Error.from_event(told[-1]).code == why, events
        await goes_on(running)


async def test_events_that_are_not_for_it_are_left_alone() -> None:
    async with wyoming() as running:
        told = await running.raw(line(type="run-satellite"), line(type="x" * 1000), line(type="ping"), eof=True)
        assert b'"pong"' in told and b'"error"' not in told


async def test_too_many_connections() -> None:
    async with wyoming(WyomingLimits(connections=2)) as running:
        async with running.client(), running.client() as second:
            await second.send(AudioStart(**FORM))
            assert code(await running.raw()) == "busy"
        await goes_on(running)


async def test_too_many_requests() -> None:
    async with wyoming(audio_limits=AudioLimits(waiting=1)) as running:
        async with running.client() as first, running.client() as second:
            await first.speak(SCRIPT.audio()[:16_000])
            await first.until("transcript-stop")
            await first.send(AudioStart(**FORM))
            while not running.busy():  # noqa: ASYNC110 (another task counts)
                await asyncio.sleep(0.01)
            await second.send(Synthesize("one"))
            assert Error.from_event((await second.until())[-1]).code == "busy"
            await first.send(AudioStop())
            await first.until("transcript-stop")
        await goes_on(running)


async def test_a_server_that_is_about_to_stop() -> None:
    async with wyoming() as running, running.client() as client:
        await running.host.drain(0.0)
        await client.send(Synthesize("one"))
        assert Error.from_event((await client.until())[-1]).code == "draining"


async def test_a_server_that_is_too_busy_with_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wyoming() as running, running.client() as present:
        await present.send(AudioStart(**FORM))
        while not running.busy():  # noqa: ASYNC110 (another task counts)
            await asyncio.sleep(0.01)
        assert running.metrics.present.labels("wyoming transcribe")._value.get() == 1
        monkeypatch.setattr(running.host._monitor.shedder, "level", len(STEPS))
        for asked in (Synthesize("one"), AudioStart(**FORM)):
            async with running.client() as client:
                await client.send(asked)
                assert Error.from_event((await client.until())[-1]).code == "full"
        await present.send(AudioStop())  # who is there is heard
        await present.until("transcript-stop")
        assert running.metrics.present.labels("wyoming transcribe")._value.get() == 0
        assert running.counted("wyoming synthesize", "full") == 1


async def test_a_stream_without_end() -> None:
    async with wyoming(audio_limits=AudioLimits(recording=2.0)) as running, running.client() as client:
        await client.speak(SCRIPT.audio())
        assert Error.from_event((await client.until("error"))[-1]).code == "too-long"


async def test_clients_that_say_nothing() -> None:
    async with wyoming(WyomingLimits(idle=0.05, stalled=0.05)) as running:
        assert code(await running.raw()) == "idle"
        assert code(await running.raw(line(type="audio-chunk", data=FORM, payload_length=100))) == "too-late"


@pytest.mark.parametrize("moment", ["header", "payload", "stream", "speech", "text"])
async def test_clients_that_vanish(moment: str) -> None:
    sent = {
        "header": b'{"type": "descr',
        "payload": line(type="audio-chunk", data=FORM, payload_length=100) + b"\0",
        "stream": line(type="audio-chunk", data=FORM, payload_length=32_000) + sound(SCRIPT.audio()[8000:24_000]),
        "speech": line(type="synthesize", data={"text": "one two three " * 500}),
        "text": line(type="synthesize-start") + line(type="synthesize-chunk", data={"text": "One two. Thr"}),
    }
    async with wyoming() as running:
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            writer.write(sent[moment])
            await writer.drain()
            writer.transport.abort()
        await goes_on(running)


@pytest.mark.slow
async def test_a_client_that_does_not_read() -> None:
    async with wyoming(WyomingLimits(stalled=0.2, text=1 << 16)) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=1024)
        writer.write(line(type="synthesize", data={"text": "one two three " * 4000}))
        while not running.busy():  # noqa: ASYNC110 (another task counts)
            await asyncio.sleep(0.01)
        while running.busy():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert running.counted("wyoming synthesize", "gone") == 1
        writer.transport.abort()
        await goes_on(running)


class Failing(ScriptedRecognizer):
    """Fails at its first words."""

    def step(self, chunk, state):  # type: ignore[no-untyped-def]
        raise StageError("the model is broken")


async def test_engines_that_fail() -> None:
    loaders = {"recognizer": lambda: Failing(SCRIPT), "synthesizer": ScriptedSynthesizer, "vad": ScriptedVad}
    loaders["live_recognizer"] = loaders["recognizer"]
    async with wyoming(**loaders) as running, running.client() as client:
        await client.speak(SCRIPT.audio())
        error = Error.from_event((await client.until("error"))[-1])
        assert error.code == "engine-failed" and "the model is broken" in error.text
        assert running.counted("wyoming transcribe", "engine-failed") == 1


async def test_an_address_that_is_taken() -> None:
    async with wyoming() as running:
        with pytest.raises(SettingsError, match="cannot be listened on"):
            async with WyomingServer(running.service, Address(port=running.server.port), running.metrics):
                pass


@pytest.mark.parametrize("text", ["", "tcp://", "tcp://host", "http://host:1", "tcp://host:70000", "tcp://h:1/path"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="tcp://HOST:PORT"):
        parse_address(text)


def test_addresses() -> None:
    assert parse_address("tcp://0.0.0.0:10300") == Address("0.0.0.0", 10_300)
    assert parse_address("tcp://[::1]:0").loopback


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--wyoming", "http://localhost:1"], "tcp://HOST:PORT"),
        (["--wyoming-announce"], "is for --wyoming"),
        (["--wyoming", "--wyoming-announce"], "no other machine reaches"),
    ],
)
def test_commands_that_make_no_sense(flags: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *flags]) == 1
    assert why in capsys.readouterr().err


TYPES = (
    "describe",
    "ping",
    "transcribe",
    "audio-start",
    "audio-chunk",
    "audio-stop",
    "synthesize",
    "synthesize-start",
    "synthesize-chunk",
    "synthesize-stop",
    "detect",
    "nothing",
)
VALUES: tuple[Any, ...] = ("", "one two.", "en", "\0", 0, -1, 2, 16_000, 1e308, None, True, [], {}, {"name": 1})
KEYS = ("text", "language", "rate", "width", "channels", "timestamp", "voice", "text_format", "names")


def _odd(dice: random.Random) -> bytes:
    data: dict[str, Any] = {dice.choice(KEYS): dice.choice(VALUES) for _ in range(dice.randrange(5))}
    if dice.random() < 0.6:
        data = {**FORM, "text": "one two. three"} | (data if dice.random() < 0.3 else {})
    payload = dice.randbytes(2 * dice.randrange(2000)) if dice.random() < 0.4 else b""
    header = {"type": dice.choice(TYPES), "data": data, "payload_length": len(payload)}
    if dice.random() < 0.1:
        header[dice.choice(["type", "data", "data_length", "payload_length"])] = dice.choice(VALUES)
    sent = bytearray(line(**header) + payload)
    if dice.random() < 0.1:
        sent[dice.randrange(len(sent))] = dice.randrange(256)
    return bytes(sent)


@pytest.mark.slow
async def test_thousands_of_odd_events() -> None:
    dice = random.Random(11)
    async with wyoming(audio_limits=AudioLimits(rate=1e9)) as running:
        for _ in range(1500):
            told = await running.raw(*(_odd(dice) for _ in range(dice.randrange(1, 9))), eof=True)
            assert b'"internal"' not in told
        await goes_on(running)

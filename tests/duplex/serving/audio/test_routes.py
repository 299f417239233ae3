"""The audio routes as programs see them: each form of an answer, and each way in which a request is wrong."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
import webvtt

from duplex.audio_files.reader import open_recording
from duplex.models.translation import Translation
from duplex.serving.audio.limits import AudioLimits
from duplex.settings import Settings
from duplex.streaming.errors import ModelError, StageError
from duplex.testing import ScriptedRecognizer, ScriptedSynthesizer
from tests.duplex.serving.audio.programs import SCRIPT, TEXT, Programs, programs, wav


@pytest.fixture
async def running() -> AsyncIterator[Programs]:
    async with programs() as made:
        yield made


def events(body: bytes) -> list[dict[str, Any]]:
    pieces = body.decode().split("\n\n")
    assert pieces.pop() == "" and all(piece.startswith("data: ") for piece in pieces)
    return [json.loads(piece.removeprefix("data: ")) for piece in pieces]


async def test_every_form_of_a_transcript(running: Programs) -> None:
    assert await running.hear() == (200, {"text": TEXT, "usage": {"type": "duration", "seconds": 6}})
    assert await running.hear(response_format="text") == (200, f"{TEXT}\n".encode())
    status, told = await running.hear(
        response_format="verbose_json", **{"timestamp_granularities[]": ["word", "segment"]}
    )
    assert status == 200 and told["language"] == "english" and told["duration"] == 6.0 and told["task"] == "transcribe"
    assert [word["word"] for word in told["words"]] == TEXT.split()
    assert all(0.4 <= word["start"] < word["end"] <= 4.2 for word in told["words"])
    assert [segment["text"] for segment in told["segments"]] == ["what time is it", "thank you"]
    assert [segment["id"] for segment in told["segments"]] == [0, 1]
    assert "words" not in (await running.hear(response_format="verbose_json"))[1]
    status, vtt = await running.hear(response_format="vtt")
    assert [caption.text for caption in webvtt.from_buffer(io.StringIO(vtt.decode()))] == [
        "what time is it",
        "thank you",
    ]
    status, srt = await running.hear(response_format="srt")
    assert srt.decode().splitlines()[2] == "what time is it" and " --> " in srt.decode()


async def test_a_stream_tells_utterances_whose_sum_is_the_text(running: Programs) -> None:
    _, body = await running.hear(stream="true")
    *deltas, done = events(body)
    assert running.headers["Content-Type"].startswith("text/event-stream")
    assert [each["type"] for each in deltas] == ["transcript.text.delta"] * 2
    assert done == {"type": "transcript.text.done", "text": TEXT}
    assert "".join(each["delta"] for each in deltas) == TEXT


async def test_speakers_are_letters(running: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    from duplex.testing.diarizer import ScriptedDiarizer

    monkeypatch.setattr("duplex.models.diarization.load_diarizer", lambda *_, **__: ScriptedDiarizer(SCRIPT))
    status, told = await running.hear(response_format="diarized_json", model="gpt-4o-transcribe-diarize")
    assert status == 200 and [(each["speaker"], each["text"]) for each in told["segments"]] == [
        ("A", "what time is it"),
        ("B", "thank you"),
    ]
    status, body = await running.hear(response_format="diarized_json", stream="true")
    assert [each["type"] for each in events(body)] == ["transcript.text.segment"] * 2 + ["transcript.text.done"]


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3"])
async def test_other_formats_and_rates(running: Programs, format: str) -> None:
    sound = np.repeat(SCRIPT.audio(), 3)  # 48 kHz; a lossy codec changes the levels that the script is read by
    status, told = await running.hear(wav(sound, 48_000, format))
    assert status == 200 and told["usage"]["seconds"] == 6


async def test_english_is_its_own_translation(running: Programs) -> None:
    status, told = await running.hear(route="translations")
    assert (status, told["text"]) == (200, TEXT)
    status, told = await running.hear(route="translations", response_format="diarized_json")
    assert status == 400 and told["error"]["param"] == "response_format"


class Upper:
    name = "upper"
    pairs = frozenset({("de", "en")})

    def translate(self, text: str, source: str, target: str, *_: Any) -> Translation:
        assert (source, target) == ("de", "en")
        return Translation(text.upper(), source, 1.0)


async def test_a_translation_into_english() -> None:
    async with programs(settings=Settings(language="de"), translator=Upper) as running:
        status, told = await running.hear(route="translations", response_format="verbose_json")
        assert status == 200 and told["text"] == TEXT.upper()
        assert (told["language"], told["task"]) == ("english", "translate")
        assert (await running.hear())[1]["text"] == TEXT


async def test_speech_in_every_format(running: Programs, tmp_path: Any) -> None:
    for format in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        status, sound = await running.say(response_format=format)
        assert status == 200, format
        if format == "pcm":
            seconds = len(sound) / 48_000
        else:
            path = tmp_path / f"speech.{format}"
            path.write_bytes(sound)
            seconds = sum(len(block) for block in open_recording(path).frames(16_000)) / 16_000
        assert seconds == pytest.approx(0.9, abs=0.12), format
    assert running.headers["Content-Type"] == "audio/pcm"
    status, told = await running.say(response_format="pcm", stream_format="sse")
    *deltas, done = events(told)
    assert done["type"] == "speech.audio.done" and {each["type"] for each in deltas} == {"speech.audio.delta"}


async def test_models(running: Programs) -> None:
    status, listed = await running.ask("/models", method="GET")
    names = [each["id"] for each in listed["data"]]
    assert status == 200 and {"whisper-1", "tts-1", "gpt-4o-transcribe"} <= set(names)
    for name in names:
        assert (await running.ask(f"/models/{name}", method="GET"))[1]["id"] == name
    status, told = await running.ask("/models/gpt-17", method="GET")
    assert status == 404 and told["error"]["code"] == "model_not_found"
    assert (await running.hear(model="gpt-4o-mini-transcribe-2025-12-15"))[0] == 200


WRONG: list[tuple[dict[str, Any], int, str | None]] = [
    ({"model": "gpt-17"}, 404, "model"),
    ({"model": ""}, 400, "model"),
    ({"response_format": "xml"}, 400, "response_format"),
    ({"stream": "true", "response_format": "srt"}, 400, "response_format"),
    ({"stream": "perhaps"}, 400, "stream"),
    ({"timestamp_granularities[]": "letter"}, 400, "timestamp_granularities"),
    ({"language": "de"}, 400, "language"),
    ({"include[]": "logprobs"}, 400, "include"),
    ({"sound": b""}, 400, "file"),
    ({"sound": b"\0" * 1000}, 400, "file"),
    ({"sound": b"RIFF\xff\xff\xff\xffWAVEfmt "}, 400, "file"),
    ({"prompt": "x" * 20_000}, 413, None),
]


@pytest.mark.parametrize(("fields", "expected", "param"), WRONG)
async def test_what_is_wrong_is_said_in_the_form_of_the_api(
    running: Programs, fields: dict[str, Any], expected: int, param: str | None
) -> None:
    status, told = await running.hear(**fields)
    error = told["error"]
    assert (status, error["param"]) == (expected, param), told
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
    assert "/tmp" not in error["message"] and "duplex-upload" not in error["message"]
    assert (await running.hear())[0] == 200


async def test_wrong_requests_for_speech(running: Programs) -> None:
    for fields, param in (
        ({"text": ""}, "input"),
        ({"text": "…"}, "input"),
        ({"text": 3}, "input"),
        ({"text": "x" * 4097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": "../../etc/passwd"}, "voice"),
        ({"voice": None}, "voice"),
        ({"speed": 9}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"speed": True}, "speed"),
        ({"response_format": "xm"}, "response_format"),
        ({"response_format": []}, "response_format"),
        ({"stream_format": "x"}, "stream_format"),
        ({"model": ["tts-1"]}, "model"),
    ):
        status, told = await running.say(**fields)
        assert status in (400, 404) and told["error"]["param"] == param, fields
    for body in (b"", b"[]", b"{", b"[" * 5000, b"\xff"):
        status, told = await running.ask("/audio/speech", data=body, headers={"Content-Type": "application/json"})
        assert status == 400 and told["error"]["message"], body
    assert (await running.ask("/audio/speech", data=b"x"))[0] == 415
    assert (await running.say({"x": "y" * 100_000}))[0] == 413


async def test_who_has_no_key_gets_nothing(running: Programs) -> None:
    for method, path in (("GET", "/models"), ("POST", "/audio/speech"), ("POST", "/audio/transcriptions")):
        status, told = await running.ask(path, method=method, token="not the token")
        assert (status, told["error"]["code"]) == (401, "invalid_api_key")
    assert (await running.ask("/nothing", method="GET"))[1]["error"]["type"] == "invalid_request_error"


async def test_forms_that_are_none(running: Programs) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (
        b"",
        b"x",
        b"--x\r\n",
        b"--x\r\n\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="model"\r\n',
    ):
        status, told = await running.ask("/audio/transcriptions", data=body, headers=kind)
        assert status == 400 and told["error"]["message"], body
    assert (await running.ask("/audio/transcriptions", data=b"x", headers={"Content-Type": "multipart/form-data"}))[
        0
    ] == 400
    status, told = await running.ask("/audio/transcriptions", json={"model": "whisper-1"})
    assert status == 400 and told["error"]["param"] == "file"
    form = aiohttp.FormData({"model": "whisper-1"}, default_to_multipart=True)
    status, told = await running.ask("/audio/transcriptions", data=form)
    assert status == 400 and told["error"]["param"] == "file"


async def test_what_is_too_much_is_refused() -> None:
    async with programs(AudioLimits(upload=100_000, recording=5.0, waiting=1, rate=1e-3)) as running:
        status, told = await running.hear(wav()[:-2000] + b"\0" * 2000)
        assert status == 413 and told["error"]["param"] == "file"
        status, told = await running.hear(wav(format="FLAC"))
        assert status == 400 and "longer than 5 s" in told["error"]["message"]
        with running.service.jobs.admitted():
            status, told = await running.hear(wav(format="FLAC"))
            assert (status, told["error"]["type"]) == (429, "rate_limit_error") and running.headers["Retry-After"]
        for _ in range(60):
            status, told = await running.say(None)
        assert status == 429


async def test_a_hundred_megabytes_are_refused_before_they_have_come(running: Programs) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a token for tests\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000000\r\n\r\n--x\r\n"
    )
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_engines_that_cannot_be_had_or_fail() -> None:
    def gone() -> Any:
        raise ModelError("it is not here")

    class Failing(ScriptedRecognizer):
        def flush(self, state: Any) -> Any:
            raise StageError("broken")

    async with programs(recognizer=gone) as running:
        status, told = await running.hear()
        assert (status, told["error"]["code"]) == (503, "engine_unavailable")
    async with programs(recognizer=lambda: Failing(SCRIPT)) as running:
        for more in ({}, {"stream": "true"}):
            status, told = await running.hear(**more)
            assert (status, told["error"]["type"]) == (500, "server_error") and "call.wav" in told["error"]["message"]


class Endless(ScriptedSynthesizer):
    """Speaks until it is closed."""

    closed = False

    def synthesize(self, text: str, voice: Any) -> Any:
        try:
            while True:
                yield from super().synthesize(text, voice)
        finally:
            Endless.closed = True


async def test_a_program_that_goes_away_ends_the_speech() -> None:
    async with programs(synthesizer=Endless) as running:
        headers = {"Authorization": "Bearer a token for tests"}
        body = {"model": "tts-1", "voice": "alloy", "input": "for ever", "response_format": "pcm"}
        response = await running.client.post(running.base + "/audio/speech", json=body, headers=headers)
        assert await response.content.readexactly(1000)
        response.close()
        async with asyncio.timeout(20):
            while not Endless.closed:  # noqa: ASYNC110 (a thread ends it)
                await asyncio.sleep(0.02)
        assert running.service.jobs._present == 0


async def test_a_program_that_goes_away_ends_the_work_on_its_recording() -> None:
    begun, steps = asyncio.Event(), [0]
    loop = asyncio.get_running_loop()

    class Slow(ScriptedRecognizer):
        def step(self, chunk: Any, state: Any) -> Any:
            import time

            steps[0] += 1
            loop.call_soon_threadsafe(begun.set)
            time.sleep(0.1)
            return super().step(chunk, state)

    async with programs(recognizer=lambda: Slow(SCRIPT)) as running:
        asking = asyncio.ensure_future(running.hear())
        await begun.wait()
        asking.cancel()
        async with asyncio.timeout(20):
            while running.service.jobs._present:  # noqa: ASYNC110 (a thread ends it)
                await asyncio.sleep(0.02)
        at = steps[0]
        await asyncio.sleep(0.3)
        assert steps[0] <= at + 1


async def test_a_busy_server_keeps_its_calls(running: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.host._monitor.shedder, "level", 3)
    status, told = await running.hear()
    assert status == 503 and running.headers["Retry-After"] == "15" and told["error"]["type"] == "server_error"


async def test_fields_without_effect_are_named(running: Programs) -> None:
    assert (await running.hear(prompt="Ann", temperature="0.5", odd="1"))[0] == 200
    assert running.headers["X-Duplex-Ignored"] == "odd, prompt, temperature"
    assert (await running.say(instructions="whisper"))[0] == 200
    assert running.headers["X-Duplex-Ignored"] == "instructions"


def test_a_wav_that_was_streamed_is_read_by_other_libraries(tmp_path: Any) -> None:
    from duplex.serving.audio.encoder import SpeechEncoder

    encoder = SpeechEncoder("wav", 16_000)
    data = encoder.push(np.zeros(16_000, np.float32)) + encoder.finish()
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == 24_000 and len(samples) == 24_000

"""The official `openai` package, unchanged, with our address and our token."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import openai
import pytest

from tests.duplex.serving.audio.programs import TEXT, TOKEN, programs, wav


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with programs() as running, openai.AsyncOpenAI(base_url=running.base, api_key=TOKEN, max_retries=0) as made:
        yield made


def sound() -> tuple[str, io.BytesIO]:
    return "call.wav", io.BytesIO(wav())


@pytest.mark.loop_may_stall("the package makes its types at first use")
async def test_transcriptions(client: openai.AsyncOpenAI) -> None:
    hear = client.audio.transcriptions.create
    assert (await hear(model="whisper-1", file=sound())).text == TEXT
    assert (await hear(model="whisper-1", file=sound(), response_format="text")).strip() == TEXT  # type: ignore[attr-defined]
    verbose = await hear(
        model="whisper-1", file=sound(), response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert [word.word for word in verbose.words or ()] == TEXT.split() and verbose.duration == 6.0
    assert [segment.text for segment in verbose.segments or ()] == ["what time is it", "thank you"]
    assert type(verbose).model_validate(verbose.model_dump()) == verbose
    pieces = [event async for event in await hear(model="gpt-4o-transcribe", file=sound(), stream=True)]
    assert [event.type for event in pieces] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in pieces[:-1]) == pieces[-1].text == TEXT
    assert (await client.audio.translations.create(model="whisper-1", file=sound())).text == TEXT


@pytest.mark.loop_may_stall("the package makes its types at first use")
async def test_speech_and_models(client: openai.AsyncOpenAI) -> None:
    speak = client.audio.speech.with_streaming_response.create
    async with speak(model="tts-1", voice="alloy", input="one two", response_format="pcm") as response:
        assert len(b"".join([piece async for piece in response.iter_bytes()])) == pytest.approx(0.6 * 48_000, rel=0.05)
    assert (await client.audio.speech.create(model="tts-1", voice="nova", input="one")).content[:3] in (
        b"ID3",
        b"\xff\xf3",
    )
    names = [model.id async for model in client.models.list()]
    assert "whisper-1" in names and (await client.models.retrieve("tts-1")).id == "tts-1"


@pytest.mark.loop_may_stall("the package makes its types at first use")
async def test_errors(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-17") as missing:
        await client.audio.transcriptions.create(model="gpt-17", file=sound())
    assert missing.value.code == "model_not_found" and missing.value.param == "model"
    with pytest.raises(openai.BadRequestError, match="voice"):
        await client.audio.speech.create(model="tts-1", voice="nobody", input="one")
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="another").models.list()

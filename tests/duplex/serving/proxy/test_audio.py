"""The audio routes of a cluster: answered by a worker, refused as by one server."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.duplex.serving.audio.programs import SCRIPT, TEXT, wav
from tests.duplex.serving.proxy.workers import KEY, Front, front
from tests.duplex.serving.scripted import engines

SPEECH = {"model": "tts-1", "voice": "alloy", "input": "one two three"}


async def _say(at: Front, **fields: object) -> tuple[int, bytes]:
    async with at.http.post(f"{at.base}audio/speech", json={**SPEECH, **fields}, headers=KEY) as answer:
        return answer.status, await answer.read()


async def test_speech_words_and_models_come_from_a_worker() -> None:
    async with front(engines(list(SCRIPT.sounds))) as at:
        status, sound = await _say(at, response_format="wav")
        assert status == 200 and sound.startswith(b"RIFF") and len(sound) > 20_000
        form = aiohttp.FormData({"model": "whisper-1", "prompt": "Ann"})
        form.add_field("file", wav(), filename="call.wav", content_type="audio/wav")
        async with at.http.post(f"{at.base}audio/transcriptions", data=form, headers=KEY) as answer:
            assert answer.status == 200 and answer.headers["X-Duplex-Ignored"] == "prompt"
            assert (await answer.json())["text"] == TEXT
        async with at.http.get(f"{at.base}models/whisper-1", headers=KEY) as answer:
            assert (await answer.json())["id"] == "whisper-1"
        async with at.http.get(f"{at.base}models/nobody", headers=KEY) as answer:
            assert answer.status == 404 and (await answer.json())["error"]["code"] == "model_not_found"
        async with at.http.post(f"{at.base}audio/speech", json=SPEECH) as answer:
            assert answer.status == 401


async def test_busy_and_dead_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with front(engines(), engines()) as at:
        monkeypatch.setattr(at.workers.hosts[0]._monitor.shedder, "level", 3)
        async with at.http.post(f"{at.base}audio/speech", json=SPEECH, headers=KEY) as answer:
            assert answer.status == 503 and answer.headers["Retry-After"] == "15"
        await at.workers.relays[1].cut()
        at.workers.turn = 1
        status, told = await _say(at)
        assert status == 503 and b"worker" in told


async def test_an_answer_that_breaks_off_is_no_whole_one() -> None:
    async with front(engines()) as at:
        text = " ".join(["word"] * 800)
        async with at.http.post(f"{at.base}audio/speech", json={**SPEECH, "input": text}, headers=KEY) as answer:
            await answer.content.readany()
            await at.workers.relays[0].cut()
            with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
                async with asyncio.timeout(20):
                    await answer.read()

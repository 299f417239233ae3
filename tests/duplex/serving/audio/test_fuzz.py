"""A thousand requests that nobody should send: each is answered or refused, and the server goes on."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.duplex.serving.audio.programs import TEXT, Programs, programs, wav

KEYS = (
    "model",
    "file",
    "voice",
    "input",
    "stream",
    "language",
    "response_format",
    "speed",
    "timestamp_granularities[]",
)
VALUES: tuple[Any, ...] = (
    "",
    "whisper-1",
    "tts-1",
    "alloy",
    "json",
    "true",
    "\0",
    "é" * 50,
    "../x",
    0,
    -1,
    1e308,
    None,
)


def _form(dice: random.Random) -> bytes:
    parts = []
    for _ in range(dice.randrange(5)):
        name, value = dice.choice(KEYS), str(dice.choice(VALUES)).encode()
        if name == "file":
            value = dice.choice([b"", b"RIFF", b"OggS" * 40, wav()[: dice.randrange(200_000)], dice.randbytes(3000)])
        parts.append(f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode() + value)
    body = bytearray(b"\r\n".join([*parts, b"--x--\r\n"]))
    for _ in range(dice.choice([0, 0, 1, 3])):
        body[dice.randrange(min(len(body), 200))] = dice.randrange(256)
    return bytes(body)


def _object(dice: random.Random) -> bytes:
    made = {dice.choice(KEYS): dice.choice([*VALUES, [], {}, {"id": 1}]) for _ in range(dice.randrange(6))}
    if dice.random() < 0.3:
        made |= {"model": "tts-1", "voice": "alloy", "input": "one", "response_format": dice.choice(["pcm", "mp3", 1])}
    body = bytearray(json.dumps(made).encode())
    if dice.random() < 0.3:
        body[dice.randrange(len(body))] = dice.randrange(256)
    return bytes(body)


async def _throw(running: Programs, dice: random.Random) -> int:
    if dice.random() < 0.5:
        kind = dice.choice(["multipart/form-data; boundary=x"] * 4 + ["multipart/mixed; boundary=x", "text/plain"])
        path, body = f"/audio/{dice.choice(['transcriptions', 'translations'])}", _form(dice)
    else:
        kind, path, body = "application/json", "/audio/speech", _object(dice)
    status, told = await running.ask(path, data=body, headers={"Content-Type": kind})
    if status != 200:
        assert set(told["error"]) == {"message", "type", "param", "code"}, body
    return status


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_a_thousand_odd_requests() -> None:
    dice = random.Random(7)
    async with programs() as running:
        running.service.rate.take = lambda key: True  # type: ignore[method-assign]
        seen = {await _throw(running, dice) for _ in range(1000)}
        assert 400 in seen and 200 in seen and max(seen) < 500
        assert (await running.hear())[1]["text"] == TEXT
        assert running.service.jobs._present == 0

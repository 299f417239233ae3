"""Programs that people already have, unchanged but for the address: each holds a spoken conversation with this server.

Each client is found in this environment, or in that of the interpreter that TEST_CLIENT_… names.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import duplex
from duplex.models.interaction.contract import Request
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.wire import Outbox
from duplex.streaming.resample import resample
from duplex.testing import Answer
from duplex.testing.fakes import UserScript, UserSpeech
from tests.duplex.serving.realtime.programs import CLIENTS, command, run, steps
from tests.duplex.serving.realtime.test_client_tools import Caller
from tests.duplex.serving.scripted import engines

TURNS = {
    "weather": UserSpeech(0.2, 1.2, "how is the weather"),
    "story": UserSpeech(2.2, 3.0, "tell me a story"),
    "stop": UserSpeech(4.2, 5.0, "stop that please"),
}
STEPS = steps("it rains", "once", "all right")
STORY = "once upon a time there was a very long story about a fox who lived in a wood with no name at all."


def answer(request: Request) -> Answer:
    return Answer(STORY if "story" in request.text else "all right.")


def check_requests(requests: list[Request]) -> None:
    """What was asked of the answerer, and that it was told what was heard of the story, and no more."""
    spoken = ["how is the weather", "tell me a story", "stop that please", "tell me a story"]
    assert [request.text for request in requests][-4:] == spoken
    heard = requests[-2].history[-1].text
    assert STORY.startswith(heard.rstrip("… ")) and 3 <= len(heard.split()) < len(STORY.split())


def _record(folder: Path) -> UserScript:
    """Writes the turns as files, each with a little silence around it."""
    script = UserScript(tuple(TURNS.values()))
    levels = np.abs(script.audio())
    for name, turn in TURNS.items():
        piece = levels[round((turn.start - 0.1) * 16_000) : round((turn.end + 0.1) * 16_000)]
        whole = (np.clip(resample(piece, 16_000, 24_000), -1, 1) * 32767).astype("<i2")
        (folder / f"{name}.pcm").write_bytes(whole.tobytes())
    return script


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str]]:
    """Types of the events that the client sends, and of those that it is sent."""
    sent: Counter[str] = Counter()
    told: Counter[str] = Counter()
    take, put = Conversation.take, Outbox.put

    async def taken(self: Conversation, event: Any) -> None:
        sent[event["type"]] += 1
        await take(self, event)

    def said(self: Outbox, type: str, **fields: Any) -> Any:
        told[type] += 1
        if type == "error":
            told[str(fields)] += 1
        return put(self, type, **fields)

    monkeypatch.setattr(Conversation, "take", taken)
    monkeypatch.setattr(Outbox, "put", said)
    return sent, told


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", CLIENTS)
async def test_a_spoken_conversation(program: str, tmp_path: Path, wire: tuple[Counter[str], Counter[str]]) -> None:
    """A tool call, an interruption and a cancel; the next request knows what was heard of the story, and no more."""
    there = await asyncio.to_thread(command, program)
    script = _record(tmp_path)
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=answer)
    async with duplex.serve(port=0, engines=made) as serving:
        address, _, token = serving.url.partition("#token=")
        await run(there, address, token, tmp_path, STEPS)
    sent, told = wire
    print(program, json.dumps({"sent": sent, "told": told}))
    check_requests(answerer.requests)
    assert sent["session.update"] and sent["input_audio_buffer.append"] and sent["response.create"]
    assert told["response.function_call_arguments.done"] == 1 and told["input_audio_buffer.speech_started"] >= 4

"""Programs that people already have, unchanged but for the address: each holds a spoken conversation with this server.

Each client is found in this environment, or in that of the interpreter that DUPLEX_CLIENT_… names.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
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
from tests.duplex.serving.realtime.test_client_tools import Caller
from tests.duplex.serving.scripted import engines

PROGRAMS = Path(__file__).parents[3] / "clients"

CLIENTS = {
    "with_openai.py": ("DUPLEX_CLIENT_OPENAI", "openai, websockets"),
    "with_openai_agents.py": ("DUPLEX_CLIENT_AGENTS", "agents.realtime"),
    "with_pipecat.py": ("DUPLEX_CLIENT_PIPECAT", "pipecat.services.openai.realtime.llm"),
    "with_livekit.py": ("DUPLEX_CLIENT_LIVEKIT", "livekit.plugins.openai"),
    "with_agents_js.cjs": ("DUPLEX_CLIENT_NODE", "@openai/agents"),
}
"""Program to the variable that names an interpreter (of Node: a folder node_modules), and what it needs."""

TURNS = {
    "weather": UserSpeech(0.2, 1.2, "how is the weather"),
    "story": UserSpeech(2.2, 3.0, "tell me a story"),
    "stop": UserSpeech(4.2, 5.0, "stop that please"),
}
STORY = "once upon a time there was a very long story about a fox who lived in a wood with no name at all."


def answer(request: Request) -> Answer:
    return Answer(STORY if "story" in request.text else "all right.")


def check_requests(requests: list[Request]) -> None:
    """What was asked of the answerer, and that it was told what was heard of the story, and no more."""
    spoken = ["how is the weather", "tell me a story", "stop that please", "tell me a story"]
    assert [request.text for request in requests][-4:] == spoken
    heard = requests[-2].history[-1].text
    assert STORY.startswith(heard.rstrip("… ")) and 3 <= len(heard.split()) < len(STORY.split())


def _command(program: str) -> tuple[list[str], dict[str, str]]:
    """What runs a program, and the environment it needs. Skips where the client is not installed."""
    variable, package = CLIENTS[program]
    given = os.environ.get(variable, "")
    if program.endswith(".cjs"):
        node = shutil.which("node")
        if node is None or not (Path(given) / package).is_dir():
            pytest.skip(f"node and the folder node_modules with {package} that {variable} names are not here")
        return [node, str(PROGRAMS / program)], {**os.environ, "NODE_PATH": given}
    python = given or sys.executable
    if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode:
        pytest.skip(f"{package} is not installed here, nor where {variable} says")
    return [python, str(PROGRAMS / program)], {**os.environ, "PYTHONPATH": ""}


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
    command, environment = await asyncio.to_thread(_command, program)
    script = _record(tmp_path)
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=answer)
    async with duplex.serve(port=0, engines=made) as serving:
        address, _, token = serving.url.partition("#token=")
        running = await asyncio.create_subprocess_exec(
            *command, address, token, str(tmp_path), stderr=subprocess.PIPE, env=environment
        )
        _, errors = await running.communicate()
    sent, told = wire
    print(program, json.dumps({"sent": sent, "told": told}))
    assert running.returncode == 0, errors.decode()[-3000:]
    check_requests(answerer.requests)
    assert sent["session.update"] and sent["input_audio_buffer.append"] and sent["response.create"]
    assert told["response.function_call_arguments.done"] == 1 and told["input_audio_buffer.speech_started"] >= 4

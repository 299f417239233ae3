"""Programs that people already have, unchanged but for the address: each holds a spoken conversation with this server.

Each client is found in this environment, or in that of the interpreter that TEST_CLIENT_… names.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.duplex.serving.realtime.programs import CLIENTS, command
from tests.duplex.serving.realtime.scripted_conversation import by_program, exercised


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("program", CLIENTS)
async def test_a_spoken_conversation(program: str, tmp_path: Path) -> None:
    """A tool call, an interruption and a cancel; the next request knows what was heard of the story, and no more."""
    there = await asyncio.to_thread(command, program)
    with exercised() as events:
        await by_program(there, tmp_path)
    sent, told = events.sent, events.told
    assert not events.errors
    assert sent["session.update"] and sent["input_audio_buffer.append"] and sent["response.create"]
    assert sent["conversation.item.truncate"] == told["conversation.item.truncated"] > 0
    assert told["response.function_call_arguments.done"] == 1 and told["input_audio_buffer.speech_started"] >= 4

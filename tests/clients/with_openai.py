"""The `openai` package's own Realtime client, opened as the README says, and what a program does with its events."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from spoken import Told, converse_by, main

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def program(address: str, key: str, folder: Path, told: Told) -> None:
    client = AsyncOpenAI(base_url=f"{address}v1", api_key=key)
    async with client.realtime.connect(model="duplex") as connection:
        heard: Any = {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}
        await connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Help the caller.",
                "tools": [WEATHER],
                "audio": {"input": heard},
            }
        )

        async def hear() -> None:
            playing, began, sent = "", 0.0, 0
            async for event in connection:
                if event.type == "response.function_call_arguments.done":
                    told("tool", event.arguments)
                    result: Any = {"type": "function_call_output", "call_id": event.call_id, "output": "it rains."}
                    await connection.conversation.item.create(item=result)
                    await connection.response.create()
                elif event.type == "response.output_audio.delta":
                    if event.item_id != playing:
                        playing, began, sent = event.item_id, time.monotonic(), 0
                    sent += len(base64.b64decode(event.delta)) // 48
                elif event.type == "response.output_audio_transcript.delta":
                    told("said", event.delta)
                elif event.type == "input_audio_buffer.speech_started":
                    if playing:
                        played = min(sent, round(1000 * (time.monotonic() - began)))
                        await connection.conversation.item.truncate(
                            item_id=playing, content_index=0, audio_end_ms=played
                        )
                        playing = ""
                    told("interrupted")
                elif event.type == "response.done":
                    told("done", str(event.response.status))

        async def send(piece: bytes) -> None:
            await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

        hearing = asyncio.ensure_future(hear())
        await converse_by(send, connection.response.cancel, told, folder)
        hearing.cancel()


main(program)

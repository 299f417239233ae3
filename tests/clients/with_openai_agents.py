"""`openai-agents`: RealtimeRunner and an agent with a tool, over its own WebSocket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from spoken import Told, converse_by, main


async def program(address: str, key: str, folder: Path, told: Told) -> None:
    set_tracing_disabled(True)

    @function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        told("tool", city)
        return "it rains."

    agent = RealtimeAgent(name="guide", instructions="Help the caller.", tools=[get_weather])
    runner = RealtimeRunner(agent)
    session = await runner.run(model_config={"api_key": key, "url": f"{address.replace('http', 'ws')}v1/realtime"})

    async def hear() -> None:
        async for event in session:
            if event.type == "audio_interrupted":
                told("interrupted")
            elif event.type == "raw_model_event" and event.data.type == "transcript_delta":
                told("said", event.data.delta)
            elif event.type == "raw_model_event" and event.data.type == "turn_ended":
                told("done")

    async with session:
        hearing = asyncio.ensure_future(hear())
        await converse_by(session.send_audio, session.interrupt, told, folder)
        hearing.cancel()


main(program)

"""LiveKit's AgentSession over its OpenAI Realtime plugin, by `base_url`; microphone and loudspeaker without a room."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import openai
from spoken import RATE, Told, converse_by, main


class Microphone(AudioInput):
    def __init__(self) -> None:
        super().__init__(label="microphone")
        self.frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self.frames.get()


class Loudspeaker(AudioOutput):
    """Plays at the pace of time."""

    def __init__(self, told: Told) -> None:
        super().__init__(label="speaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self._told = told
        self._began = 0.0
        self._length = 0.0
        self._ending: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._length:
            self._began = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._length += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._length:
            left = max(0.0, self._began + self._length - time.monotonic())
            self._ending = asyncio.get_running_loop().call_later(left, self._finish, False)

    def clear_buffer(self) -> None:
        if self._length:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._ending is not None:
            self._ending.cancel()
        played, self._length = min(self._length, time.monotonic() - self._began), 0.0
        self.on_playback_finished(playback_position=played, interrupted=interrupted)
        if interrupted:
            self._told("interrupted")


async def program(address: str, key: str, folder: Path, told: Told) -> None:
    @function_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        told("tool", city)
        return "it rains."

    agent = Agent(instructions="Help the caller.", tools=[get_weather])
    model = openai.realtime.RealtimeModel(base_url=f"{address}v1", api_key=key)
    session: Any = AgentSession(llm=model)
    microphone = Microphone()
    session.input.audio = microphone
    session.output.audio = Loudspeaker(told)
    await session.start(agent)

    def hear(event: Any) -> None:
        if event.get("type") == "response.output_audio_transcript.delta":
            told("said", event["delta"])
        elif event.get("type") == "response.done":
            told("done", event["response"]["status"])

    agent.realtime_llm_session.on("openai_server_event_received", hear)

    async def send(piece: bytes) -> None:
        microphone.frames.put_nowait(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))

    async def cancel() -> None:
        await session.interrupt()

    await converse_by(send, cancel, told, folder)
    await asyncio.sleep(1.0)
    await session.aclose()


main(program)

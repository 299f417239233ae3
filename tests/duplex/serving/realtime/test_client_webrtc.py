"""`@openai/agents` in Chromium: RealtimeSession over its stock WebRTC transport, with only the address changed.

DUPLEX_CLIENT_NODE names the folder node_modules with the package.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import duplex
from duplex.testing.fakes import UserScript
from tests.clients.spoken import Told, converse
from tests.duplex.page.browser import chromium, missing, tab
from tests.duplex.serving.realtime.test_client_tools import Caller
from tests.duplex.serving.realtime.test_clients import TURNS, answer, check_requests
from tests.duplex.serving.scripted import engines

BUNDLE = "@openai/agents-realtime/dist/bundle/openai-realtime-agents.umd.js"

ALIKE = 40
"""Levels in a row that stand for one turn: the codec of calls bends them a little."""

CODEC = 1.2
"""How much louder a square wave goes in than it comes out."""

SESSION = """
async ({ key, address }) => {
  const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebRTC, tool } = OpenAIAgentsRealtime;
  const context = new AudioContext({ sampleRate: 48000 });
  const microphone = context.createMediaStreamDestination();
  const voice = new OscillatorNode(context, { type: "square", frequency: 400 });
  const level = new GainNode(context, { gain: 0 });
  voice.connect(level).connect(microphone);
  voice.start();
  await context.resume();
  window.say = (loud, seconds) => {
    level.gain.setValueAtTime(loud, context.currentTime + 0.2);
    level.gain.setValueAtTime(0, context.currentTime + 0.2 + seconds);
  };
  const weather = tool({
    name: "get_weather",
    description: "The weather in a city.",
    strict: false,
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: true,
    },
    execute: async ({ city }) => {
      await tell("tool", city);
      return "it rains.";
    },
  });
  const agent = new RealtimeAgent({ name: "guide", instructions: "Help the caller.", tools: [weather] });
  const transport = new OpenAIRealtimeWebRTC({
    mediaStream: microphone.stream,
    audioElement: document.createElement("audio"),
    baseUrl: `${address}v1/realtime/calls`,
  });
  window.session = new RealtimeSession(agent, { transport, tracingDisabled: true });
  session.on("error", (error) => console.error(JSON.stringify(error)));
  session.on("transport_event", (event) => {
    if (event.type === "response.output_audio_transcript.delta") tell("said", event.delta);
    if (event.type === "input_audio_buffer.speech_started") tell("interrupted", "");
    if (event.type === "response.done") tell("done", event.response.status);
  });
  await session.connect({ apiKey: key });
}
"""


@pytest.mark.timeout(600)
async def test_a_spoken_conversation_over_webrtc() -> None:
    bundle = Path(os.environ.get("DUPLEX_CLIENT_NODE", "")) / BUNDLE
    if why := missing():
        pytest.skip(why)
    if not bundle.is_file():
        pytest.skip(f"the folder node_modules with {BUNDLE} that DUPLEX_CLIENT_NODE names is not here")
    script = UserScript(tuple(turn for turn in TURNS.values() for _ in range(ALIKE)))
    levels = {name: 0.1 + (ALIKE * place + ALIKE // 2) / 512 for place, name in enumerate(TURNS)}
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=answer)
    told = Told()
    async with duplex.serve(port=0, engines=made) as serving, chromium(None) as browser:
        address, _, token = serving.url.partition("#token=")
        async with tab(browser, bypass_csp=True) as page:
            await page.expose_function("tell", told)
            await page.goto(address)
            await page.add_script_tag(path=str(bundle))
            await page.evaluate(SESSION, {"key": await _ephemeral_key(address, token), "address": address})

            async def say(name: str) -> None:
                turn = TURNS[name]
                await page.evaluate(
                    "([loud, seconds]) => say(loud, seconds)", [CODEC * levels[name], turn.end - turn.start + 0.5]
                )

            await converse(say, lambda: page.evaluate("() => session.interrupt()"), told)
            await page.evaluate("() => session.close()")
    check_requests(answerer.requests)


async def _ephemeral_key(address: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{address}v1/realtime/client_secrets", json={"session": {"type": "realtime"}}) as made,
    ):
        return (await made.json())["value"]

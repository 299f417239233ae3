"""`@openai/agents` in Chromium: RealtimeSession over its stock WebRTC transport, with only the address changed.

TEST_CLIENT_NODE names the folder node_modules with the package.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clients.spoken import Told
from tests.duplex.page.browser import missing, tab

BUNDLE = "@openai/agents-realtime/dist/bundle/openai-realtime-agents.umd.js"

SESSION = """
async ({ key, address }) => {
  const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebRTC, tool } = OpenAIAgentsRealtime;
  const context = new AudioContext({ sampleRate: 48000 });
  const microphone = context.createMediaStreamDestination();
  await context.resume();
  Object.assign(window, { context, microphone });
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
"""Its microphone takes what is played into `microphone` of `context`."""


def bundled() -> Path:
    """The package, for a page. Skips where it, or the browser, is not installed."""
    if why := missing():
        pytest.skip(why)
    bundle = Path(os.environ.get("TEST_CLIENT_NODE", "")) / BUNDLE
    if not bundle.is_file():
        pytest.skip(f"the folder node_modules with {BUNDLE} that TEST_CLIENT_NODE names is not here")
    return bundle


@asynccontextmanager
async def session(browser: Any, bundle: Path, address: str, token: str, told: Told) -> AsyncIterator[Any]:
    """A page with a session, connected by an ephemeral key. address: of the server's page."""
    async with tab(browser, bypass_csp=True) as page:
        await page.expose_function("tell", told)
        await page.goto(address)
        await page.add_script_tag(path=str(bundle))
        await page.evaluate(SESSION, {"key": await _ephemeral_key(address, token), "address": address})
        yield page
        await page.evaluate("() => session.close()")


async def _ephemeral_key(address: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{address}v1/realtime/client_secrets", json={"session": {"type": "realtime"}}) as made,
    ):
        return (await made.json())["value"]

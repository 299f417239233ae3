"""`@openai/agents` in Chromium: RealtimeSession over its stock WebRTC transport, with scripted engines."""

from __future__ import annotations

import pytest

import duplex
from duplex.testing.fakes import UserScript
from tests.clients.spoken import Told, converse
from tests.duplex.page.browser import chromium
from tests.duplex.serving.realtime.in_chromium import bundled, session
from tests.duplex.serving.realtime.test_client_tools import Caller
from tests.duplex.serving.realtime.test_clients import STEPS, TURNS, answer, check_requests
from tests.duplex.serving.scripted import engines

ALIKE = 40
"""Levels in a row that stand for one turn: the codec of calls bends them a little."""

CODEC = 1.2
"""How much louder a square wave goes in than it comes out."""

VOICE = """
() => {
  const voice = new OscillatorNode(context, { type: "square", frequency: 400 });
  const level = new GainNode(context, { gain: 0 });
  voice.connect(level).connect(microphone);
  voice.start();
  window.say = (loud, seconds) => {
    level.gain.setValueAtTime(loud, context.currentTime + 0.2);
    level.gain.setValueAtTime(0, context.currentTime + 0.2 + seconds);
  };
}
"""


@pytest.mark.timeout(600)
async def test_a_spoken_conversation_over_webrtc() -> None:
    bundle = bundled()
    script = UserScript(tuple(turn for turn in TURNS.values() for _ in range(ALIKE)))
    levels = {name: 0.1 + (ALIKE * place + ALIKE // 2) / 512 for place, name in enumerate(TURNS)}
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=answer)
    told = Told()
    async with duplex.serve(port=0, engines=made) as serving, chromium(None) as browser:
        address, _, token = serving.url.partition("#token=")
        async with session(browser, bundle, address, token, told) as page:
            await page.evaluate(VOICE)

            async def say(name: str) -> None:
                turn = TURNS[name]
                await page.evaluate(
                    "([loud, seconds]) => say(loud, seconds)", [CODEC * levels[name], turn.end - turn.start + 0.5]
                )

            await converse(say, lambda: page.evaluate("() => session.interrupt()"), told, STEPS)
    check_requests(answerer.requests)

"""The conversation of the programs of tests/clients with scripted engines: a tool call, an interruption, a cancel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import duplex
from duplex.models.interaction.contract import Request
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.wire import Outbox
from duplex.streaming.resample import resample
from duplex.testing import Answer
from duplex.testing.fakes import UserScript, UserSpeech
from tests.clients.spoken import Told, converse
from tests.duplex.page.browser import chromium
from tests.duplex.serving.realtime.in_chromium import session
from tests.duplex.serving.realtime.programs import Command, run
from tests.duplex.serving.realtime.test_client_tools import Caller
from tests.duplex.serving.scripted import engines

TURNS = {
    "weather": UserSpeech(0.2, 1.2, "how is the weather"),
    "story": UserSpeech(2.2, 3.0, "tell me a story"),
    "stop": UserSpeech(4.2, 5.0, "stop that please"),
}
STEPS: list[list[Any]] = [
    ["say", "weather"],
    ["until", "tool"],
    ["until", "said", "it rains"],
    ["say", "story"],
    ["until", "said", "once"],
    ["sleep", 1.0],
    ["forget"],
    ["say", "stop"],
    ["until", "interrupted"],
    ["until", "said", "all right"],
    ["sleep", 1.0],
    ["forget"],
    ["say", "story"],
    ["until", "said", "once"],
    ["sleep", 0.5],
    ["forget"],
    ["cancel"],
    ["until", "done"],
]
STORY = "once upon a time there was a very long story about a fox who lived in a wood with no name at all."

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


async def by_program(there: Command, folder: Path) -> None:
    """folder: for its turns."""
    script = _record(folder)
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=_answer)
    async with duplex.serve(port=0, engines=made) as serving:
        address, _, token = serving.url.partition("#token=")
        await run(there, address, token, folder, STEPS)
    _check(answerer.requests)


async def by_chromium(bundle: Path) -> None:
    """bundle: see in_chromium."""
    script = UserScript(tuple(turn for turn in TURNS.values() for _ in range(ALIKE)))
    levels = {name: 0.1 + (ALIKE * place + ALIKE // 2) / 512 for place, name in enumerate(TURNS)}
    made = engines(list(script.sounds))
    answerer = made.answerer = Caller(choose=_answer)
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
    _check(answerer.requests)


@dataclass
class Exercised:
    """How often each type of event was sent by clients, and to them. errors: what `error` events said."""

    sent: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    errors: list[Any] = field(default_factory=list)


@contextmanager
def exercised() -> Iterator[Exercised]:
    """Of the servers in this process."""
    found = Exercised()
    take, put = Conversation.take, Outbox.put

    async def taken(self: Conversation, event: Any) -> None:
        found.sent[event["type"]] += 1
        await take(self, event)

    def said(self: Outbox, type: str, **fields: Any) -> None:
        found.told[type] += 1
        if type == "error":
            found.errors.append(fields["error"])
        put(self, type, **fields)

    Conversation.take, Outbox.put = taken, said  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Conversation.take, Outbox.put = take, put  # type: ignore[method-assign]


def _answer(request: Request) -> Answer:
    return Answer(STORY if "story" in request.text else "all right.")


def _check(requests: list[Request]) -> None:
    """What was asked of the answerer, and that it was told what was heard of the story, and no more."""
    spoken = ["how is the weather", "tell me a story", "stop that please", "tell me a story"]
    assert [request.text for request in requests][-4:] == spoken
    heard = requests[-2].history[-1].text
    assert STORY.startswith(heard.rstrip("… ")) and 3 <= len(heard.split()) < len(STORY.split()), heard


def _record(folder: Path) -> UserScript:
    """Writes the turns as files, each with a little silence around it."""
    script = UserScript(tuple(TURNS.values()))
    levels = np.abs(script.audio())
    for name, turn in TURNS.items():
        piece = levels[round((turn.start - 0.1) * 16_000) : round((turn.end + 0.1) * 16_000)]
        whole = (np.clip(resample(piece, 16_000, 24_000), -1, 1) * 32767).astype("<i2")
        (folder / f"{name}.pcm").write_bytes(whole.tobytes())
    return script

"""Tools in a session: a call is told of, announced when it is slow, and never holds up the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import duplex
from duplex.conversation.tool_log import ToolLog
from duplex.conversation.typed import TypedConversation
from duplex.events import Event, Remembered, ToolCalled, ToolReturned
from duplex.models.interaction import remembering
from duplex.models.interaction.contract import CallBegun, CallEnded, Control, Request, Say
from duplex.models.interaction.percepts import ToolResult
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.tools.rounds import ONE_MOMENT, Rounds
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import WantedCall
from duplex.testing import VirtualClock


@duplex.tool
def slow_look() -> str:
    """Blocks its thread, as a careless tool does."""
    time.sleep(1.6)
    return "Found it."


class Calling:
    """An answerer that calls the tool in answer to "look", and says what it gave."""

    name = "calling"

    def __init__(self) -> None:
        self.toolbox = Toolbox([slow_look])

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        if "look" not in request.text:
            yield Say("All right then.")
            return
        rounds = Rounds(self.toolbox, request)
        async with aclosing(rounds.carry_out([WantedCall("a", "slow_look", "{}")], spoke=False)) as items:
            async for item in items:
                yield item
        yield Say(rounds.said)

    async def close(self) -> None:
        await self.toolbox.close()


async def test_a_typed_turn_that_calls_a_tool_is_in_the_log() -> None:
    events: list[Event] = []
    conversation = TypedConversation(Skills(), emit=events.append, clock=VirtualClock())
    assert [piece async for piece in conversation.answer("set a timer for ten minutes")] == [
        "Timer set for ten minutes."
    ]
    called, returned = (event for event in events if isinstance(event, ToolCalled | ToolReturned))
    assert called.as_dict()["arguments"] == {"seconds": 600.0, "label": ""}
    assert (called.tool, called.turn, called.call, returned.call) == ("set_timer", 1, 1, 1)
    assert not returned.failed


async def test_what_memory_was_used_is_in_the_log(tmp_path) -> None:
    events: list[Event] = []
    answerer = remembering(Skills(), tmp_path / "notes.sqlite")
    conversation = TypedConversation(answerer, emit=events.append, clock=VirtualClock())
    for text in ("remember that my bike is in the shed", "tell me a joke", "where is my bike", "forget about my bike"):
        assert [piece async for piece in conversation.answer(text)]
    await answerer.close()
    note = "my bike is in the shed"
    assert [(each.turn, each.kept, each.used, each.forgotten) for each in events if isinstance(each, Remembered)] == [
        (1, [note], [], []),
        (3, [], [note], []),
        (4, [], [], [note]),
    ]


async def test_a_slow_tool_is_announced_and_the_loop_stays_free() -> None:
    conversation = TypedConversation(Calling())
    late, last = 0.0, time.monotonic()
    said: list[str] = []

    async def read() -> None:
        said.extend([piece async for piece in conversation.answer("look")])

    reading = asyncio.create_task(read())
    while not reading.done():
        await asyncio.sleep(0.01)
        late, last = max(late, time.monotonic() - last), time.monotonic()
    assert said == [f"{ONE_MOMENT} ", "Found it."]
    assert late < 1.0, "the tool blocks its own thread for 1.6 s, and not the loop"


def test_a_result_that_comes_too_late_is_a_percept() -> None:
    events: list[Event] = []
    percepts: list[ToolResult] = []
    now = [16000]
    report = ToolLog(events.append, lambda: now[0], percepts.append).of_turn(3)
    report(CallBegun("x", "slow_look", {}))
    now[0] = 32000
    report(CallEnded("x", "slow_look", "Found it.", late=True))
    assert events == [
        ToolCalled(16000, 16000, 1, 3, "slow_look", {}),
        ToolReturned(16000, 32000, 1, "slow_look", "Found it.", late=True),
    ]
    assert percepts == [ToolResult(2.0, 1.0, 2.0, "slow_look", "Found it.")]

"""The user's own tools and those of MCP servers, called without a language model."""

from __future__ import annotations

import asyncio
import dataclasses
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.conversation.typed import TypedConversation
from duplex.models.interaction import load_answerer
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.tools.by_rule.caller import RuleCaller
from duplex.models.interaction.tools.by_rule.matching import wanted
from duplex.models.interaction.tools.mcp_servers import McpServers
from duplex.models.interaction.tools.tool import Tool
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.streaming.clock import VirtualClock
from tests.models.interaction.asking import SUNDAY, request


def set_light(room: str, on: bool) -> str:
    """Switch the light of a room."""
    return f"The {room} is {'lit' if on else 'dark'}."


def get_weather(city: str) -> dict[str, Any]:
    """Tell the weather in a city."""
    return {"city": city, "sky": "clear", "degrees": 21.5, "warnings": []}


def send_message(recipient: str, text: str) -> str:
    """Send a message to somebody."""
    return f"Sent to {recipient}: {text}."


def set_thermostat(degrees: float, room: Literal["living_room", "kitchen"] = "living_room", hours: int = 0) -> None:
    """Set the temperature of a room."""


def close_window() -> None:
    """Close the window."""


def book_table(people: int, time: str, day: str = "") -> str:
    """Book a table.

    time: as HH:MM
    day: as YYYY-MM-DD
    """
    return f"{people} at {time}"


TOOLS = [Tool.of(tool) for tool in (set_light, get_weather, set_thermostat, close_window, book_table)]
TOOLS.append(Tool.of(send_message, destructive=True))


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("turn on the kitchen light", "set_light", {"room": "kitchen", "on": True}),
        (
            "Could you switch off the lights in the living room, please?",
            "set_light",
            {"room": "living room", "on": False},
        ),
        ("What's the weather like in New York today?", "get_weather", {"city": "New York"}),
        (
            "set the temperature in the kitchen to twenty one and a half",
            "set_thermostat",
            {"room": "kitchen", "degrees": 21.5},
        ),
        (
            "set the thermostat to nineteen degrees for two hours",
            "set_thermostat",
            {"degrees": 19.0, "hours": 2},
        ),
        ("close the window", "close_window", {}),
        (
            "book a table for two people at half past seven pm on friday",
            "book_table",
            {"people": 2, "time": "19:30", "day": "2026-11-27"},
        ),
        ("text Anna that I will be late", "send_message", {"recipient": "Anna", "text": "I will be late"}),
    ],
)
def test_a_request_is_a_call(text, tool, arguments):
    found = wanted(text, TOOLS, SUNDAY)
    assert found is not None
    assert (found.tool.name, found.arguments, found.missing) == (tool, arguments, [])
    found.tool.check(found.arguments)


@pytest.mark.parametrize(
    "text",
    [
        "open the window",
        "do not close the window",
        "did you close the window",
        "the light in the kitchen is nice",
        "what is the speed of light",
        "I closed the window and went home",
        "I sent a message to Anna",
        "who turned on the light",
        "why is the weather always so bad on weekends in spring when everybody wants to go out and have some fun",
        "my window is broken",
        "",
    ],
)
def test_what_is_no_request_calls_nothing(text):
    assert wanted(text, TOOLS, SUNDAY) is None


async def talk(skills: Any, *turns: str) -> list[str]:
    conversation = TypedConversation(skills, clock=VirtualClock(), wall_time=SUNDAY)
    return ["".join([piece async for piece in conversation.answer(turn)]) for turn in turns]


async def test_what_is_missing_is_asked_for_and_only_the_answer_to_it_is_taken():
    skills = Skills(toolbox=Toolbox(TOOLS))
    assert await talk(skills, "what's the weather like", "in Berlin") == [
        "For which city?",
        "Sky clear, degrees 21.5.",
    ]
    assert (await talk(skills, "what's the weather like", "what time is it", "Berlin"))[1] == "It is 2:31 PM."
    assert await talk(skills, "turn the light on", "never mind", "kitchen") == [
        "For which room?",
        "All right.",
        "What about kitchen?",
    ]
    await skills.close()


async def test_a_destructive_one_runs_only_after_a_yes():
    skills = Skills(toolbox=Toolbox(TOOLS))
    question = "Send message: Anna, I will be late. Shall I?"
    assert await talk(skills, "text Anna that I will be late", "no") == [question, "All right, I leave it."]
    assert await talk(skills, "text Anna that I will be late", "yes") == [question, "Sent to Anna: I will be late."]
    await skills.close()


async def test_beside_what_a_skill_does():
    skills = Skills(toolbox=Toolbox(TOOLS))
    assert await talk(skills, "set a timer for ten minutes and turn on the kitchen light") == [
        "Timer set for ten minutes. The kitchen is lit."
    ]
    await skills.close()


async def test_a_tool_that_fails_is_one_sentence():
    def close_window() -> None:
        """Close the window."""
        raise RuntimeError("secret")

    skills = Skills(toolbox=Toolbox([close_window]))
    assert await talk(skills, "close the window") == ["Close window did not work (RuntimeError)."]
    await skills.close()


async def test_tools_of_the_settings_need_no_model():
    answerer = load_answerer(tools=[set_light])
    assert await talk(answerer, "turn on the kitchen light") == ["The kitchen is lit."]
    await answerer.close()


def test_what_was_badly_heard_calls_nothing():
    skills = Skills(toolbox=Toolbox(TOOLS))
    asked = request("turn on the kitchen light", confidence=0.3)
    assert asyncio.run(_answer(skills, asked)) != "The kitchen is lit."


async def _answer(skills: Skills, asked: Any) -> str:
    return "".join([getattr(item, "text", "") async for item in skills.answer(asked)])


SPOKEN = "turn on the light in kitchen off weather what is set to 21 for two hours send Anna that table at seven pm"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SPOKEN.split()), max_size=12))
def test_whatever_is_said_the_arguments_fit_the_schema(words):
    found = wanted(" ".join(words), TOOLS, SUNDAY)
    if found is not None and not found.missing:
        found.tool.check(found.arguments)


@pytest.mark.slow
async def test_tools_of_a_server_as_it_is():
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    command = shutil.which("mcp-server-time", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("mcp-server-time is not installed")
    servers = McpServers([f"{shlex.quote(command)} --local-timezone UTC"], starts_within=120.0)
    toolbox = Toolbox(servers.tools, closing=servers.close)
    caller = RuleCaller(toolbox)
    call = caller.wanted(request("what time is it in Tokyo"))
    assert call is not None
    assert (call.tool.name, call.arguments) == ("get_current_time", {"timezone": "Asia/Tokyo"})
    said = "".join(
        [getattr(item, "text", "") async for item in caller.answer(call, request("what time is it in Tokyo"))]
    )
    assert " on " in said, said
    assert "{" not in said
    skills = Skills(toolbox=toolbox)
    converted = await talk(skills, "convert 3 pm from Berlin to New York")
    assert converted[0].startswith(("9 AM on ", "10 AM on ")), converted
    assert (await talk(skills, "what time is it in Tokyo"))[0].startswith("In Tokyo it is "), (
        "the built-in tool comes first"
    )
    await skills.close()


@dataclasses.dataclass
class Place:
    street: str


def visit(place: Place) -> None:
    """Visit a place."""


def test_what_nobody_says_in_a_sentence_is_left_to_a_model():
    assert wanted("visit the place", [Tool.of(visit)], SUNDAY) is None

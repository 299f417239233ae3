"""Tools that nobody wrote rules for, called without a language model: recall on what asks for them, and false calls.

    python -m tests.benchmarks.foreign_tools

Recall: the wordings of tests/data/tools/foreign.txt, by halves ("mended": rules were mended on it; "held-out": only
counted). False calls: the everyday turns of tests.benchmarks.open_questions and the wordings of the built-in tools,
with all the tools here on offer; those turns that do ask for one of them are told apart (EXPECTED).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

from duplex.models.interaction.contract import CallBegun, Say
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.tool import Tool
from duplex.models.interaction.tools.toolbox import Toolbox
from tests.benchmarks.open_questions import TURNS
from tests.benchmarks.report import table
from tests.benchmarks.spoken_tools import WORDINGS, Wording, asked, wordings

EXPECTED = {
    "what's the weather like",
    "play some music",
    "turn on the lights",
    "book a table for two",
    "open the garage door",
    "translate good morning into Spanish",
    "will it rain tomorrow",
}
"""Everyday turns that ask for one of the tools here."""
_ROOMS = Literal["living_room", "bedroom", "kitchen"]


def set_light(room: str, on: bool) -> str:
    """Switch the light of a room."""
    return f"The {room} is {'lit' if on else 'dark'}."


def get_weather(city: str) -> str:
    """Tell what the weather is like in a city."""
    return f"It is sunny in {city}."


def play_music(song: str = "") -> str:
    """Play a song or any music."""
    return f"I play {song or 'something'}."


def send_message(recipient: str, text: str) -> str:
    """Send a text message to somebody."""
    return f"Sent to {recipient}: {text}."


def set_thermostat(degrees: float, room: _ROOMS = "living_room") -> dict[str, Any]:
    """Set the temperature of a room."""
    return {"room": room, "degrees": degrees}


def open_garage() -> None:
    """Open the garage door."""


def book_table(people: int, time: str) -> str:
    """Book a table at the restaurant.

    time: as HH:MM
    """
    return f"A table for {people} at {time}."


def translate_text(text: str, language: str) -> str:
    """Translate a text into another language."""
    return f"{text} in {language}"


def add_event(title: str, date: str) -> str:
    """Put an event on the calendar.

    date: as YYYY-MM-DD
    """
    return f"{title} on {date}."


def stock_price(company: str) -> float:
    """The price of a share."""
    return 12.5


def start_robot(mode: Literal["quiet", "normal", "turbo"] = "normal") -> None:
    """Start the vacuum cleaner."""


def feed_fish() -> None:
    """Give the fish their food."""


def convert_time(source_timezone: str, time: str, target_timezone: str) -> str:
    """Convert time between timezones.

    source_timezone: IANA timezone name
    time: 24-hour format (HH:MM)
    target_timezone: IANA timezone name
    """
    return f"{time} in {source_timezone}, {target_timezone}"


FUNCTIONS = (
    *(set_light, get_weather, play_music, send_message, set_thermostat, open_garage, book_table, translate_text),
    *(add_event, stock_price, start_robot, feed_fish, convert_time),
)


def outcome(text: str) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """(the calls of these tools, what is said) in answer to a turn."""
    toolbox = Toolbox(map(Tool.of, FUNCTIONS))
    told: list[Any] = []
    names = {tool.name for tool in toolbox}

    async def answer() -> str:
        skills = Skills(toolbox=toolbox)
        return "".join(
            [item.text async for item in skills.answer(asked(text, report=told.append)) if isinstance(item, Say)]
        )

    said = asyncio.run(answer())
    return [
        (each.tool, dict(each.arguments)) for each in told if isinstance(each, CallBegun) and each.tool in names
    ], said


def right(wording: Wording) -> tuple[bool, bool, str]:
    """(the tool is called, with the right arguments, what happened)."""
    called, said = outcome(wording.text)
    tool = len(called) == 1 and called[0][0] == wording.tool
    return tool, tool and _plain(called[0][1]) == _plain(wording.arguments), f"{called or said}"


def _plain(arguments: dict[str, Any]) -> str:
    return plain(json.dumps(arguments, sort_keys=True))


def false_calls(turns: Sequence[str]) -> list[str]:
    """A line for each turn that calls one of the tools, or is asked for its arguments."""
    without, lines = Skills(), []
    for turn in turns:
        called, said = outcome(turn)
        plainly = asyncio.run(_said(without, turn))
        if called or said != plainly:
            lines.append(f"{turn!r} → {called or said}")
    return lines


async def _said(skills: Skills, turn: str) -> str:
    return "".join([item.text async for item in skills.answer(asked(turn)) if isinstance(item, Say)])


def main() -> int:
    asked_for = [*wordings(WORDINGS.with_name("foreign.txt"))]
    results = [(wording, *right(wording)) for wording in asked_for]
    rows = []
    for name, group in (
        *((tool, [r for r in results if r[0].tool == tool]) for tool in dict.fromkeys(w.tool for w in asked_for)),
        ("mended", [r for r in results if not r[0].held_out]),
        ("held-out", [r for r in results if r[0].held_out]),
        ("all", results),
    ):
        rows.append([name, len(group), sum(r[1] for r in group), sum(r[2] for r in group)])
    print(table(["tool", "n", "called", "and arguments"], rows))
    for wording, _, whole, what in results:
        if not whole:
            print(f"    {wording.text!r} → {what}")
    everyday = [turn for turns in TURNS.values() for turn in turns]
    for name, turns in (
        ("everyday turns", [turn for turn in everyday if turn not in EXPECTED]),
        ("wordings of built-in tools", [wording.text for wording in wordings()]),
    ):
        lines = false_calls(turns)
        print(f"false calls in {name}: {len(lines)} of {len(turns)}", *lines, sep="\n    ")
    return 0


if __name__ == "__main__":
    sys.exit(main())

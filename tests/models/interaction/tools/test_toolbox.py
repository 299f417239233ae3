"""Calls: checked, limited, asked back where they destroy, and nothing of a failure is told but one line."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import duplex
from duplex.models.interaction.contract import CallBegun, CallEnded
from duplex.models.interaction.tools.running import MOST_CHARACTERS
from duplex.models.interaction.tools.toolbox import MOST_RUNNING, Toolbox
from duplex.streaming.errors import SettingsError
from tests.models.interaction.asking import heard, request

SECRET = "sk-hidden-0123456789"


@duplex.tool
def set_light(room: str, on: bool = True) -> str:
    """Switch a light."""
    return f"The {room} is {'lit' if on else 'dark'}."


@duplex.tool
async def fetch_door() -> dict[str, bool]:
    await asyncio.sleep(0)
    return {"open": True}


@duplex.tool
def leaks() -> None:
    print(SECRET)
    raise RuntimeError(SECRET)


@duplex.tool
def refuses() -> None:
    raise duplex.ToolError("The door is locked.")


@duplex.tool
async def leaves() -> None:
    raise SystemExit(3)


@duplex.tool(time_limit=0.05)
def hangs() -> None:
    time.sleep(1.0)


@duplex.tool
def long_text() -> str:
    return "x" * (MOST_CHARACTERS + 1)


@duplex.tool
def unspeakable() -> Any:
    return threading.Lock()


@duplex.tool
def endless() -> Iterator[int]:
    raise StopIteration


@dataclass
class Parcel:
    weight: float


@duplex.tool
def parcel() -> Parcel:
    return Parcel(1.5)


@duplex.tool(destructive=True, ask="Shall I delete the folder {name}?")
def delete_folder(name: str) -> str:
    DELETED.append(name)
    return f"{name} is deleted."


DELETED: list[str] = []
ALL = [set_light, fetch_door, leaks, refuses, leaves, hangs, long_text, unspeakable, endless, parcel, delete_folder]


async def call(name: str, arguments: Any = "{}", box: Toolbox | None = None, **fields: Any):
    return await (box or Toolbox(ALL)).call(name, arguments, request("do it", **fields))


async def test_sync_and_async_functions_are_called() -> None:
    outcome = await call("set_light", '{"room": "kitchen", "on": false}')
    assert (outcome.told, outcome.said, outcome.failed) == ("The kitchen is dark.",) * 2 + (False,)
    outcome = await call("fetch_door")
    assert json.loads(outcome.told) == {"open": True}
    assert outcome.said == ""
    assert json.loads((await call("parcel")).told) == {"weight": 1.5}


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("set_light", "{", "no JSON"),
        ("set_light", "[]", "no JSON object"),
        ("set_light", '{"room": NaN}', "no number of JSON"),
        ("set_light", "{}", "room is missing"),
        ("set_lite", "{}", "there is no tool 'set_lite'; there are set_light"),
        ("set_light", "[" * 100_000, "no JSON"),
    ],
)
async def test_invalid_arguments_are_told_to_the_model(name: str, arguments: str, told: str) -> None:
    outcome = await call(name, arguments)
    assert outcome.invalid
    assert told in outcome.told
    assert len(outcome.told) < 400


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("leaks", "Leaks did not work (RuntimeError)."),
        ("refuses", "The door is locked."),
        ("leaves", "Leaves did not work (SystemExit)."),
        ("hangs", "Hangs gave no result within 0.05 seconds."),
        ("unspeakable", "The result is a lock, which cannot be told."),
        ("endless", "Endless did not work (RuntimeError)."),
    ],
)
async def test_a_failure_is_one_line_without_secrets(name: str, line: str) -> None:
    events: list[Any] = []
    outcome = await call(name, report=events.append)
    assert (outcome.failed, outcome.said, outcome.told) == (True, line, f"error: {line}")
    assert SECRET not in repr(events)
    assert "Traceback" not in repr(events)
    assert [type(event) for event in events] == [CallBegun, CallEnded]
    assert events[1].failed


async def test_a_long_result_is_cut() -> None:
    outcome = await call("long_text")
    assert outcome.told.endswith(f"… (cut; {MOST_CHARACTERS + 1} characters in all)")
    assert len(outcome.told) < MOST_CHARACTERS + 50


QUESTION = "Shall I delete the folder letters?"


async def ask_then(answer: str, *, between: tuple = (), party: str = "user", cut: str = QUESTION):
    DELETED.clear()
    box = Toolbox(ALL)
    asked = await call("delete_folder", '{"name": "letters"}', box)
    assert (asked.asked, asked.said, DELETED) == (True, QUESTION, [])
    history = heard(("user", "tidy up", 90), ("assistant", f"Well. {cut}", 95), *between)
    return await box.answered(request(answer, history=history, party=party)), box


@pytest.mark.parametrize("answer", ["yes", "Yes, please do it.", "okay go ahead", "Sure. Thanks."])
async def test_what_destroys_runs_after_a_yes(answer: str) -> None:
    outcome, box = await ask_then(answer)
    assert (DELETED, outcome.said) == (["letters"], "letters is deleted.")
    assert await box.answered(request("yes")) is None, "one yes is for one call"


@pytest.mark.parametrize("answer", ["no", "No, leave it.", "never mind", "stop"])
async def test_after_a_no_it_does_not(answer: str) -> None:
    outcome, _ = await ask_then(answer)
    assert (DELETED, outcome.said) == ([], "All right, I leave it.")


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ("what is the weather", {}),
        ("yes but not the letters", {}),
        ("thank you", {}),
        ("", {}),
        ("yes", {"party": "ann"}),
        ("yes", {"cut": "Shall I delete"}),
        ("yes", {"between": (("user", "how late is it", 97), ("assistant", "It is ten.", 99))}),
    ],
)
async def test_anything_else_is_no_yes(answer: str, fields: dict[str, Any]) -> None:
    outcome, box = await ask_then(answer, **fields)
    assert (outcome, DELETED) == (None, [])
    history = heard(("assistant", QUESTION, 95))
    assert await box.answered(request("yes", history=history)) is None, "a later yes is for something else"


async def test_a_call_that_is_given_up_ends_beside_and_says_so() -> None:
    may_end = asyncio.Event()

    @duplex.tool
    async def slow() -> str:
        await may_end.wait()
        return "late news"

    told: asyncio.Queue[Any] = asyncio.Queue()
    box = Toolbox([slow])
    calling = asyncio.create_task(box.call("slow", "{}", request("x", report=told.put_nowait)))
    assert isinstance(await told.get(), CallBegun)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    may_end.set()
    ended = await told.get()
    assert (ended.text, ended.late) == ("late news", True)
    await box.close()


async def test_calls_that_hang_are_not_piled_up() -> None:
    @duplex.tool
    async def waits() -> None:
        await asyncio.sleep(60)

    box = Toolbox([waits])
    calls = [asyncio.create_task(box.call("waits", "{}", request("x"))) for _ in range(MOST_RUNNING)]
    await asyncio.sleep(0.01)
    assert "too many" in (await box.call("waits", "{}", request("x"))).told
    await box.close()
    await asyncio.gather(*calls, return_exceptions=True)
    assert all(each.done() for each in calls)


def test_names_are_unique_and_names() -> None:
    with pytest.raises(SettingsError, match="two tools named 'set_light'"):
        Toolbox([set_light, set_light])

    @duplex.tool(name="a b")
    def spaced() -> None: ...

    with pytest.raises(SettingsError, match="'a b'"):
        Toolbox([spaced])


def test_a_small_context_is_offered_fewer_tools() -> None:
    box = Toolbox(ALL)
    assert len(box.offered(100_000)) == len(ALL)
    assert 0 < len(box.offered(1000)) < len(ALL)

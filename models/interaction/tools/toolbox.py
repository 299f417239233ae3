"""The tools of a conversation: calls are checked, asked back, limited and told of."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from duplex.models.interaction.contract import CallBegun, CallEnded, Control, Report, Request, Say
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.result_text import worded
from duplex.models.interaction.tools.running import as_text, next_call, run_limited, spoken_name
from duplex.models.interaction.tools.tool import Context, InvalidArguments, Tool, ToolError
from duplex.models.turn_taking.consent import is_no, is_yes
from duplex.streaming.errors import SettingsError

MOST_RUNNING = 8
"""Calls at once, those that were given up and still work among them."""

DIALOGUES = 64
"""Dialogues whose open question is kept."""

CHARACTERS_PER_TOKEN = 3
"""Of JSON, at least."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call.

    told: for a model. said: for the user; empty where only a model can word it. asked: the user has been asked first,
    and `said` is the question. invalid: the arguments did not fit, so that the model may try again.
    """

    tool: str
    told: str
    said: str = ""
    controls: tuple[Control, ...] = ()
    failed: bool = False
    invalid: bool = False
    asked: bool = False

    def items(self, arguments: Mapping[str, Any] | None = None) -> tuple[Say | Control, ...]:
        """What the session does and says of it where no model words it. arguments: those of the call."""
        return (*self.controls, Say(self.said or worded(self.told, arguments or {})))


@dataclass(slots=True)
class _Running:
    """waited_for: whether the answer that it is for is still being made."""

    tool: Tool
    begun: CallBegun
    request: Request
    report: Report
    waited_for: bool = True


@dataclass(frozen=True, slots=True)
class _Asked:
    tool: Tool
    arguments: Mapping[str, Any]
    party: str
    question: str


class Toolbox:
    """tools: Tools, or functions that become such. A destructive one runs only after the user has said yes.

    lost: one line for each tool or server of tools that could not be had. closing: ends the servers. Raises
    SettingsError for a name that is none or comes twice.
    """

    def __init__(
        self,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        lost: Iterable[str] = (),
        closing: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.lost = [*lost]
        self._closing = closing
        self._tools: dict[str, Tool] = {}
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._running: dict[asyncio.Task[Any], Tool] = {}
        for each in tools:
            made = Tool.of(each)
            if not NAME.fullmatch(made.name):
                raise SettingsError(f"tool {made.name!r}: a name has letters, digits, _ and -, at most 64")
            if made.name in self._tools:
                raise SettingsError(f"there are two tools named {made.name!r}; give one another name")
            self._tools[made.name] = made

    def __bool__(self) -> bool:
        return bool(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def of(self, request: Request) -> Toolbox:
        """With the tools of the request's conversation, which come first, or with those alone if one must be called."""
        own = {tool.name: tool for tool in request.tools}
        if request.must_call:
            return self._with(own)
        return self._with({**own, **{name: tool for name, tool in self._tools.items() if name not in own}})

    def without(self, names: Collection[str]) -> Toolbox:
        """With the others."""
        return self._with({name: tool for name, tool in self._tools.items() if name not in names})

    def quiet(self, name: str) -> bool:
        """Whether a slow call of this tool is not to be announced."""
        return name in self._tools and self._tools[name].remote

    def offered(self, context_tokens: int) -> list[dict[str, Any]]:
        """The tools as chat models are told of them, the first ones, at most a quarter of the model's context."""
        room = context_tokens * CHARACTERS_PER_TOKEN // 4
        told = []
        for tool in self._tools.values():
            room -= len(json.dumps(tool.schema))
            if room < 0:
                break
            told.append(tool.schema)
        return told

    async def call(self, name: str, arguments: str | Mapping[str, Any], request: Request) -> Outcome:
        """Calls a tool as a model asks for it; arguments: JSON, as text or read. Never raises.

        Cancelled (a barge-in), the tool works on to its time limit, and its end is reported as late.
        """
        try:
            tool = self._named(name)
            given = _read(name, arguments)
            tool.check(given)
        except InvalidArguments as error:
            return Outcome(name, f"error: {error}", "I could not work that out.", failed=True, invalid=True)
        if tool.destructive:
            question = _question(tool, given)
            self._asked[request.dialogue] = _Asked(tool, given, request.party, question)
            self._asked.move_to_end(request.dialogue)
            while len(self._asked) > DIALOGUES:
                self._asked.popitem(last=False)
            return Outcome(name, "not done: the user is asked first", question, asked=True)
        return await self._run(tool, given, request)

    async def answered(self, request: Request) -> Outcome | None:
        """What comes of the turn if it answers the question of the turn before; None if it does not, or none was asked.

        Only a yes that the same person says right after the question was heard runs the tool.
        """
        asked = self._asked.pop(request.dialogue, None)
        if asked is None or asked.party != request.party:
            return None
        last = request.history[-1] if request.history else None
        heard = last is not None and last.party == "assistant" and plain(asked.question) in plain(last.text)
        if heard and is_no(request.text):
            return Outcome(asked.tool.name, "the user said no", "All right, I leave it.")
        return await self._run(asked.tool, asked.arguments, request) if heard and is_yes(request.text) else None

    def forget(self, dialogue: str) -> None:
        """The conversation is over."""
        self._asked.pop(dialogue, None)

    async def close(self) -> None:
        """Ends what still runs."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._closing is not None:
            await self._closing()

    def _with(self, tools: dict[str, Tool]) -> Toolbox:
        """Other tools; what runs, and what the user was asked, is shared."""
        made = copy.copy(self)
        made._tools = tools
        return made

    def _named(self, name: str) -> Tool:
        if name not in self._tools:
            raise InvalidArguments(f"there is no tool {name!r}; there are {', '.join(self._tools) or 'none'}")
        return self._tools[name]

    async def _run(self, tool: Tool, arguments: Mapping[str, Any], request: Request) -> Outcome:
        here = sum(not each.remote for each in self._running.values())
        if not tool.remote and here >= MOST_RUNNING:
            return Outcome(tool.name, "error: too many calls are running", "I am busy with other things.", failed=True)
        report = request.report or (lambda event: None)
        running = _Running(tool, CallBegun(next_call(), tool.name, arguments), request, report)
        report(running.begun)
        task = asyncio.create_task(self._work(running))
        self._running[task] = tool
        task.add_done_callback(self._running.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            running.waited_for = False
            raise

    async def _work(self, running: _Running) -> Outcome:
        tool, begun = running.tool, running.begun
        context = Context(running.request)
        try:
            result = await run_limited(tool, begun.arguments, context)
            outcome = Outcome(tool.name, as_text(result), tool.said(result), tuple(context.controls))
        except ToolError as error:
            outcome = Outcome(tool.name, f"error: {error}", str(error), failed=True)
        text = outcome.said or outcome.told
        running.report(CallEnded(begun.call, tool.name, text, outcome.failed, late=not running.waited_for))
        return outcome


def _read(name: str, arguments: str | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(arguments, str):
        return dict(arguments)
    try:
        given = json.loads(arguments or "{}", parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise InvalidArguments(f"{name}: the arguments are no JSON: {str(error)[:100]}") from None
    if not isinstance(given, dict):
        raise InvalidArguments(f"{name}: the arguments are no JSON object")
    return given


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _question(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """What the user is asked before a destructive call."""
    if tool.ask is None:
        values = ", ".join(str(value) for value in arguments.values() if value not in ("", None))
        return f"{spoken_name(tool.name)}{f': {values}' if values else ''}. Shall I?"
    properties = tool.parameters.get("properties", {})
    known = {name: schema.get("default", "") for name, schema in properties.items()} | dict(arguments)
    try:
        return " ".join(tool.ask.format_map(known).split())
    except (KeyError, IndexError, ValueError):
        return tool.ask

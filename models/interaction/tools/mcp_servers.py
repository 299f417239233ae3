"""Tools of MCP servers (Model Context Protocol, modelcontextprotocol.io), through the official SDK.

The servers live on a thread with an event loop of its own: one that hangs or floods its pipe holds up nothing else. A
command gets the SDK's small environment, without the variables of this process that may hold keys.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import shutil
import threading
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TextIO

from duplex.models.interaction.tools.json_schema import BrokenSchema, resolved
from duplex.models.interaction.tools.tool import Tool, ToolError
from duplex.streaming.errors import first_line

STARTS_WITHIN = 30.0
"""Seconds in which a server has to list its tools; a command may have to fetch itself first."""

ENDS_WITHIN = 4.0
"""Seconds after which a server that does not end is left behind; the SDK kills its process."""

CALL_LIMIT = 30.0
"""Seconds of a call."""

MOST_TOOLS = 64
"""Of one server: a language model's context holds no more of them."""

MOST_PAGES = 20
LONGEST_DESCRIPTION = 400
"""Characters."""


@dataclass(slots=True)
class _Server:
    line: str
    session: Any = None
    tools: list[Any] = field(default_factory=list)
    trouble: str = ""
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """What it is called in messages and, where names clash, before its tools' names."""
        if self.line.startswith(("http://", "https://")):
            return self.line.partition("://")[2].partition("/")[0]
        return os.path.basename(self.line.split()[0])


class McpServers:
    """lines: of each server its command with arguments, or its address. Blocks until all have listed their tools, at
    most STARTS_WITHIN seconds. tools: of all servers. lost: one line for each server, or part of one, that is missing.
    """

    def __init__(
        self, lines: Sequence[str], *, taken: Iterable[str] = (), starts_within: float = STARTS_WITHIN
    ) -> None:
        self.tools: list[Tool] = []
        self.lost: list[str] = []
        self._names = set(taken)
        self._servers = [_Server(line.strip()) for line in lines if line.strip()]
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._ended = threading.Event()
        self._starts_within = starts_within
        self._began = threading.Event()
        threading.Thread(target=self._work, name="mcp", daemon=True).start()
        self._began.wait()
        for server in self._servers:
            server.ready.wait(starts_within + 1.0)
            if not server.trouble and server.session is None:
                server.trouble = f"listed no tools within {starts_within:g} s"
            if server.trouble:
                self.lost.append(f"MCP server {server.name}: {server.trouble}")
            else:
                self._take(server)

    async def close(self) -> None:
        """Ends the servers and their processes."""
        self._loop.call_soon_threadsafe(self._ending.set)
        waited = 0.0
        while not self._ended.is_set() and waited < ENDS_WITHIN + 1.0:  # a thread ends it
            await asyncio.sleep(0.02)
            waited += 0.02

    def _work(self) -> None:
        missing = _import_sdk()
        self._began.set()
        for server in self._servers if missing else ():
            server.trouble = missing
            server.ready.set()
        try:
            self._loop.run_until_complete(self._serve_all())
        finally:
            self._ended.set()
            self._loop.close()

    async def _serve_all(self) -> None:
        tasks = [asyncio.create_task(self._serve(server)) for server in self._servers if not server.trouble]
        await self._ending.wait()
        if tasks:
            await asyncio.wait(tasks, timeout=ENDS_WITHIN)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, server: _Server) -> None:
        """Task: one server, from its start to its end."""
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._starts_within):
                    session = await _connected(server.line, stack)
                    server.tools = await _listed(session)
                server.session = session
                server.ready.set()
                await self._ending.wait()
        except TimeoutError:
            server.trouble = f"listed no tools within {self._starts_within:g} s"
        except BaseException as error:  # groups of the SDK's own tasks among them
            server.trouble = server.trouble or _reason(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            server.session = None
            server.ready.set()

    def _take(self, server: _Server) -> None:
        """The server's tools, under names that are none other's."""
        broken = []
        for told in server.tools[:MOST_TOOLS]:
            try:
                parameters = {"type": "object", "properties": {}, **resolved(told.inputSchema)}
                if parameters["type"] != "object":
                    raise BrokenSchema("its arguments are no object")
            except BrokenSchema as error:
                broken.append(f"{told.name} ({error})")
                continue
            self.tools.append(self._tool(server, told, parameters))
        if broken:
            named = f"{', '.join(broken[:3])}{' and others' if len(broken) > 3 else ''}"
            self.lost.append(f"MCP server {server.name}: left out for their broken schemas: {named}")
        if len(server.tools) > MOST_TOOLS:
            count = len(server.tools)
            self.lost.append(f"MCP server {server.name}: lists {count} tools; the first {MOST_TOOLS} are used")

    def _tool(self, server: _Server, told: Any, parameters: dict[str, Any]) -> Tool:
        name = _as_name(told.name)
        if name in self._names:
            name = _as_name(f"{server.name}_{told.name}")
        while name in self._names:
            name = f"{name[:60]}_2"
        self._names.add(name)

        async def call(**arguments: Any) -> Any:
            return await self._call(server, told.name, arguments)

        hints = told.annotations
        return Tool(
            name,
            " ".join((told.description or told.title or told.name).split())[:LONGEST_DESCRIPTION],
            parameters,
            call,
            destructive=bool(hints and hints.destructiveHint),
            time_limit=CALL_LIMIT,
        )

    async def _call(self, server: _Server, name: str, arguments: dict[str, Any]) -> str:
        session = server.session
        if session is None:
            raise ToolError(f"The MCP server {server.name} has ended.")
        calling = asyncio.run_coroutine_threadsafe(session.call_tool(name, arguments), self._loop)
        try:
            result = await asyncio.wrap_future(calling)
        except asyncio.CancelledError:
            calling.cancel()
            raise
        except Exception as error:
            raise ToolError(f"The MCP server {server.name} gave no result: {_reason(error)}.") from error
        text = "\n".join(part.text for part in result.content if getattr(part, "text", None))
        if result.isError:
            raise ToolError(first_line(ToolError(text)))
        return text


async def _connected(line: str, stack: AsyncExitStack) -> Any:
    """A session with the server that the line names. Raises what the SDK raises, and ToolError."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.sse import sse_client
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client

    if line.startswith(("http://", "https://")):
        opened = sse_client(line) if line.rstrip("/").endswith("/sse") else streamablehttp_client(line)
    else:
        try:
            command, *arguments = shlex.split(line)
        except ValueError as error:
            raise ToolError(f"{line!r} is no command: {error}") from None
        if shutil.which(command) is None:
            raise ToolError(f"there is no command {command!r}")
        quiet = stack.enter_context(_nowhere())  # its chatter is not for the user's terminal
        opened = stdio_client(StdioServerParameters(command=command, args=arguments), errlog=quiet)
    reading, writing, *_ = await stack.enter_async_context(opened)
    session = await stack.enter_async_context(ClientSession(reading, writing))
    await session.initialize()
    return session


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _import_sdk() -> str:
    """Takes seconds. What is wrong; empty if it is there. The SDK writes what servers send wrong to the root logger,
    and thereby to the terminal: that is left out."""
    try:
        import mcp.client.sse
        import mcp.client.stdio
        import mcp.client.streamable_http
    except ImportError:
        return "the package mcp is not installed: pip install 'duplex[mcp]'"
    folder = os.path.dirname(mcp.__file__)
    logging.getLogger().addFilter(lambda record: not record.pathname.startswith(folder))
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    return ""


async def _listed(session: Any) -> list[Any]:
    tools: list[Any] = []
    cursor = None
    for _ in range(MOST_PAGES):
        page = await session.list_tools(cursor)
        tools += page.tools
        cursor = page.nextCursor
        if not cursor:
            break
    return tools


def _as_name(name: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]
    return cleaned if cleaned[:1].isalpha() else f"tool_{cleaned}"


def _reason(error: BaseException) -> str:
    """In one line; of a group of errors the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if type(error).__name__ in ("BrokenResourceError", "ClosedResourceError", "EndOfStream"):
        return "it has ended"
    return first_line(error).rstrip(".")

"""One call of a tool: it may take its time, hang or fail, and none of that reaches the event loop or the answer."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import itertools
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from duplex.models.interaction.tools.tool import Context, Tool, ToolError
from duplex.streaming.errors import DuplexError, first_line

MOST_CHARACTERS = 4000
"""Of a result, as it is told to a model."""

_counter = itertools.count(1)
_log = logging.getLogger("duplex.tools")


async def run_limited(tool: Tool, arguments: Mapping[str, Any], context: Context) -> Any:
    """The tool's result within its time limit. A sync function runs on a thread of its own, which is left behind when
    it hangs. Raises ToolError with one line that may be told; of a foreign exception that is its type alone, since its
    message may hold what nobody should hear."""
    try:
        if tool.immediate:
            return tool.run(arguments, context)
        async with asyncio.timeout(tool.time_limit):
            if inspect.iscoroutinefunction(tool.function):
                return await tool.run(arguments, context)
            result = await _in_thread(tool, arguments, context)
            return await result if inspect.isawaitable(result) else result
    except ToolError as error:
        raise ToolError(first_line(error)) from error
    except TimeoutError:
        raise ToolError(f"{spoken_name(tool.name)} gave no result within {tool.time_limit:g} seconds.") from None
    except DuplexError as error:
        raise ToolError(f"{spoken_name(tool.name)} did not work: {first_line(error)}") from error
    except (Exception, SystemExit) as error:
        _log.debug("tool %s raised", tool.name, exc_info=error)
        raise ToolError(f"{spoken_name(tool.name)} did not work ({type(error).__name__}).") from error


def next_call() -> str:
    """Names a call among those of the process."""
    return f"call{next(_counter)}"


def spoken_name(name: str) -> str:
    """ "set_light" → "Set light"."""
    words = " ".join(name.replace("-", " ").replace("_", " ").split())
    return words[:1].upper() + words[1:]


def as_text(result: Any) -> str:
    """The result for a model: a text as it is, all else as JSON, cut where it is too long. Raises ToolError."""
    if isinstance(result, str):
        text = result
    else:
        try:
            text = json.dumps(result, ensure_ascii=False, default=_plain)
        except (TypeError, ValueError) as error:
            raise ToolError(f"The result is a {type(result).__name__}, which cannot be told.") from error
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}… (cut; {len(text)} characters in all)"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)


async def _in_thread(tool: Tool, arguments: Mapping[str, Any], context: Context) -> Any:
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def give(value: Any, error: BaseException | None) -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def work() -> None:
        value, failure = None, None
        try:
            value = tool.run(arguments, context)
        except StopIteration:  # which no future takes
            failure = RuntimeError("StopIteration")
        except BaseException as error:
            failure = error
        try:
            loop.call_soon_threadsafe(give, value, failure)
        except RuntimeError:  # the loop has ended meanwhile
            _log.debug("tool %s ended after its session", tool.name)

    # A daemon: a thread that hangs must not keep the program from ending.
    threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
    return await result

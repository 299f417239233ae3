"""Whether a program still waits for its answer: work for one that has gone is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")

_LOOK = 0.25
"""Seconds between two looks whether it is still there."""


async def while_there(request: web.Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of work, which is cancelled when the program that wants it goes away. Raises ConnectionResetError."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=_LOOK))[0]:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the program has gone")
        return task.result()
    finally:
        task.cancel()

"""Disk work of a server, off the event loop and off the threads of the models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class DiskThreads:
    """A few threads for files: recordings that are opened, read, closed and deleted, and exports.

    inline: run the work at once on the calling thread, for virtual time.
    """

    def __init__(self, threads: int = 2, *, inline: bool = False) -> None:
        self.inline = inline
        self._executor = None if inline else ThreadPoolExecutor(threads, thread_name_prefix="duplex-disk")

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Run `work(*args, **more)`. Raises what it raises. Cancelled, the caller goes on; work that runs ends."""
        if self._executor is None:
            return work(*args, **more)
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(work, *args, **more))

    async def aclose(self) -> None:
        """Return when all work has ended; the loop is not held up."""
        if self._executor is not None:
            await asyncio.to_thread(self._executor.shutdown)

"""Background tasks with an owner: failures are reported, and all of them end when the owner ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

OnFailure = Callable[[Exception], None]


class SupervisedTasks:
    """The tasks of a call, a room or a host. owner: its name in the log.

    A task that fails is logged and reported to `on_failure`; the other tasks go on. Nothing is raised to the owner.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, name: str, work: Coroutine[Any, Any, Any], on_failure: OnFailure | None = None
    ) -> asyncio.Task[None]:
        """Start `work`. The returned task never raises; it can be cancelled."""
        task = asyncio.create_task(self._supervise(name, work, on_failure), name=f"{self._owner}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # if it was cancelled before its first step
        return task

    async def join(self) -> None:
        """Return when the tasks that run now have ended. Tasks may start others meanwhile; those are awaited too."""
        while waiting := self._tasks - _current():
            await asyncio.wait(waiting)

    async def cancel(self) -> None:
        """Cancel the tasks and wait until they have ended. The calling task, if it is one of them, is left out."""
        tasks = self._tasks - _current()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _supervise(self, name: str, work: Coroutine[Any, Any, Any], on_failure: OnFailure | None) -> None:
        try:
            await work
        except Exception as error:
            log.error("%s: %s failed", self._owner, name, exc_info=error)
            if on_failure is not None:
                on_failure(error)


def _current() -> set[asyncio.Task[Any]]:
    task = asyncio.current_task()
    return {task} if task is not None else set()

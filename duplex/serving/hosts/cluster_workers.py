"""The worker processes of a cluster: started, asked, pinged, and replaced when they die.

Health is a ping of its own. A request that takes too long fails; the worker and its other calls are not touched. A
worker is dead if Ray says so or if it misses several pings in a row.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from duplex.serving.hosts.contract import Door, Load
from duplex.serving.hosts.worker import Worker, WorkerOptions
from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, DuplexError, EndpointError

log = logging.getLogger(__name__)

START = 120.0
"""Seconds in which a worker must come up."""

ANSWER = 15.0
"""Seconds in which a request must be answered."""

PING = 1.0
"""Seconds between two pings."""

PING_ANSWER = 5.0
"""Seconds in which a ping must be answered."""

MISSED_PINGS = 3
"""Pings in a row without an answer after which a worker is dead."""


@dataclass(eq=False)
class WorkerHandle:
    """A worker as the front end sees it. load: None until it was first told."""

    name: str
    actor: Any
    load: Load | None = None
    door: Door | None = None
    coming: int = 0
    """Calls on their way there, which its last word about its load does not know of."""

    def pressure(self, late: float) -> tuple[float, int]:
        """How busy it is: 1 is as much as it can bear. late: seconds that frames may be."""
        assert self.load is not None
        calls = self.load.calls + self.coming
        return max(calls / max(1, self.load.capacity), self.load.late_ms / (1000.0 * late), self.load.cpu), calls

    def accepts(self) -> bool:
        return self.load is not None and self.load.accepts and self.load.calls + self.coming < self.load.capacity


class ClusterWorkers:
    """Starts workers and keeps their number. ray: the package, connected.

    started: awaited with each worker that comes up. died: called with each worker that died, and why.
    """

    def __init__(
        self,
        ray: Any,
        options: WorkerOptions,
        clock: Clock,
        started: Callable[[WorkerHandle], Awaitable[None]],
        died: Callable[[WorkerHandle, str], None],
    ) -> None:
        self.up: list[WorkerHandle] = []
        self.deaths = 0
        self._ray = ray
        self._options = options
        self._clock = clock
        self._started = started
        self._died = died
        self._class = ray.remote(num_cpus=1, max_concurrency=1000)(Worker)
        self._numbers = itertools.count(1)
        self._tasks = SupervisedTasks("cluster")
        self._stopping = False

    async def start(self, count: int) -> None:
        """Raises what kept the first from starting, if none starts."""
        outcomes = await asyncio.gather(*(self._start() for _ in range(count)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if len(failures) == count:
            raise failures[0]
        for failure in failures:
            log.error("cluster: a worker did not come up: %s", failure)

    async def stop(self) -> None:
        """Close the calls of every worker, then end the workers."""
        self._stopping = True
        await self._tasks.cancel()
        await asyncio.gather(*(self.call(worker, "stop") for worker in self.up), return_exceptions=True)
        for worker in self.up:
            self._kill(worker)
        self.up.clear()

    async def call(
        self,
        worker: WorkerHandle,
        method: str,
        *args: Any,
        seconds: float = ANSWER,
        late: Callable[[], Awaitable[Any]] | None = None,
    ) -> Any:
        """What a worker's CallHost method returns. Raises what it raises, and CallError as `answer` does.

        late: awaited if the method succeeds after its time was over, to undo it.
        """
        done, value = await self.answer(worker, worker.actor.call.remote(method, *args), seconds, late)
        if not done:
            raise value
        return value

    async def answer(
        self,
        worker: WorkerHandle,
        asked: Awaitable[Any],
        seconds: float = ANSWER,
        late: Callable[[], Awaitable[Any]] | None = None,
    ) -> Any:
        """What a worker answers. Raises CallError: "lost" if the worker is dead, "slow" if it takes more than `seconds`
        and "failed" if the request failed in the worker; those leave the worker as it is."""
        answer = asyncio.ensure_future(_wait_for(asked))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(answer)
        except TimeoutError:
            log.warning("cluster: %s took more than %g s for a request", worker.name, seconds)
            self._tasks.spawn("late answer", _drop(answer, late))
            raise CallError(f"{worker.name} is busy: try again in a moment", "slow", retry_after=5.0) from None
        except asyncio.CancelledError:
            self._tasks.spawn("unwanted answer", _drop(answer, late))
            raise
        except self._ray.exceptions.RayError as error:
            if self._is_death(error):
                self._bury(worker, type(error).__name__)
                raise CallError("the call has lost its worker: connect again", "lost", retry_after=1.0) from None
            log.error("cluster: %s failed at a request: %r", worker.name, str(error)[:1000])
            raise CallError(f"{worker.name} failed at this request; its log says why", "failed") from None

    async def _start(self) -> None:
        name = f"worker {next(self._numbers)}"
        worker = WorkerHandle(name, self._class.remote(name, self._options))
        try:
            async with asyncio.timeout(START):
                started, told = await worker.actor.start.remote(self._ray.util.get_node_ip_address())
        except TimeoutError:
            self._kill(worker)
            raise EndpointError(f"cluster: {name} did not come up within {START:.0f} s; is a CPU free?") from None
        except self._ray.exceptions.RayError as failure:
            self._kill(worker)
            reason = " ".join(str(failure).split())[:300]
            raise EndpointError(f"cluster: {name} cannot be started: {reason}") from failure
        except BaseException:
            self._kill(worker)
            raise
        if not started:
            self._kill(worker)
            raise told
        worker.door = told
        self.up.append(worker)
        self._tasks.spawn(f"health of {name}", self._keep_alive(worker))
        with suppress(CallError):  # slow to tell its load: it gets calls once it has
            await self._started(worker)

    async def _keep_alive(self, worker: WorkerHandle) -> None:
        """Ping a worker until it dies. Then start another in its place."""
        missed = 0
        while worker in self.up:
            await self._clock.sleep_until(self._clock.now() + PING)
            try:
                async with asyncio.timeout(PING_ANSWER):
                    await worker.actor.ping.remote()
                missed = 0
            except (TimeoutError, self._ray.exceptions.RayError) as error:
                missed += 1
                log.warning("cluster: %s missed a ping (%s)", worker.name, type(error).__name__)
                if missed >= MISSED_PINGS or self._is_death(error):
                    self._bury(worker, type(error).__name__)
        while not self._stopping:
            try:
                return await self._start()
            except DuplexError as error:
                log.error("%s", error)
                await self._clock.sleep_until(self._clock.now() + 5.0)

    def _is_death(self, error: BaseException) -> bool:
        known = self._ray.exceptions
        return isinstance(error, known.RayActorError) and not isinstance(error, known.ActorUnavailableError)

    def _bury(self, worker: WorkerHandle, why: str) -> None:
        if worker in self.up and not self._stopping:
            self.up.remove(worker)
            self._kill(worker)
            self.deaths += 1
            self._died(worker, why)

    def _kill(self, worker: WorkerHandle) -> None:
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(worker.actor)


async def _wait_for(asked: Awaitable[Any]) -> Any:
    return await asked


async def _drop(answer: asyncio.Future[Any], late: Callable[[], Awaitable[Any]] | None) -> None:
    """Wait for an answer that nobody waits for any more, and undo what it did."""
    try:
        done = await answer
    except Exception:  # it failed late; its caller was told that it was slow
        return
    if late is not None and isinstance(done, tuple) and done[0]:
        with suppress(CallError):
            await late()

"""What hears and speaks for programs beside calls, whatever wire they speak: engines, and who may use them when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from duplex.engines import Engines
from duplex.serving.audio.jobs import AudioEngines, AudioJobs
from duplex.serving.audio.limits import AudioLimits
from duplex.serving.hosts.contract import CallHost
from duplex.serving.http.limits import RateLimiter
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError
from duplex.streaming.pool import Steps

_BURST = 60.0


class AudioService:
    """Engines, jobs and admission for the audio routes and Wyoming. Use as an async context manager, around them.

    host: whose calls come first: while it sheds load or drains, nothing is accepted. steps: where models work, such as
    a share of the host's pool. calls: the engines of the host's calls, where they are in this process. engines: instead
    of those that the settings name.
    """

    def __init__(
        self,
        host: CallHost,
        settings: Settings,
        steps: Steps,
        *,
        limits: AudioLimits | None = None,
        calls: Engines | None = None,
        engines: AudioEngines | None = None,
    ) -> None:
        self.settings = settings
        self.steps = steps
        self.limits = limits or AudioLimits()
        self.engines = engines or AudioEngines(settings, steps, calls)
        self.jobs = AudioJobs(steps, self.limits)
        self.rate = RateLimiter(SystemClock(), self.limits.rate, _BURST)
        self._host = host

    async def __aenter__(self) -> AudioService:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.jobs.close()
        await self.engines.close()

    @asynccontextmanager
    async def admitted(self, remote: str) -> AsyncIterator[None]:
        """One request of this address more, while the context is open. Raises CallError if there can be none."""
        if not self.rate.take(remote):
            raise CallError("too many requests: wait a little", "busy", self.rate.wait(remote))
        loads = [load for load in await self._host.load() if load.capacity]  # a cluster's front end holds no calls
        if loads and all(load.draining for load in loads):
            raise CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        if loads and all("new calls" in load.shed for load in loads):
            raise CallError("the server is too busy with calls: try again soon", "full", retry_after=15.0)
        with self.jobs.admitted():
            yield


def own_name(setting: str, default: str) -> str:
    """What this server calls an engine: by its setting, but never an address or a path."""
    return default if setting == "auto" or "/" in setting or "\\" in setting else setting

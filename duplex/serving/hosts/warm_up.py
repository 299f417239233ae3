"""Everything that happens at a first use (imports, files, processes, graphs) happens before the first call.

All calls share one event loop: what one of them loads in mid-call all of them would hear.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import suppress
from importlib import resources
from typing import Any

import numpy as np

from duplex.audio_files.reader import open_recording
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.hearing.live_restoration import LiveRestoration
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.models.restoration.contract import LIVE_TASKS
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.streaming.errors import DuplexError
from duplex.streaming.pool import InferencePool

log = logging.getLogger(__name__)

RESTORATIONS = ("", *LIVE_TASKS)

_SECONDS = 6.0
"""Of the bundled recording: one question, and time for the answer."""


class EngineOpening:
    """A host's pool, and engines loaded on it. Leaving the context closes the pool, then the engines that were loaded,
    also those that are still being loaded when the opening is cancelled."""

    def __init__(self, pool: InferencePool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._loading: asyncio.Future[Engines] | None = None

    async def load(self) -> tuple[Engines, tuple[str, ...]]:
        """(engines, restoration tasks that can be had here). Raises DuplexError if they cannot be loaded."""
        self._loading = asyncio.ensure_future(self._pool.run("load", Engines.from_settings, self._settings))
        engines = await asyncio.shield(self._loading)
        return engines, await self._pool.run("load", warm_up, self._settings, engines)

    async def __aenter__(self) -> EngineOpening:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._pool.aclose()
        if self._loading is not None:
            with suppress(Exception):
                await (await self._loading).close()


def warm_up(settings: Settings, engines: Engines) -> tuple[str, ...]:
    """A short conversation at virtual time, and a frame restored. Returns the restorations that can be had here.

    Blocking: takes a few seconds of a processor. A model server is not asked.
    """
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as path:
        blocks = list(open_recording(path).frames(SAMPLE_RATE))
    audio = np.concatenate([block[:, 0] for block in blocks])[: round(_SECONDS * SAMPLE_RATE)]
    clock = VirtualClock()

    async def converse() -> None:
        quiet = settings.with_values(assistant=not settings.llm, restore="")
        async with Session(quiet, engines=engines, clock=clock, pool=InferencePool(inline=True)) as session:
            began = clock.now()
            for at in range(0, len(audio), FRAME):
                await clock.sleep_until(began + at / SAMPLE_RATE)
                session.feed(audio[at : at + FRAME])

    clock.run(converse())
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not go through it again while calls wait
    try:
        for task in ("enhance", "auto"):  # of different engines, where weights are here or can be pulled
            restoration = LiveRestoration(task, engine=settings.restore_engine)
            restoration.step(MultichannelFrame(0, np.zeros((FRAME, 1), np.float32)))
    except DuplexError as error:
        log.warning("no restoration: %s", error)
        return ("",)
    return RESTORATIONS

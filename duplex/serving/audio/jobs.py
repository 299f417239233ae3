"""Work on whole recordings beside calls: a thread for each, its models' steps in their turn on the shared pool."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from duplex.engines import Engines, open_recognizer
from duplex.models.asr import hears_whole
from duplex.models.asr.contract import Recognizer
from duplex.models.language_tags import primary
from duplex.models.translation import Translator, load_translator
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Synthesizer
from duplex.models.vad import load_vad
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.serving.audio.limits import AudioLimits
from duplex.settings import Settings
from duplex.streaming.errors import CallError, StageError
from duplex.streaming.pool import InferencePool, Steps, Timing

T = TypeVar("T")

ENGLISH = "en"
"""What translations are into, as the API has it."""


class AudioEngines:
    """What hears, speaks and translates for programs: each is loaded when it is first asked for, and kept.

    steps: where they are loaded. calls: the engines of the calls in this process; those that serve as they are here too
    are used, and not closed. loaders: by name, instead of what the settings name: recognizer, live_recognizer,
    synthesizer, translator, vad. A recognizer here hears whole utterances, as `duplex transcribe` does; a live one
    has hypotheses on the way.
    """

    def __init__(
        self, settings: Settings, steps: Steps, calls: Engines | None = None, **loaders: Callable[[], Any]
    ) -> None:
        self._steps = steps
        self._calls = {} if calls is None else _of_calls(calls, settings)
        self._loaders: dict[str, Callable[[], Any]] = {
            "recognizer": partial(open_recognizer, settings, live=False),
            "live_recognizer": partial(open_recognizer, settings),
            "synthesizer": partial(load_synthesizer, settings.synthesizer, settings.voice, settings.synthesizer_model),
            "translator": partial(load_translator, settings.translator, primary(settings.language), ENGLISH),
            "vad": partial(load_vad, settings.vad),
            **loaders,
        }
        self._loading: dict[str, asyncio.Future[Any]] = {}

    async def recognizer(self) -> Recognizer[Any]:
        return await self._get("recognizer")

    async def live_recognizer(self) -> Recognizer[Any]:
        return await self._get("live_recognizer")

    async def synthesizer(self) -> Synthesizer:
        return await self._get("synthesizer")

    async def translator(self) -> Translator:
        return await self._get("translator")

    async def vad(self) -> VoiceActivityDetector[Any]:
        return await self._get("vad")

    async def close(self) -> None:
        for name in ("recognizer", "live_recognizer", "synthesizer"):
            loading = self._loading.pop(name, None)
            if loading is not None and loading.done() and not loading.cancelled() and loading.exception() is None:
                engines = [loading.result()]
                del loading
                await asyncio.to_thread(_close_last, engines)

    async def _get(self, name: str) -> Any:
        """Raises what loading raises; the next who asks tries again."""
        if name in self._calls:
            return self._calls[name]
        loading = self._loading.get(name)
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = asyncio.ensure_future(self._steps.run("load", self._loaders[name]))
            self._loading[name] = loading
        return await asyncio.shield(loading)  # whoever came first may leave; the others still want it


def _close_last(engines: list[Any]) -> None:
    """Closes the engine and gives its memory back here, which takes long: `engines` has the last reference to it."""
    engines.pop().close()


def _of_calls(calls: Engines, settings: Settings) -> dict[str, Any]:
    """Engines of calls by the names of AudioEngines' loaders."""
    shared: dict[str, Any] = {
        "live_recognizer": calls.recognizer,
        "synthesizer": calls.synthesizer,
        "vad": calls.vad,
    }
    if not hears_whole(settings.recognizer):
        shared["recognizer"] = calls.recognizer
    pair = (primary(settings.language), ENGLISH)
    if calls.translator is not None and (not calls.translator.pairs or pair in calls.translator.pairs):
        shared["translator"] = calls.translator
    return shared


class PoolBridge:
    """`Steps` for a thread of its own: each step is run by the pool of an event loop, and waited for here.

    To the loop of this thread a step is done when `run` returns, as on an inline pool.
    """

    inline = True

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._loop = asyncio.get_running_loop()
        self._guard = threading.Lock()
        self._running: Future[Any] | None = None
        self._left = False

    @property
    def timings(self) -> dict[str, Timing]:
        return self._steps.timings

    async def run(self, name: str, step: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        return self.wait(name, step, *args, limit=limit)

    def wait(self, name: str, step: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        """Blocking. Raises what the step raises, and StageError once nobody wants the result any more."""
        with self._guard:
            self.check()
            running = asyncio.run_coroutine_threadsafe(self._steps.run(name, step, *args, limit=limit), self._loop)
            self._running = running
        return running.result()

    def check(self) -> None:
        """Raises StageError once nobody wants the result any more."""
        if self._left:
            raise StageError("nobody waits for this work any more")

    def leave(self) -> None:
        """The work is not wanted any more: it ends at its next step."""
        with self._guard:
            self._left = True
            if self._running is not None:
                self._running.cancel()


class AudioJobs:
    """Admits requests, and works on recordings: `at_once` of them, the others wait in order."""

    def __init__(self, steps: Steps, limits: AudioLimits) -> None:
        self.steps = steps
        self._limits = limits
        self._threads = InferencePool(limits.at_once)
        self._bridges: set[PoolBridge] = set()
        self._present = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """One request more, while the context is open. Raises CallError if there are too many."""
        if self._present >= self._limits.waiting:
            raise CallError("the server is at work on other requests: try again soon", "busy", retry_after=2.0)
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work(bridge, *args)` in a thread. Raises what it raises. Cancelled, the work ends at its next step."""
        bridge = PoolBridge(self.steps)
        self._bridges.add(bridge)
        try:
            return await self._threads.run("recording", work, bridge, *args)
        finally:
            bridge.leave()
            self._bridges.discard(bridge)

    async def close(self) -> None:
        for bridge in self._bridges:
            bridge.leave()
        await self._threads.aclose()

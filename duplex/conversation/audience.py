"""Who follows a session: sinks, which are told everything as it happens, and readers of streams."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.streaming.audio import AudioChunk
from duplex.streaming.pipeline import reason_of
from duplex.streaming.queues import BoundedQueue

Item = TypeVar("Item")

CAPACITY = {"events": 4096, "audio": 100, "restored": 100}
"""Items that a slow reader of each stream may have unread; then it loses the oldest."""


class Sink(Protocol):
    """Somebody who wants everything as it happens: a recorder, a transport. Called on the loop, so it must not wait.

    A sink may also have `on_restored(frame)`, for the restored input, `on_percept(percept)`, for everything that is
    perceived (models/interaction/percepts.py), `on_interpreted(sound)`, for what the interpreter's voices say to
    single listeners (an InterpretedSound, just before `on_output` of the same samples), and `capability`, the name
    under which its failure is reported.
    """

    def on_input(self, frame: MultichannelFrame) -> None: ...

    def on_output(self, chunk: AudioChunk) -> None: ...

    def on_event(self, event: ev.Event) -> None: ...


class Subscription(Generic[Item]):
    """One reader's stream. It ends with the session, with `aclose`, and when the reader drops it."""

    def __init__(self, stream: str) -> None:
        self.queue: BoundedQueue[Item] = BoundedQueue(CAPACITY[stream], "drop_oldest", stream)

    def __aiter__(self) -> Subscription[Item]:
        return self

    async def __anext__(self) -> Item:
        return await anext(self.queue)

    async def __aenter__(self) -> Subscription[Item]:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """No more items; what is unread is dropped."""
        self.queue.close()
        self.queue.clear()


class Audience:
    """A sink or a reader that fails is let go, and named; nobody else notices.

    on_failure: takes the capability that a failed sink took with it, and why.
    """

    def __init__(self, sinks: Sequence[Sink], on_failure: Callable[[str, str], None]) -> None:
        self._sinks = list(sinks)
        self._on_failure = on_failure
        self._readers: dict[str, list[weakref.ref[Subscription[Any]]]] = {stream: [] for stream in CAPACITY}

    @property
    def readers(self) -> int:
        """Streams that somebody reads."""
        return sum(len(self._live(stream)) for stream in self._readers)

    def subscribe(self, stream: str) -> Subscription[Any]:
        """stream: a key of CAPACITY. Only the reader holds the subscription: dropping it ends it."""
        subscription: Subscription[Any] = Subscription(stream)
        self._readers[stream].append(weakref.ref(subscription))
        return subscription

    def tell(self, method: str, what: Any) -> None:
        """Call `method` of every sink that has it. Whatever a sink raises costs that sink, and only it."""
        for sink in tuple(self._sinks):
            tell = getattr(sink, method, None)
            if tell is None:
                continue
            try:
                tell(what)
            except Exception as error:
                if sink in self._sinks:
                    self._sinks.remove(sink)
                    self._on_failure(getattr(sink, "capability", f"sink {type(sink).__name__}"), reason_of(error))

    def publish(self, stream: str, item: Any) -> None:
        for reader in self._live(stream):
            reader.queue.put_nowait(item)

    def close(self) -> None:
        """Every stream ends once it has been read."""
        for stream in self._readers:
            for reader in self._live(stream):
                reader.queue.close()

    def _live(self, stream: str) -> list[Subscription[Any]]:
        readers = [(ref, reader) for ref in self._readers[stream] if (reader := ref()) and not reader.queue.closed]
        self._readers[stream] = [ref for ref, _ in readers]
        return [reader for _, reader in readers]

"""The caches of many dialogues, by name: each survives over its turns, and the longest unused makes room."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict

from duplex.streaming.lm.kv_cache import KVCache


class Dialogues:
    """Who works on a dialogue takes a fork of its cache and hands it back; so nobody waits for anybody.

    Work has a ticket: newer work makes older stale, and what stale work hands back is not taken. most: dialogues whose
    caches are kept. Usable from several threads.
    """

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self._caches: OrderedDict[str, KVCache] = OrderedDict()
        self._tickets: dict[str, int] = {}
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._caches)

    @property
    def nbytes(self) -> int:
        """Bytes of all caches, as if they shared nothing."""
        with self._lock:
            return sum(cache.nbytes for cache in self._caches.values())

    def take(self, name: str) -> tuple[int, KVCache]:
        """A ticket, and the dialogue's cache to work on, empty if it is not known."""
        with self._lock:
            ticket = self._tickets[name] = next(self._count)
            kept = self._caches.get(name)
            return ticket, kept.fork() if kept is not None else KVCache()

    def current(self, name: str, ticket: int) -> bool:
        """Whether nothing newer works on the dialogue."""
        return self._tickets.get(name) == ticket

    def give(self, name: str, ticket: int, cache: KVCache) -> None:
        """Hand a cache back; the giver may go on with its own."""
        with self._lock:
            if self._tickets.get(name) != ticket:
                return
            self._caches[name] = cache.fork()
            self._caches.move_to_end(name)
            while len(self._caches) > self.most:
                gone, _ = self._caches.popitem(last=False)
                del self._tickets[gone]

    def drop(self, name: str) -> None:
        """The dialogue is over: its cache goes, and what works on it is stale."""
        with self._lock:
            self._caches.pop(name, None)
            self._tickets.pop(name, None)

    def clear(self) -> None:
        """All dialogues are over."""
        with self._lock:
            self._caches.clear()
            self._tickets.clear()

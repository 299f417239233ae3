"""What else may be served at the same address, behind the same gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from aiohttp import web


class MoreRoutes(Protocol):
    """Routes besides those of the page. bodies: bytes of a body, by path, where more may come than elsewhere. keys:
    what knows other keys than the server's token, by path."""

    @property
    def bodies(self) -> Mapping[str, int]: ...

    @property
    def keys(self) -> Mapping[str, Callable[[str], bool]]: ...

    def add_to(self, router: web.UrlDispatcher) -> None: ...

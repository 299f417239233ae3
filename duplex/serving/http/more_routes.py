"""What else may be served at the same address, behind the same gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web


class MoreRoutes(Protocol):
    """Routes besides those of the page. bodies: bytes of a body, by path, where more may come than elsewhere."""

    @property
    def bodies(self) -> Mapping[str, int]: ...

    def add_to(self, router: web.UrlDispatcher) -> None: ...

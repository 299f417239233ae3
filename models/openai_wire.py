"""What every client of an OpenAI-compatible server needs: its address, its key, and one line where it fails."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duplex.streaming.errors import SettingsError

if TYPE_CHECKING:
    import httpx

_LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1", "0.0.0.0"])


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """url: without a slash at its end. headers: those that carry the key. use_proxies: those of the environment are no
    way to a server on this machine."""

    url: str
    headers: dict[str, str]
    use_proxies: bool

    @classmethod
    def of(cls, address: str, kind: str, example: str, api_key: str | None = None) -> ServerAddress:
        """kind: of server, and example: of an address, as an error names them. api_key: None takes OPENAI_API_KEY from
        the environment, if there. Raises SettingsError for an address that is none."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{address!r} is no address of a {kind} server: use one like {example}")
        key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return cls(address.rstrip("/"), headers, parts.hostname not in _LOOPBACK)

    def client(self, answer_within: float, connect_within: float) -> httpx.Client:
        """A blocking client, for a pool. Limits in seconds."""
        import httpx

        timeout = httpx.Timeout(answer_within, connect=connect_within)
        return httpx.Client(headers=self.headers, timeout=timeout, trust_env=self.use_proxies)


def message(content: str) -> str:
    """What a refusal says, on a short line: the message in its JSON, whose form differs, or the content itself."""
    try:
        return message_in(json.loads(content))
    except ValueError:
        return short(content)


def message_in(told: Any) -> str:
    """The same of JSON that has been read."""
    error = told.get("error", told) if isinstance(told, dict) else told
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return short(str(error))


def short(text: str, most: int = 120) -> str:
    """On one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def reason(error: Exception) -> str:
    """The message of an error on a short line, or its type."""
    return short(str(error)) or type(error).__name__

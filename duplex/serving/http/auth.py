"""Who may touch a call: a token that every caller was given, and pages of our own origin only.

The token is compared in constant time, and wrong ones are throttled. A browser tells the origin of the page that makes
a request; a foreign one is refused although it may know the token (cross-site request forgery, OWASP ASVS 4.0,
V13.2.3).
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from duplex.serving.http.limits import MOST_KEYS, RateLimiter
from duplex.streaming.clock import Clock
from duplex.streaming.errors import SettingsError

SHORTEST = 16
"""Characters of a token that a user chooses."""

KEY_PROTOCOL = "openai-insecure-api-key."
"""What the token follows among the protocols of a WebSocket."""


def new_token() -> str:
    """192 random bits, fit for an address."""
    return secrets.token_urlsafe(24)


def new_id() -> str:
    """The name of a call: 128 random bits. Whoever knows it can fetch its transcript, so it cannot be guessed."""
    return secrets.token_urlsafe(16)


class Gate:
    """token: what callers must present. origins: further ones than the server's own, such as https://calls.example.

    Raises SettingsError on a token that is too short, or on something that is not a valid origin.
    """

    def __init__(self, token: str, origins: Iterable[str] = ()) -> None:
        if len(token) < SHORTEST:
            raise SettingsError(f"token: has {len(token)} characters; give {SHORTEST} or more, or leave it out")
        self._token = token.encode()
        self._origins = frozenset(_origin(origin) for origin in origins)
        self._lent: dict[str, Callable[[str], bool]] = {}

    def lend(self, keys: Mapping[str, Callable[[str], bool]]) -> None:
        """What knows further keys than the token, each good for the one path."""
        self._lent |= keys

    def knows(self, presented: str | None, path: str = "") -> bool:
        if presented is None:
            return False
        right = hmac.compare_digest(presented.encode("utf-8", "replace"), self._token)
        return right or (path in self._lent and self._lent[path](presented))

    def accepts_origin(self, origin: str | None, scheme: str, host: str, site: str | None = None) -> bool:
        """origin: of the page, None where no browser asks. scheme, host: as the request was addressed to.

        site: the header Sec-Fetch-Site, which browsers send even where they leave the origin out.
        """
        if origin is None:
            return site not in ("cross-site", "same-site")
        return origin.lower() == f"{scheme}://{host}".lower() or origin.lower() in self._origins


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header (RFC 6750)."""
    kind, _, token = (header or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def presented(headers: Mapping[str, str]) -> str | None:
    """The token of a request: of its Authorization header, or of the WebSocket protocols that it offers, since pages
    cannot set headers of a WebSocket (as OpenAI's own API does)."""
    for protocol in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if protocol.strip().startswith(KEY_PROTOCOL):
            return protocol.strip().removeprefix(KEY_PROTOCOL)
    return bearer(headers.get("Authorization"))


class TokenThrottle:
    """Slows down guessing: each remote address has a few wrong tokens, then waits.

    A remote that has shown the right token before is never kept out: behind a proxy it stands for everybody.
    """

    def __init__(self, clock: Clock, rate: float = 0.2, burst: float = 20.0) -> None:
        self._wrong = RateLimiter(clock, rate, burst)
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, remote: str) -> float:
        """Seconds until a token of `remote` is looked at again; 0: now."""
        return 0.0 if remote in self._known else self._wrong.wait(remote)

    def right(self, remote: str) -> None:
        self._known[remote] = None
        self._known.move_to_end(remote)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)

    def wrong(self, remote: str) -> bool:
        """Count a wrong token. False if there were too many lately."""
        return self._wrong.take(remote)


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise SettingsError(f"origin: {text!r} is not a valid origin, such as https://calls.example")
    return f"{parts.scheme}://{parts.netloc}".lower()

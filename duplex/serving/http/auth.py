"""Who may touch a call: a token that every caller was given, and pages of our own origin only.

The token is compared in constant time. A browser tells the origin of the page that makes a request; a foreign one is
refused although it may know the token's address (cross-site request forgery, OWASP ASVS 4.0, V13.2.3).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from duplex.streaming.errors import SettingsError

SHORTEST = 8
"""Characters of a token that a user chooses."""


def new_token() -> str:
    """192 random bits, fit for an address."""
    return secrets.token_urlsafe(24)


def new_id() -> str:
    """The name of a call: 128 random bits. Whoever knows it can fetch its transcript, so it cannot be guessed."""
    return secrets.token_urlsafe(16)


class Gate:
    """token: what callers must present. origins: further ones than the server's own, such as https://calls.example.

    Raises SettingsError on a token that is too short or an origin that is none.
    """

    def __init__(self, token: str, origins: Iterable[str] = ()) -> None:
        if len(token) < SHORTEST:
            raise SettingsError(f"token: has {len(token)} characters; give {SHORTEST} or more, or none at all")
        self._token = token.encode()
        self._origins = frozenset(_origin(origin) for origin in origins)

    def knows(self, presented: str | None) -> bool:
        return presented is not None and hmac.compare_digest(presented.encode("utf-8", "replace"), self._token)

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


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise SettingsError(f"origin: {text!r} is none, such as https://calls.example")
    return f"{parts.scheme}://{parts.netloc}".lower()

"""Ephemeral keys: what a page or a device is given instead of the server's token, for sessions of one configuration."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from duplex.serving.http.api_errors import ApiError
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.wire import ClientError

PREFIX = "ek_"

LIFETIMES = (10, 7200)
"""Seconds, shortest and longest, as in the API."""

USUAL = 600

MOST = 10_000
"""Keys that are good at once."""


class ClientSecrets:
    """A key opens any number of sessions until it expires; they go on after that. One that is revoked opens none, and
    ends those that it has opened. It is kept as its hash alone.

    wall_time: seconds since 1970.
    """

    def __init__(self, wall_time: Callable[[], float] = time.time) -> None:
        self._wall_time = wall_time
        self._known: dict[bytes, tuple[float, Configuration, object]] = {}
        self._revoked: OrderedDict[bytes, None] = OrderedDict()

    def issue(self, body: object, voices: Iterable[str]) -> dict[str, Any]:
        """body: {"expires_after": {"anchor": "created_at", "seconds"}, "session"}, as `POST client_secrets` has it.
        Returns its answer, in which alone the key is ever shown. Raises ClientError, ApiError."""
        if not isinstance(body, dict):
            raise ClientError("the body must be a JSON object", "invalid_type")
        for name in body:
            if name not in ("expires_after", "session"):
                raise ClientError(f"there is no field {name[:100]!r}", "unknown_parameter", name[:100])
        lifetime = _lifetime(body.get("expires_after"))
        asked = body.get("session") or {}
        configuration = Configuration().updated(asked, voices)
        now = self._wall_time()
        self._known = {key: each for key, each in self._known.items() if each[0] > now}
        if len(self._known) >= MOST:
            raise ApiError(f"{MOST} keys are good at once: wait until some have expired", status=429)
        value = PREFIX + secrets.token_hex(24)
        self._known[digest(value)] = now + lifetime, configuration, asked
        session = configuration.as_dict(f"sess_{secrets.token_hex(10)}")
        return {"value": value, "expires_at": int(now + lifetime), "session": session}

    def revoke(self, body: object) -> dict[str, Any]:
        """body: {"value": the key}. Returns what tells that it is good no more. Raises ClientError if it is none."""
        value = body.get("value") if isinstance(body, dict) else None
        if not isinstance(value, str) or not value.startswith(PREFIX):
            raise ClientError("value: must be an ephemeral key", "invalid_value", "value")
        self._known.pop(digest(value), None)  # one that has expired may still have sessions
        self._revoked[digest(value)] = None
        if len(self._revoked) > MOST:
            self._revoked.popitem(last=False)
        return {"object": "realtime.client_secret.revoked", "revoked": True}

    def revoked(self, value: str) -> bool:
        """Whether what it has opened has to end."""
        return digest(value) in self._revoked

    def knows(self, value: str) -> bool:
        return self.configuration(value) is not None

    def configuration(self, value: str) -> Configuration | None:
        """What the key is for; None if it is none, or has expired."""
        found = self._found(value)
        return None if found is None else found[1]

    def session(self, value: str) -> object | None:
        """What was asked for when the key was made, to be asked of another server; None as above."""
        found = self._found(value)
        return None if found is None else found[2]

    def _found(self, value: str) -> tuple[float, Configuration, object] | None:
        found = self._known.get(digest(value))
        return found if found is not None and found[0] > self._wall_time() else None


def digest(value: str) -> bytes:
    """Of a key, by which it is known."""
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()


def _lifetime(given: object) -> int:
    if given is None:
        return USUAL
    if not isinstance(given, dict) or given.get("anchor", "created_at") != "created_at":
        raise ClientError("expires_after: its anchor must be created_at", "invalid_value", "expires_after")
    seconds, (low, high) = given.get("seconds", USUAL), LIFETIMES
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not low <= seconds <= high:
        raise ClientError(f"expires_after.seconds: must lie between {low} and {high}", "invalid_value", "expires_after")
    return seconds

"""STUN and TURN servers for the browsers, the latter with credentials that are good for one call's time only.

"A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest-00): the name is the moment at which it
expires, the password its HMAC under a secret that the server shares with the TURN server (coturn's use-auth-secret).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from pathlib import Path

from duplex.streaming.errors import SettingsError
from duplex.transport.ice_server import IceServer

IceServers = Callable[[str], Sequence[IceServer]]
"""The hook: a call's id to the servers it may use. Asked anew for every call and every reconnection."""


class SharedSecretIceServers:
    """stun, turn: addresses. secret: shared with the TURN servers. lifetime: seconds a credential is good for.

    Raises SettingsError on an address of another kind, and on TURN without a secret.
    """

    def __init__(
        self,
        stun: Sequence[str] = (),
        turn: Sequence[str] = (),
        secret: str = "",
        lifetime: float = 4 * 3600.0,
        *,
        wall_time: Callable[[], float],
    ) -> None:
        for address, schemes in [(a, ("stun:", "stuns:")) for a in stun] + [(a, ("turn:", "turns:")) for a in turn]:
            if not address.startswith(schemes):
                raise SettingsError(f"ICE server: {address!r} does not begin with {schemes[0]} or {schemes[1]}")
        if turn and not secret:
            raise SettingsError("ICE server: TURN needs the secret it shares with this server: --turn-secret-file FILE")
        self._stun = tuple(stun)
        self._turn = tuple(turn)
        self._secret = secret.encode()
        self._lifetime = lifetime
        self._wall_time = wall_time

    def __call__(self, call: str) -> Sequence[IceServer]:
        servers = [IceServer(self._stun)] if self._stun else []
        if self._turn:
            name = f"{int(self._wall_time() + self._lifetime)}:{call}"
            digest = hmac.new(self._secret, name.encode(), hashlib.sha1).digest()
            servers.append(IceServer(self._turn, name, base64.b64encode(digest).decode()))
        return servers


def read_secret(path: str) -> str:
    """The first line of a file. Raises SettingsError."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the secret cannot be read ({error})") from None
    if not lines or not lines[0].strip():
        raise SettingsError(f"{path}: holds no secret in its first line")
    return lines[0].strip()

"""A STUN or TURN server, as browsers and aiortc take it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IceServer:
    """urls: such as stun:stun.example:3478. username, credential: for TURN; empty if there are none."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""

    def as_dict(self) -> dict[str, object]:
        """As a browser's RTCPeerConnection takes it."""
        told: dict[str, object] = {"urls": list(self.urls)}
        if self.username:
            told |= {"username": self.username, "credential": self.credential}
        return told

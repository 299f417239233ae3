"""Connections for calls, from the WebRTC transport."""

from __future__ import annotations

from duplex.serving.hosts.ice_servers import IceServers
from duplex.serving.rooms.call import Peer
from duplex.streaming.clock import Clock
from duplex.transport.webrtc import IceServer, WebRtcPeer


class WebRtcPeers:
    """A call's id to a fresh connection, which asks the STUN and TURN servers that the call may use."""

    def __init__(self, clock: Clock, ice_servers: IceServers = lambda call: ()) -> None:
        self._clock = clock
        self._ice_servers = ice_servers

    def __call__(self, call: str) -> Peer:
        servers = [
            IceServer(server.urls, server.username or None, server.credential or None)
            for server in self._ice_servers(call)
        ]
        return WebRtcPeer(self._clock, ice_servers=servers)

"""Calls over HTTP and WebRTC: signalling, rooms, limits, and the host that holds the calls."""

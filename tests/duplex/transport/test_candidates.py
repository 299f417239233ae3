"""Addresses of an offer: how far each reaches, and which are tried for whom."""

from __future__ import annotations

import pytest

from duplex.transport.candidates import Scope, reachable_scope, scope, without_unreachable


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", Scope.LOOPBACK),
        ("127.9.9.9", Scope.LOOPBACK),
        ("::1", Scope.LOOPBACK),
        ("::ffff:127.0.0.1", Scope.LOOPBACK),
        ("64:ff9b::7f00:1", Scope.LOOPBACK),
        ("10.1.2.3", Scope.LOCAL),
        ("172.16.0.1", Scope.LOCAL),
        ("192.168.1.1", Scope.LOCAL),
        ("169.254.169.254", Scope.LOCAL),
        ("100.64.0.1", Scope.LOCAL),
        ("fd00::1", Scope.LOCAL),
        ("fe80::1%eth0", Scope.LOCAL),
        ("::ffff:10.0.0.1", Scope.LOCAL),
        ("2002:0a00:0001::1", Scope.LOCAL),
        ("2b1c9b0e-58a2-4c7b-9c3f-5d4c8a0e7d11.local", Scope.LOCAL),
        ("93.184.216.34", Scope.GLOBAL),
        ("2606:2800:220:1::1", Scope.GLOBAL),
        ("0.0.0.0", Scope.NONE),
        ("224.0.0.1", Scope.NONE),
        ("ff02::1", Scope.NONE),
        ("::", Scope.NONE),
        ("internal.example", Scope.NONE),
        ("", Scope.NONE),
        ("0x7f000001", Scope.NONE),
        ("2130706433", Scope.NONE),
    ],
)
def test_scopes(address: str, reach: Scope) -> None:
    assert scope(address) == reach


CANDIDATES = ("127.0.0.1", "10.0.0.7", "169.254.169.254", "x.local", "93.184.216.34", "0.0.0.0")


@pytest.mark.parametrize(
    ("remote", "tried"),
    [
        ("127.0.0.1", CANDIDATES[:5]),
        (None, CANDIDATES[:5]),
        ("192.168.1.20", CANDIDATES[1:5]),
        ("fe80::5", CANDIDATES[1:5]),
        ("8.8.8.8", CANDIDATES[4:5]),
    ],
)
@pytest.mark.parametrize("prefix", ["a=candidate:", "A=Candidate:"])
def test_who_may_name_which(remote: str | None, tried: tuple[str, ...], prefix: str) -> None:
    head = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    lines = {address: f"{prefix}1 1 udp 2113937151 {address} 5000 typ host\r\n" for address in CANDIDATES}
    kept = without_unreachable(head + "".join(lines.values()) + "a=end-of-candidates\r\n", reachable_scope(remote))
    assert kept == head + "".join(lines[address] for address in tried) + "a=end-of-candidates\r\n"


def test_malformed_candidates_are_left_out_and_nothing_else_changes() -> None:
    sdp = "v=0\na=candidate:\na=candidate:1 1 udp\na=x\n"
    assert without_unreachable(sdp, Scope.LOOPBACK) == "v=0\r\na=x\r\n"
    assert without_unreachable("v=0\na=x\n", Scope.GLOBAL) == "v=0\na=x\n"

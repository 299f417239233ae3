"""What an offer may be, and what an answer says about Opus.

aiortc answers without format parameters; without `useinbandfec=1` a browser sends no copies of its packets.
Session descriptions: RFC 8866; the parameters of Opus: RFC 7587, section 6.1.
"""

from __future__ import annotations

import re

from duplex.streaming.errors import TransportError

LONGEST = 32_768
"""Characters of a session description; a browser's audio and data offer has some 3,000."""

MOST_CANDIDATES = 64
"""Addresses that one description may make us try."""

PARAMETERS = "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=32000"
"""Copies of packets please, and nothing above the 8 kHz that we keep."""

_OPUS = re.compile(r"a=rtpmap:(\d{1,3}) opus/48000", re.IGNORECASE)


def check(sdp: str) -> None:
    """Refuse, before anything is parsed or allocated, what no page of ours sends. Raises TransportError."""
    if not isinstance(sdp, str) or not sdp.startswith("v=0"):
        raise TransportError("the session description does not begin with v=0: send the browser's SDP as it is")
    if len(sdp) > LONGEST:
        raise TransportError(f"the session description has {len(sdp)} characters; at most {LONGEST} are read")
    lines = sdp.splitlines()
    media = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    if media.count("audio") != 1 or media.count("application") > 1 or len(media) > 2:
        told = ", ".join(media[:8]) or "nothing"
        raise TransportError(f"the session description offers {told}: one audio stream and one data channel are taken")
    if sum(line.startswith("a=candidate:") for line in lines) > MOST_CANDIDATES:
        raise TransportError(f"the session description has more than {MOST_CANDIDATES} candidates")
    if not any(_OPUS.match(line) for line in lines):
        raise TransportError("the session description offers no Opus, the one codec that is spoken here")


def with_opus_parameters(sdp: str) -> str:
    """Our description with the format parameters of Opus, in place of any it has."""
    lines = sdp.split("\r\n")
    types = {found.group(1) for line in lines if (found := _OPUS.match(line))}
    out: list[str] = []
    for line in lines:
        if any(line.startswith(f"a=fmtp:{kind} ") for kind in types):
            continue
        out.append(line)
        found = _OPUS.match(line)
        if found:
            out.append(f"a=fmtp:{found.group(1)} {PARAMETERS}")
    return "\r\n".join(out)

from __future__ import annotations

import pytest

from duplex.streaming.errors import TransportError
from duplex.transport import session_description
from duplex.transport.session_description import LONGEST, MOST_CANDIDATES, check, with_opus_parameters

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=0",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "",
    ]
)


def test_a_browsers_offer_is_taken() -> None:
    check(OFFER)


@pytest.mark.parametrize(
    ("sdp", "why"),
    [
        ("", "v=0"),
        (None, "v=0"),
        ("<html>", "v=0"),
        (OFFER + "a" * LONGEST, "characters"),
        (OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "video"),
        (OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "audio, application, audio"),
        (OFFER.replace("m=audio", "m=video"), "video"),
        ("v=0\r\n", "nothing"),
        (OFFER + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * (MOST_CANDIDATES + 1), "candidates"),
        (OFFER.replace("opus", "PCMU"), "no Opus"),
    ],
)
def test_what_no_page_sends_is_refused_in_one_line(sdp, why) -> None:
    with pytest.raises(TransportError, match=why) as raised:
        check(sdp)
    assert "\n" not in str(raised.value)


def test_the_parameters_of_opus_take_the_place_of_any_there_are() -> None:
    lines = with_opus_parameters(OFFER).split("\r\n")
    formats = [line for line in lines if line.startswith("a=fmtp")]
    assert formats == [f"a=fmtp:111 {session_description.PARAMETERS}", "a=fmtp:63 111/111"]
    assert lines.index(formats[0]) == lines.index("a=rtpmap:111 opus/48000/2") + 1
    assert [line for line in lines if line not in formats] == [
        line for line in OFFER.split("\r\n") if not line.startswith("a=fmtp")
    ]
    assert with_opus_parameters("\r\n".join(lines)) == "\r\n".join(lines)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.server_sent_events import EventDecoder


def decode(stream: bytes, step: int) -> list[str]:
    decoder = EventDecoder()
    events = [event for at in range(0, len(stream), step) for event in decoder.push(stream[at : at + step])]
    return events + decoder.flush()


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: one\n\ndata: two\n\n", ["one", "two"]),
        (b"data:one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]),
        (b"data: one\r\rdata: two\r\r", ["one", "two"]),
        (b": ping\n\nevent: x\nid: 1\ndata: a\ndata: b\n\n", ["a\nb"]),
        (b"data: no empty line at the end", ["no empty line at the end"]),
        ("data: ü\u2028x\n\n".encode(), ["ü\u2028x"]),
        (b"", []),
    ],
)
def test_events_in_pieces_of_any_size(stream, events, step):
    assert decode(stream, step) == events


@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=9)),
    st.integers(1, 9),
)
def test_what_is_encoded_comes_out(texts, step):
    stream = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert decode(stream, step) == texts

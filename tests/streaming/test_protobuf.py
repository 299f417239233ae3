"""Messages are read and written as the wire format says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.protobuf import BYTES, FIXED32, FIXED64, VARINT, field, fields, messages, pieces

VALUES = st.one_of(
    st.tuples(st.just(VARINT), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(BYTES), st.binary(max_size=300)),
    st.tuples(st.just(FIXED32), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(FIXED64), st.binary(min_size=8, max_size=8)),
)
FIELDS = st.lists(st.tuples(st.integers(1, 500), VALUES).map(lambda each: (each[0], *each[1])), max_size=8)


@given(FIELDS)
def test_what_is_written_is_read(written: list) -> None:
    read = [
        (number, kind, value if isinstance(value, int) else bytes(value))
        for number, kind, value in fields(memoryview(b"".join(pieces(written))))
    ]
    assert read == written


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = list(fields(memoryview(data)))
    except ValueError:
        return
    assert all(number > 0 or kind == VARINT for number, kind, _ in found)


def test_the_examples_of_the_specification() -> None:
    assert field(1, 150) == bytes.fromhex("089601")
    assert field(2, b"testing") == bytes.fromhex("120774657374696e67")
    assert field(1, -2) == bytes.fromhex("08feffffffffffffffff01")
    assert list(messages(memoryview(field(1, 5) + field(2, b"a")))) == [(2, b"a")]


@pytest.mark.parametrize("data", ["0896", "12077465", "0d0000", "0b", "0f"])
def test_a_message_that_is_cut_off_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="ONNX"):
        list(fields(memoryview(bytes.fromhex(data))))

"""The wire format of Protocol Buffers, as much as it takes to read and change an ONNX file without its package.

A message is its fields, each a number and a value (protobuf.dev, "Encoding"); what a field means is the reader's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Kinds of values: an integer; eight bytes; a text, a message or packed numbers; four bytes."""

_SIZES = {FIXED64: 8, FIXED32: 4}

Field = tuple[int, int, "int | bytes | memoryview | list[bytes | memoryview]"]
"""Number, kind, value: a message or a text is bytes, or the pieces that it will be joined from."""


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(number, kind, value) of each field of a message, in order. Raises ValueError where it is cut off or none."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError("it is no ONNX file")
        if at + size > end or number == 0:
            raise ValueError("it is cut off, or no ONNX file")
        yield number, kind, message[at : at + size]
        at += size


def messages(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, value) of the fields that are texts, messages or packed numbers."""
    for number, kind, value in fields(message):
        if kind == BYTES and isinstance(value, memoryview):
            yield number, value


def pieces(found: Iterable[Field]) -> list[bytes | memoryview]:
    """The message of these fields, in pieces that are joined once: tensors are megabytes."""
    written: list[bytes | memoryview] = []
    for number, kind, value in found:
        written.append(_written(number << 3 | kind))
        if isinstance(value, int):
            written.append(_written(value))
            continue
        content = value if isinstance(value, list) else [value]
        if kind == BYTES:
            written.append(_written(sum(map(len, content))))
        written += content
    return written


def field(number: int, value: int | bytes | memoryview) -> bytes:
    """One field: an integer, or bytes."""
    return b"".join(pieces([(number, VARINT if isinstance(value, int) else BYTES, value)]))


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it is cut off, or no ONNX file")


def _written(value: int) -> bytes:
    value &= (1 << 64) - 1  # as negative numbers are written
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])

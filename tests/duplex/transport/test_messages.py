from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.clock import VirtualClock
from duplex.transport import messages
from duplex.transport.messages import BURST, LONGEST, RATE, UNREAD, Inbox


async def read(inbox: Inbox) -> list[dict]:
    inbox.close()
    return [message async for message in inbox]


async def test_objects_come_through_as_text_and_as_bytes() -> None:
    inbox = Inbox(VirtualClock())
    inbox.receive('{"type":"ping","t":1}')
    inbox.receive(b'{"type":"consent","record":true}')
    assert await read(inbox) == [{"type": "ping", "t": 1}, {"type": "consent", "record": True}]


@given(st.text() | st.binary())
async def test_anything_else_is_counted_and_dropped(content) -> None:
    inbox = Inbox(VirtualClock())
    inbox.receive(content)
    try:
        wanted = isinstance(json.loads(content), dict)
    except ValueError:
        wanted = False
    assert (inbox.taken, inbox.dropped) == ((1, 0) if wanted else (0, 1))


async def test_nesting_that_would_exhaust_the_stack_is_malformed() -> None:
    inbox = Inbox(VirtualClock())
    inbox.receive('{"a":' * 2500 + "1" + "}" * 2500)
    assert inbox.taken + inbox.malformed == 1


@pytest.mark.parametrize("character", ["a", "ß", "語"])
async def test_length_is_counted_in_bytes(character) -> None:
    inbox = Inbox(VirtualClock())
    text = json.dumps({"a": character * (LONGEST // len(character.encode()) + 1)}, ensure_ascii=False)
    inbox.receive(text)
    inbox.receive(text.encode())
    assert (inbox.taken, inbox.oversize) == (0, 2)


def test_a_flood_is_cut_to_the_rate_and_let_through_again_afterwards() -> None:
    clock = VirtualClock()

    async def main() -> None:
        inbox = Inbox(clock)
        for _ in range(1000):
            inbox.receive("{}")
        assert inbox.taken == BURST
        await clock.sleep_until(1.0)
        for _ in range(1000):
            inbox.receive("{}")
        assert inbox.taken == BURST + RATE
        assert inbox.flooded == 2000 - inbox.taken

    clock.run(main())


def test_unread_messages_are_bounded() -> None:
    clock = VirtualClock()

    async def main() -> None:
        inbox = Inbox(clock)
        for n in range(1000):
            await clock.sleep_until(n / RATE)
            inbox.receive(json.dumps({"n": n}))
        left = await read(inbox)
        assert [m["n"] for m in left] == list(range(1000 - UNREAD, 1000))

    clock.run(main())


def test_what_json_has_not_is_refused() -> None:
    assert messages.encode({"a": "ü", "b": [1, 2.5]}) == '{"a":"ü","b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON"):
        messages.encode({"a": float("nan")})

"""Rings: what goes in comes out, in order, once, whatever the sizes; nothing blocks and nothing is overwritten."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.microphone.ring import SampleRing, TimeRing


@given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=60))
def test_a_ring_is_a_queue(capacity: int, moves: list[tuple[bool, int]]) -> None:
    ring, held, fed, lost = SampleRing(capacity), [], 0, 0
    for writes, size in moves:
        if writes:
            block = np.arange(fed, fed + size, dtype=np.float32)
            taken = ring.write(block)
            assert taken == min(size, capacity - len(held))
            held += block[:taken].tolist()
            lost += size - taken
            fed += size
        else:
            out = np.full(size, -1.0, np.float32)
            count = ring.read(out)
            assert count == min(size, len(held))
            assert out[:count].tolist() == held[:count] and (out[count:] == -1.0).all()
            held = held[count:]
        assert len(ring) == len(held) and ring.overflow == lost


def test_skipping_is_reading_without_looking() -> None:
    ring = SampleRing(8)
    ring.write(np.arange(6, dtype=np.float32))
    assert ring.skip(4) == 4
    ring.write(np.arange(6, 10, dtype=np.float32))
    out = np.zeros(8, np.float32)
    assert ring.read(out) == 6
    assert out[:6].tolist() == [4, 5, 6, 7, 8, 9]
    assert ring.skip(1) == 0


def test_a_thread_may_write_while_another_reads() -> None:
    ring, total = SampleRing(997), 60_000
    numbers = np.arange(total, dtype=np.float32)

    def produce() -> None:
        at = 0
        while at < total:
            at += ring.write(numbers[at : at + 160])

    got = np.zeros(total, np.float32)
    thread = threading.Thread(target=produce)
    thread.start()
    at = 0
    while at < total:
        at += ring.read(got[at : at + 123])
    thread.join()
    assert (got == numbers).all()


def test_times_come_once_and_the_newest_survive() -> None:
    times = TimeRing(8)
    times.write(1.0, 160)
    times.write(2.0, 320)
    assert times.read() == [(1.0, 160), (2.0, 320)]
    assert times.read() == []
    for step in range(3, 103):
        times.write(float(step), 160 * step)
    assert times.read() == [(float(step), 160 * step) for step in range(99, 103)]

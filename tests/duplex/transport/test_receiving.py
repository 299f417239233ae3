from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import VirtualClock
from duplex.transport.jitter_buffer import HUSH, REST, SLACK
from duplex.transport.libopus import OpusEncoder
from duplex.transport.receiving import AudioReceiver
from tests.duplex.transport.network import PERIOD, TICKS
from tests.duplex.transport.test_libopus import packets, voice

Arrival = tuple[float, int, bytes]
"""Seconds, index of the packet, payload."""


def received(arrivals: list[Arrival], until: float) -> tuple[AudioReceiver, list[tuple[float, AudioChunk]]]:
    clock = VirtualClock()

    async def main() -> tuple[AudioReceiver, list[tuple[float, AudioChunk]]]:
        receiver = AudioReceiver(clock)
        out: list[tuple[float, AudioChunk]] = []

        async def read() -> None:
            async for chunk in receiver:
                out.append((clock.now(), chunk))

        reading = asyncio.create_task(read())
        for at, index, payload in sorted(arrivals):
            await clock.sleep_until(at)
            receiver.packet(index & 0xFFFF, index * TICKS, 1, payload)
        await clock.sleep_until(until)
        receiver.close()
        await reading
        return receiver, out

    return clock.run(main())


def sent(seconds: float = 1.0, loss: float = 0.0) -> list[Arrival]:
    encoder = OpusEncoder()
    encoder.expect_loss(loss)
    return [(n * PERIOD, n, p) for n, p in enumerate(packets(voice()[: round(seconds * SAMPLE_RATE)], encoder))]


@given(st.sets(st.integers(1, 48)), st.lists(st.floats(0.0, 0.15), min_size=50, max_size=50))
@settings(max_examples=30, deadline=None)
def test_chunks_are_20_ms_contiguous_and_as_many_as_were_sent_whatever_is_lost(lost, delays) -> None:
    arrivals = [(at + delays[n], n, p) for at, n, p in sent() if n not in lost]
    receiver, out = received(arrivals, until=1.0 + 0.4)
    assert [chunk.start for _, chunk in out] == [FRAME * n for n in range(len(out))]
    assert all(len(chunk.samples) == FRAME and np.isfinite(chunk.samples).all() for _, chunk in out)
    assert len(out) >= 50 - min(n for _, n, _ in arrivals)
    assert receiver.concealed == FRAME * sum(chunk.concealed for _, chunk in out)


def test_without_loss_a_chunk_is_out_the_moment_its_packet_is_in() -> None:
    _, out = received(sent(), until=0.99)
    assert [at for at, _ in out] == [n * PERIOD for n in range(50)]
    assert not any(chunk.concealed for _, chunk in out)


def test_a_single_loss_is_recovered_from_the_copy_and_not_marked() -> None:
    arrivals = [(at, n, p) for at, n, p in sent(loss=0.2) if n != 20]
    receiver, out = received(arrivals, until=0.99)
    assert len(out) == 50
    assert receiver.recovered == 1
    assert not any(chunk.concealed for _, chunk in out)
    assert out[20][0] <= 20 * PERIOD + REST + SLACK


def test_a_loss_without_a_copy_is_concealed_and_marked() -> None:
    _, out = received([(at, n, p) for at, n, p in sent() if n != 20], until=0.99)
    assert [n for n, (_, chunk) in enumerate(out) if chunk.concealed] == [20]


def test_the_clock_goes_on_when_nothing_comes_any_more() -> None:
    receiver, out = received(sent()[:10], until=2.0)
    assert all(chunk.concealed for _, chunk in out[10:])
    assert 2.0 - HUSH - SLACK - PERIOD <= out[-1][1].start / SAMPLE_RATE <= 2.0 - HUSH - SLACK
    assert receiver.last_arrival == 9 * PERIOD


def test_a_loop_that_was_busy_reads_its_sockets_before_it_gives_anything_up() -> None:
    """Datagrams that came meanwhile are read one an iteration, and pass through a task; timers are late all at once."""
    arrivals = sent()
    clock = VirtualClock()

    async def main() -> list[AudioChunk]:
        receiver = AudioReceiver(clock)
        for at, index, payload in arrivals:
            if index == 20:
                clock._now += 0.35  # for so long nothing ran
                await asyncio.sleep(0)
            if index < 20 or at > clock.now():
                await clock.sleep_until(at)
            else:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            receiver.packet(index, index * TICKS, 1, payload)
        receiver.close()
        return [chunk async for chunk in receiver]

    out = clock.run(main())
    assert len(out) == 50
    assert not any(chunk.concealed for chunk in out)


def test_a_pause_with_dtx_is_not_concealment() -> None:
    encoder = OpusEncoder(dtx=True)
    silence = np.zeros(SAMPLE_RATE * 2, np.float32)
    spoken = packets(np.concatenate([voice()[:SAMPLE_RATE], silence, voice()[:SAMPLE_RATE]]), encoder)
    arrivals, sequence = [], 0
    clock = VirtualClock()
    paused = False
    for n, payload in enumerate(spoken):
        quiet = len(payload) <= 2
        if not (quiet and paused):
            arrivals.append((n * PERIOD, sequence, n * TICKS, payload))
            sequence += 1
        paused = quiet

    async def main() -> list[AudioChunk]:
        receiver = AudioReceiver(clock)
        for at, number, timestamp, payload in arrivals:
            await clock.sleep_until(at)
            receiver.packet(number, timestamp, 1, payload)
        receiver.close()
        return [chunk async for chunk in receiver]

    out = clock.run(main())
    assert len(arrivals) < len(spoken) - 50
    assert len(out) == len(spoken)
    assert not any(chunk.concealed for chunk in out)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=40)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_the_other_side_makes_up_does_no_harm(forged) -> None:
    clock = VirtualClock()

    async def main() -> None:
        receiver = AudioReceiver(clock)
        for sequence, timestamp, payload in forged:
            receiver.packet(sequence, timestamp, 1, payload)
            await asyncio.sleep(0.01)
        receiver.close()
        position = 0
        async for chunk in receiver:
            assert chunk.start >= position
            assert np.isfinite(chunk.samples).all()
            position = chunk.end

    clock.run(main())

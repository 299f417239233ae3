from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duplex.transport.jitter_buffer import DEEPEST, HUSH, RATE, REST, SLACK, WINDOW, JitterBuffer, Packet
from tests.duplex.transport.network import PERIOD, TICKS, kinds, run, stream

EPSILON = 1e-6
SLOWEST = 0.3


def steady(packets: list[Packet], delay: float = 0.05) -> list[tuple[float, Packet]]:
    return [(i * PERIOD + delay, packet) for i, packet in enumerate(packets)]


@st.composite
def networks(draw: st.DrawFn) -> list[tuple[float, Packet]]:
    """Packets lost, doubled, delayed by up to 300 ms, from any place of the counters."""
    count = draw(st.integers(1, 60))
    packets = stream(count, sequence=draw(st.integers(0, 0xFFFF)), timestamp=draw(st.integers(0, 0xFFFFFFFF)))
    arrivals = []
    for index, packet in enumerate(packets):
        for _ in range(draw(st.sampled_from([1, 1, 1, 1, 0, 2]))):
            arrivals.append((index * PERIOD + draw(st.floats(0.0, SLOWEST)), packet))
    return arrivals or [(0.0, packets[0])]


@pytest.mark.slow
@given(networks())
@settings(max_examples=200, deadline=None)
def test_slots_are_contiguous_and_every_packet_is_played_at_most_once_and_in_its_place(arrivals) -> None:
    buffer = JitterBuffer()
    out = run(buffer, arrivals, until=5.0)
    position = 0
    for _, slot in out:
        assert slot.position == position
        assert slot.duration > 0
        position += slot.duration
    played = [slot for _, slot in out if slot.kind == "packet"]
    assert len({slot.payload for slot in played}) == len(played)
    numbers = [int.from_bytes(slot.payload, "big") for slot in played]
    places = [slot.position // TICKS for slot in played]
    assert numbers == sorted(numbers)
    timelines = {number - place for number, place in zip(numbers, places, strict=True)}
    assert len(timelines) <= 1 + buffer.counters.jumps


@pytest.mark.slow
@given(networks())
@settings(max_examples=200, deadline=None)
def test_no_slot_is_held_longer_than_the_deepest_wait(arrivals) -> None:
    """However the packets come, a slot is out by the time that its packet may take at most, and the deepest wait."""
    buffer = JitterBuffer()
    out = run(buffer, arrivals, until=5.0)
    assume(not buffer.counters.jumps)
    first = index_of(min(arrivals, key=lambda arrival: arrival[0])[1])
    for at, slot in out:
        sent = first * PERIOD + slot.position / RATE
        assert at <= sent + SLOWEST + DEEPEST + SLACK + EPSILON


def index_of(packet: Packet) -> int:
    return int.from_bytes(packet.payload, "big")


@given(st.integers(1, 200), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
@settings(deadline=None)
def test_on_a_quiet_network_every_packet_goes_out_the_moment_it_comes(count, sequence, timestamp) -> None:
    packets = stream(count, sequence=sequence, timestamp=timestamp)
    arrivals = steady(packets)
    buffer = JitterBuffer()
    out = run(buffer, arrivals)
    assert [(at, slot.payload) for at, slot in out] == [(at, packet.payload) for at, packet in arrivals]
    assert buffer.depth == REST


@given(st.lists(st.floats(0.0, REST), min_size=1, max_size=100))
@settings(deadline=None)
def test_jitter_within_the_depth_conceals_nothing(delays) -> None:
    packets = stream(len(delays))
    out = run(JitterBuffer(), [(i * PERIOD + d, p) for i, (d, p) in enumerate(zip(delays, packets, strict=True))])
    # The first packet may itself be a slow one: nobody can know before a faster one has come.
    assert set(kinds(out)) == {"packet"}


@given(st.integers(0, 90), st.integers(1, 3))
@settings(deadline=None)
def test_a_lost_packet_costs_one_wait_and_leaves_no_delay_behind(at, burst) -> None:
    packets = stream(100)
    lost = set(range(at + 1, min(at + 1 + burst, 99)))
    arrivals = [(when, p) for i, (when, p) in enumerate(steady(packets)) if i not in lost]
    out = run(JitterBuffer(), arrivals)
    assert len(out) == 100
    for index, (when, slot) in enumerate(out):
        wait = when - (index * PERIOD + 0.05)
        if index in lost:
            assert slot.kind == "lost"
            assert wait <= max(REST + SLACK, burst * PERIOD) + EPSILON  # until its end shows a burst
        elif index - 1 in lost:
            assert wait <= SLACK + EPSILON  # it had come while its predecessor was still waited for
        else:
            assert wait <= EPSILON


def test_the_packet_after_a_gap_comes_along_for_its_copy_of_the_one_before_it() -> None:
    arrivals = [(when, p) for i, (when, p) in enumerate(steady(stream(10))) if i not in (4, 5)]
    out = run(JitterBuffer(), arrivals)
    assert kinds(out)[4:7] == ["lost", "lost", "packet"]
    assert out[4][1].payload is None  # the copy is of one packet only
    assert out[5][1].payload == out[6][1].payload == (6).to_bytes(4, "big")


def test_reordered_packets_are_put_in_order_and_duplicates_dropped() -> None:
    a, b, c, d = stream(4)
    buffer = JitterBuffer()
    out = run(buffer, [(0.00, a), (0.021, c), (0.022, c), (0.023, b), (0.024, b), (0.06, d), (0.061, a)])
    assert [slot.payload for _, slot in out] == [p.payload for p in (a, b, c, d)]
    assert (buffer.counters.reordered, buffer.counters.duplicates, buffer.counters.late) == (1, 3, 0)


def test_depth_follows_jitter_at_once_and_drains_back_after_the_burst() -> None:
    packets = stream(400)
    shaken = range(100, 200)
    arrivals = [(i * PERIOD + (0.08 if i in shaken and i % 2 else 0.0), packet) for i, packet in enumerate(packets)]
    buffer = JitterBuffer()
    depths = {}
    for when, packet in sorted(arrivals, key=lambda arrival: arrival[0]):
        run(buffer, [(when, packet)])
        depths[index_of(packet)] = buffer.depth
    assert depths[99] == REST
    assert all(depths[i] >= 0.08 - EPSILON for i in range(108, 200))
    assert all(depths[i] == REST for i in range(205 + WINDOW, 400))


def test_one_stray_packet_is_forgotten_with_the_window() -> None:
    depths = []
    buffer = JitterBuffer()
    for index, packet in enumerate(stream(300)):
        run(buffer, [(index * PERIOD + (0.015 if index % 2 else 0.0) + (0.15 if index == 50 else 0.0), packet)])
        depths.append(buffer.depth)
    assert max(depths) >= 0.15 - EPSILON
    assert depths[50 + WINDOW] == REST


def test_a_path_that_gets_longer_is_waited_for_within_a_few_packets() -> None:
    arrivals = [(i * PERIOD + (0.1 if i >= 100 else 0.0), p) for i, p in enumerate(stream(300))]
    buffer = JitterBuffer()
    out = run(buffer, arrivals)
    missing = [slot.position // TICKS for _, slot in out if slot.kind != "packet"]
    assert set(missing) <= set(range(100, 110))
    assert buffer.depth == REST  # the longer path is the network at rest now


def test_a_network_held_up_for_a_moment_costs_no_packet() -> None:
    arrivals = [(max(i * PERIOD, 51 * PERIOD + HUSH if 51 <= i < 60 else 0.0), p) for i, p in enumerate(stream(100))]
    out = run(JitterBuffer(), arrivals)
    assert kinds(out) == ["packet"] * 100
    assert all(at == when for (at, _), (when, _) in zip(out, arrivals, strict=True))


def test_a_stall_is_concealed_in_time_and_what_comes_too_late_is_dropped() -> None:
    packets = stream(400)
    stalled = range(100, 200)
    arrivals = [(i * PERIOD if i not in stalled else 200 * PERIOD + (i - 100) * 1e-4, p) for i, p in enumerate(packets)]
    buffer = JitterBuffer()
    out = run(buffer, arrivals)
    waits = [at - slot.position / RATE for at, slot in out]
    assert max(waits) <= HUSH + SLACK + EPSILON  # during the stall
    assert max(waits[202:]) <= EPSILON  # and nothing is left of it
    assert all(slot.kind == "packet" for _, slot in out[202:])
    assert len(out) == 400
    assert buffer.counters.jumps == 0


def test_a_sender_whose_clock_stood_still_is_taken_as_it_is() -> None:
    """A laptop asleep for three seconds goes on with the next timestamp: for ever too late, unless time is re-set."""
    arrivals = [(i * PERIOD + (3.0 if i >= 100 else 0.0), p) for i, p in enumerate(stream(200))]
    buffer = JitterBuffer()
    out = run(buffer, arrivals)
    assert buffer.counters.jumps == 1
    assert kinds(out)[-50:] == ["packet"] * 50
    assert [b.position - a.position for (_, a), (_, b) in pairwise(out)] == [TICKS] * (len(out) - 1)


def test_another_stream_goes_on_where_the_first_one_ended() -> None:
    first, second = stream(50), stream(50, ssrc=2, timestamp=123_456_789, sequence=40_000)
    arrivals = steady(first) + [(1.05 + i * PERIOD, p) for i, p in enumerate(second)]
    arrivals.append((1.2, Packet(51, 51 * TICKS, b"late", TICKS, 1)))
    out = run(JitterBuffer(), arrivals)
    assert kinds(out) == ["packet"] * 100
    assert out[-1][1].position == 99 * TICKS


def test_a_pause_of_the_sender_is_silence_and_not_loss() -> None:
    """DTX: the packet before the pause says so, and the sequence numbers go on behind it."""
    packets = stream(100, silent=(20,))
    resumed = [Packet(p.sequence - 19, p.timestamp, p.payload, TICKS, p.ssrc) for p in packets[40:]]
    arrivals = steady(packets[:21]) + [(40 * PERIOD + 0.05 + i * PERIOD, p) for i, p in enumerate(resumed)]
    buffer = JitterBuffer()
    out = run(buffer, arrivals)
    assert kinds(out) == ["packet"] * 21 + ["silence"] * 19 + ["packet"] * 60
    assert buffer.counters.lost == 0
    assert max(at - (slot.position / RATE + 0.05) for at, slot in out) <= REST + SLACK + EPSILON


@given(
    st.lists(
        st.builds(
            Packet,
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF) | st.integers(0, 3000),
            st.just(b"x"),
            st.sampled_from([120, 480, 960, 2880, 5760]),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=200, deadline=None)
def test_packets_that_make_no_sense_do_no_harm(packets) -> None:
    buffer = JitterBuffer()
    out = run(buffer, [(i * 0.005, p) for i, p in enumerate(packets)], until=1.0)
    position = 0
    for _, slot in out:
        assert slot.position == position
        position += slot.duration
    assert position <= (1.0 + 60 * 2.0) * RATE

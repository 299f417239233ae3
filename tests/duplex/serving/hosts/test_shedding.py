"""What is given up under load, in which order, and when it comes back."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import STEPS, Lateness, Shedder
from duplex.serving.http.call_request import CallRequest
from duplex.streaming.errors import CallError
from duplex.testing import VirtualClock
from tests.duplex.serving.scripted import OFFER, Peers, host, speak


def test_one_step_at_a_time_in_the_stated_order_and_back_in_reverse() -> None:
    assert STEPS[0].name == "restoration" and STEPS[-1].name == "new calls"
    shedder, log = Shedder(late=0.04, patience=1.0, calm=10.0), []
    for tick in range(100):
        now = tick / 2
        step = shedder.observe(0.1 if 2 <= now < 10 else 0.001, now)
        if step is not None:
            log.append((now, step.name, shedder.level))
    up, down = log[: len(STEPS)], log[len(STEPS) :]
    assert [name for _, name, _ in up] == [step.name for step in STEPS]
    assert [name for _, name, _ in down] == [step.name for step in reversed(STEPS)]
    assert up[0][0] == 2 and all(b[0] - a[0] >= 1 for a, b in itertools.pairwise(up))
    assert down[0][0] >= 20 and all(b[0] - a[0] >= 10 for a, b in itertools.pairwise(down))
    assert shedder.level == 0


def test_in_between_nothing_changes() -> None:
    shedder = Shedder(late=0.04)
    shedder.observe(0.05, 0.0)
    assert all(shedder.observe(0.03, 1.0 + tick) is None for tick in range(100)) and shedder.level == 1


def test_what_comes_back_too_soon_comes_back_later_the_next_time() -> None:
    """A load that fits only without the step: it does not go on and off all the time."""
    shedder, changes = Shedder(late=0.04, calm=10.0), []
    for tick in range(4000):
        now = tick / 2
        if shedder.observe(0.1 if shedder.level == 0 else 0.001, now) is not None:
            changes.append((now, shedder.level))
    back = [b[0] - a[0] for a, b in itertools.pairwise(changes) if b[1] == 0]
    assert back[:4] == [10.5, 20.5, 40.5, 80.5] and max(back) == 300.5 and len(changes) < 30
    for tick in range(4000, 8000):
        shedder.observe(0.001, tick / 2)
    assert shedder.level == 0
    shedder.observe(0.1, 4000.0)
    assert shedder.observe(0.001, 4001.0) is None and shedder.observe(0.001, 4012.0) is not None


def test_lateness_is_over_a_sliding_window() -> None:
    lateness = Lateness(slots=4)
    assert lateness.quantile() == 0.0
    for _ in range(100):
        lateness.add(0.1)
    for _ in range(3):
        lateness.turn()
        lateness.add(0.0)
    assert lateness.quantile() == pytest.approx(0.1)
    lateness.turn()
    assert lateness.quantile() == 0.0


def test_a_host_pauses_restoration_then_refuses_and_recovers() -> None:
    clock = VirtualClock()

    async def main() -> None:
        peers = Peers()
        shedder = Shedder(calm=5.0)
        async with host(peers, clock, shedder=shedder) as held:
            id = (await held.create(CallRequest("user", settings={"restore": "enhance"})))["session"]
            await held.offer(id, OFFER)
            await asyncio.sleep(0)
            peer = peers.of(id)
            quiet = np.zeros(0, np.float32)
            await speak(clock, {peer: quiet}, 1.0)
            assert peer.of("switches")[-1]["restoration"] == "enhance" and not peer.of("switches")[-1]["paused"]
            late(held, 0.2)
            await speak(clock, {peer: quiet}, 0.6)
            assert "restoration of the sound is paused" in peer.of("notice")[-1]["text"]
            assert peer.of("switches")[-1]["paused"] and not held._where[id]._session.restoring
            await held.create(CallRequest("second"))  # one step at a time
            for _ in STEPS[1:]:
                late(held, 0.2)
                await speak(clock, {peer: quiet}, 1.6)
            (load,) = await held.load()
            assert load.shed == tuple(step.name for step in STEPS) and not load.accepts
            with pytest.raises(CallError, match="too busy"):
                await held.create(CallRequest("third"))
            peer.ask({"type": "switch", "name": "restoration", "value": "codec"})
            await speak(clock, {peer: quiet}, 7.0)
            await held.create(CallRequest("third"))
            await speak(clock, {peer: quiet}, 6.0 * (len(STEPS) - 1))
            assert "is back" in peer.of("notice")[-1]["text"]
            assert peer.of("switches")[-1] == {
                "type": "switches",
                "restoration": "codec",
                "paused": False,
                "assistant": True,
                "recording": False,
            }
            assert held._where[id]._session.restoring

    clock.run(main())


def late(held: InProcessHost, seconds: float) -> None:
    for _ in range(2000):
        held._monitor.lateness.add(seconds)

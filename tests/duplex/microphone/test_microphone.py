"""The microphone and a session at virtual time: sound both ways, and a device that is away for longer than any gap."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.events import CapabilityLost, CapabilityRestored, Event
from duplex.microphone.device_stream import InputLeg, OutputLeg
from duplex.microphone.microphone import Microphone
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.testing import VirtualClock, scripted_engines

RATE = 48_000
BLOCK = RATE // 100


class Kept:
    """A session's sink that keeps what came in."""

    def __init__(self) -> None:
        self.frames: list[MultichannelFrame] = []
        self.events: list[Event] = []

    def on_input(self, frame: MultichannelFrame) -> None:
        self.frames.append(frame)

    def on_output(self, chunk: AudioChunk) -> None: ...

    def on_event(self, event: Event) -> None:
        self.events.append(event)


def test_a_device_that_is_away_for_long_leaves_silence_of_its_length() -> None:
    clock, kept = VirtualClock(), Kept()
    microphone = Microphone(echo_cancellation=False, clock=clock)
    streams = SimpleNamespace(input=None, output=None, latency=0.0, on_lost=None, on_back=None)
    microphone.streams = streams  # type: ignore[assignment]
    played: list[np.ndarray] = []

    async def devices(seconds: float) -> None:
        """Both devices call every 10 ms, the microphone with a constant, half a millisecond after the session."""
        streams.input, streams.output = InputLeg(RATE), OutputLeg(RATE)
        began = clock.now() + 0.0005
        for number in range(round(seconds * 100)):
            await clock.sleep_until(began + number / 100)
            streams.input.captured(np.full(BLOCK, 0.01, np.float32), clock.now())
            out = np.empty(BLOCK, np.float32)
            streams.output.render(out, clock.now())
            played.append(out)
        streams.input = streams.output = None

    async def main() -> None:
        async with Session(engines=scripted_engines([]), clock=clock, sinks=[kept]) as session:
            conversation = asyncio.create_task(microphone.run(session))
            await devices(5.0)
            streams.on_lost("the microphone has stopped; waiting for it")
            session.say("one two three")
            await clock.sleep_until(20.0)
            streams.on_back()
            session.say("four five six")
            await devices(5.0)
            conversation.cancel()

    clock.run(main())
    assert [frame.start for frame in kept.frames] == list(range(0, len(kept.frames) * FRAME, FRAME))
    assert kept.frames[-1].end == pytest.approx(25 * SAMPLE_RATE, abs=4 * FRAME), "the session's clock stood still"
    concealed = [frame.start / SAMPLE_RATE for frame in kept.frames if frame.concealed]
    away = [time for time in concealed if 5.1 < time < 19.9]
    assert len(away) == pytest.approx(14.8 * 50, abs=2)
    assert len(concealed) - len(away) < 25, "only a buffer's length around it"
    heard = np.concatenate([frame.samples[:, 0] for frame in kept.frames])
    assert np.abs(heard[2 * SAMPLE_RATE : 4 * SAMPLE_RATE] - 0.01).max() < 1e-4
    assert not heard[6 * SAMPLE_RATE : 19 * SAMPLE_RATE].any()
    assert np.abs(heard[22 * SAMPLE_RATE : 24 * SAMPLE_RATE] - 0.01).max() < 1e-4
    assert microphone.concealed == pytest.approx(15 * SAMPLE_RATE, rel=0.05)
    assert microphone.level_db == pytest.approx(-40.0, abs=0.5)
    (lost,) = [event for event in kept.events if isinstance(event, CapabilityLost)]
    (back,) = [event for event in kept.events if isinstance(event, CapabilityRestored)]
    assert (lost.capability, back.capability) == ("sound", "sound")
    assert (back.start - lost.start) / SAMPLE_RATE == pytest.approx(15.0, abs=0.1)
    assert not np.concatenate(played[:450]).any() and np.abs(np.concatenate(played[-450:])).max() > 0.05

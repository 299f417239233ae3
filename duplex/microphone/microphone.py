"""A session at this machine's microphone and loudspeaker."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from duplex.microphone.device_stream import HOP
from duplex.microphone.streams import Streams
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock, SystemClock

if TYPE_CHECKING:
    from duplex.conversation.session import Session
    from duplex.microphone.echo_control import EchoControl

_NOTHING = np.zeros(0, np.float32)


class Microphone:
    """Devices that a session hears and speaks through, opened on entry.

        async with duplex.Microphone() as microphone:
            async with duplex.Session(settings, echo_control=microphone.echo_control) as session:
                await microphone.run(session)

    input, output: devices by name or a part of it; empty: the default ones. echo_cancellation: take the assistant's
    voice out of the input; not needed with headphones. latency: seconds asked of the devices; None: a safe one.
    Raises DeviceError where PortAudio or a device is missing, ModelError where the canceller is.
    """

    def __init__(
        self,
        input: str = "",
        output: str = "",
        *,
        echo_cancellation: bool = True,
        latency: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.echo_control: EchoControl | None = None
        self.streams = Streams(input, output, clock=self.clock, latency=latency)
        self.level_db = -math.inf
        """Of the microphone, lately, in dBFS."""
        self.concealed = 0
        """Samples that the session was given silence for."""
        if echo_cancellation:
            from duplex.microphone.echo_control import EchoControl

            self.echo_control = EchoControl()

    async def __aenter__(self) -> Microphone:
        await self.streams.open()
        self._path_changed()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.streams.close()

    async def run(self, session: Session) -> None:
        """Carry sound in both directions until the session ends. A device that goes away is waited for: the session
        goes on with silence in its place, and says so."""
        self.streams.on_lost = lambda reason: session.host.capability_lost("sound", reason)
        self.streams.on_back = lambda: self._back(session)
        began = math.inf
        async for chunk in session.audio():
            now = self.clock.now()
            # Chunks come when they are due or, if the loop was busy, later: never earlier.
            began = min(began, now - chunk.start / SAMPLE_RATE)
            if self.streams.output is not None:
                self.streams.output.push(chunk.samples, now)
            due = began + chunk.start / SAMPLE_RATE
            heard = self.streams.input.pull(due) if self.streams.input is not None else None
            if heard is None:
                self.concealed += HOP
                session.feed(_NOTHING, start=chunk.end)
            else:
                self._measure(heard)
                session.feed(heard, start=chunk.start)

    def _back(self, session: Session) -> None:
        self._path_changed()
        session.host.capability_restored("sound")

    def _path_changed(self) -> None:
        if self.echo_control is not None:
            self.echo_control.restart(self.streams.latency)

    def _measure(self, heard: np.ndarray) -> None:
        power = float(np.dot(heard, heard)) / len(heard)
        level = 10.0 * math.log10(power + 1e-10)
        self.level_db = max(level, self.level_db - 1.0)  # falls by 100 dB a second, so that peaks can be seen

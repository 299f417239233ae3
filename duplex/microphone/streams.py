"""The two streams of a conversation, watched, and opened again when a device goes away and comes back.

PortAudio knows the devices of the moment it was started, so it is started anew; that closes every stream, which is why
microphone and loudspeaker go and come together. All of it happens in one thread of its own: opening a device takes up
to seconds, and PortAudio wants one caller.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from duplex.microphone.device_stream import InputLeg, OutputLeg
from duplex.microphone.devices import Device, choose_device, portaudio
from duplex.streaming.clock import Clock
from duplex.streaming.errors import DeviceError

SILENT_FOR = 2.0
"""Seconds without a callback after which a device counts as gone."""
BACKOFF = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to open the devices again; the last goes on for ever."""
_LOOK = 0.2
_LONGEST_BLOCK = 1 << 15


class Streams:
    """Microphone and loudspeaker. `input` and `output` are None while there is none.

    input, output: names of devices, as `choose_device` takes them. latency: seconds asked of PortAudio; None is what
    the device is safe with. on_lost(reason), on_back(): called on the event loop.
    """

    def __init__(
        self,
        input: str = "",
        output: str = "",
        *,
        clock: Clock,
        latency: float | None = None,
        on_lost: Callable[[str], None] = lambda reason: None,
        on_back: Callable[[], None] = lambda: None,
    ) -> None:
        self.input: InputLeg | None = None
        self.output: OutputLeg | None = None
        self.devices: tuple[Device, Device] | None = None
        """Those that were opened last: microphone, loudspeaker."""
        self.latency = 0.0
        """Seconds from `push` to the same sound's `pull`, as far as the devices know."""
        self.on_lost = on_lost
        self.on_back = on_back
        self._names = (input, output)
        self._clock = clock
        self._wanted: float | str = "high" if latency is None else latency
        self._thread = ThreadPoolExecutor(1, "portaudio")
        self._streams: list[Any] = []
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises DeviceError."""
        await self._in_thread(self._open)
        self._watch = asyncio.create_task(self._watch_over())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _watch_over(self) -> None:
        opened = self._clock.now()
        while True:
            await asyncio.sleep(_LOOK)
            reason = self._trouble(opened)
            if reason:
                self.input = self.output = None
                self.on_lost(reason)
                await self._reopen()
                opened = self._clock.now()
                self.on_back()

    def _trouble(self, opened: float) -> str:
        legs = (("microphone", self.input), ("loudspeaker", self.output))
        for (what, leg), stream in zip(legs, self._streams, strict=True):
            last = leg.last_callback if leg is not None else None
            if not stream.active:
                return f"the {what} has stopped; waiting for it"
            if self._clock.now() - (opened if last is None else last) > SILENT_FOR:
                return f"the {what} has been silent for {SILENT_FOR:.0f} s; waiting for it"
        return ""

    async def _reopen(self) -> None:
        attempt = 0
        while True:
            try:
                await self._in_thread(self._restart)
                return
            except DeviceError:
                await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
                attempt += 1

    # In the thread.

    def _restart(self) -> None:
        self._close()
        sd = portaudio()
        with contextlib.suppress(sd.PortAudioError):
            sd._terminate()
        try:
            sd._initialize()
        except sd.PortAudioError as error:
            raise DeviceError(f"PortAudio does not start: {error}") from None
        self._open()

    def _close(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.close(ignore_errors=True)

    def _open(self) -> None:
        sd = portaudio()
        microphone, loudspeaker = choose_device("input", self._names[0]), choose_device("output", self._names[1])
        device = microphone
        try:
            self._streams.append(source := self._open_input(sd, microphone))
            device = loudspeaker
            self._streams.append(sink := self._open_output(sd, loudspeaker))
            sink.start()
            device = microphone
            source.start()
        except (sd.PortAudioError, ValueError) as error:
            self._close()
            self.input = self.output = None
            raise DeviceError(f"{device.name!r} cannot be opened: {_first_line(error)}") from None
        self.devices = (microphone, loudspeaker)
        buffered = (self.input.target if self.input else 0.0) + (self.output.target if self.output else 0.0)
        self.latency = source.latency + sink.latency + buffered

    def _open_input(self, sd: Any, device: Device) -> Any:
        leg = InputLeg(device.rate)
        now = self._clock.now
        mono = np.zeros(_LONGEST_BLOCK, np.float32)

        def captured(block: np.ndarray, frames: int, time: Any, status: Any) -> None:
            out = mono[:frames]
            np.copyto(out, block[:, 0])
            for channel in range(1, block.shape[1]):
                np.add(out, block[:, channel], out=out)
            np.multiply(out, 1.0 / block.shape[1], out=out)
            leg.captured(out, now())

        stream = sd.InputStream(callback=captured, **self._format(device))
        self.input = leg
        return stream

    def _open_output(self, sd: Any, device: Device) -> Any:
        leg = OutputLeg(device.rate)
        now = self._clock.now
        mono = np.zeros(_LONGEST_BLOCK, np.float32)

        def render(block: np.ndarray, frames: int, time: Any, status: Any) -> None:
            out = mono[:frames]
            leg.render(out, now())
            for channel in range(block.shape[1]):
                np.copyto(block[:, channel], out)

        stream = sd.OutputStream(callback=render, **self._format(device))
        self.output = leg
        return stream

    def _format(self, device: Device) -> dict[str, Any]:
        return {
            "device": device.index,
            "channels": min(device.channels, 2),
            "samplerate": device.rate,
            "dtype": "float32",
            "latency": self._wanted,
            "blocksize": 0,  # as the device likes it: PortAudio cuts other sizes out of its own, in bursts
        }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from duplex.microphone.loudspeaker import Loudspeaker
from duplex.streaming.errors import DeviceError


class PortAudioError(Exception):
    pass


class Stream:
    """What PortAudio plays on: keeps what was written, and may fail at a block."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.played: list[np.ndarray] = []
        self.events: list[str] = []
        self.fails_at = fails_at
        self.sounded = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def start(self) -> None:
        self.events.append("start")

    def write(self, block: np.ndarray) -> None:
        self.free.wait()
        if self.fails_at == len(self.played):
            raise PortAudioError("unplugged\nmore about it")
        self.played.append(block.copy())
        self.sounded.set()

    def stop(self) -> None:
        self.events.append("stop")

    def close(self, ignore_errors: bool) -> None:
        self.events.append("close")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine with one loudspeaker of 48 kHz; `stream` is what is opened, `refuses` what opening it raises."""
    machine = SimpleNamespace(stream=Stream(), refuses=None, asked={})

    def open_stream(**settings: Any) -> Stream:
        machine.asked = settings
        if machine.refuses:
            raise machine.refuses
        return machine.stream

    row = {"name": "Box", "hostapi": 0, "max_output_channels": 2, "default_samplerate": 48_000.0}
    module = SimpleNamespace(
        query_hostapis=lambda: [{"name": "ALSA", "default_output_device": 0}],
        query_devices=lambda: [row],
        default=SimpleNamespace(device={"output": 0}),
        PortAudioError=PortAudioError,
        OutputStream=open_stream,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return machine


def test_everything_is_played_at_the_device_s_rate_before_it_closes(device):
    with Loudspeaker(sample_rate=16_000) as loudspeaker:
        for _ in range(5):
            loudspeaker.write(np.full(4_000, 0.25, np.float32))
    played = np.concatenate(device.stream.played)
    assert device.asked["samplerate"] == 48_000 and device.asked["channels"] == 1
    assert played.shape == (60_000, 1)
    assert np.median(played) == pytest.approx(0.25, abs=1e-3)
    assert device.stream.events == ["start", "stop", "close"]


def test_it_plays_while_more_is_being_made(device):
    with Loudspeaker(sample_rate=48_000) as loudspeaker:
        loudspeaker.write(np.zeros(48_000, np.float32))
        assert device.stream.sounded.wait(10)
        loudspeaker.write(np.zeros(48_000, np.float32))
    assert sum(map(len, device.stream.played)) == 96_000


def test_an_error_ends_it_without_waiting_for_the_rest(device):
    device.stream.free.clear()
    with pytest.raises(KeyboardInterrupt), Loudspeaker(sample_rate=48_000) as loudspeaker:
        loudspeaker.write(np.zeros(480_000, np.float32))
        raise KeyboardInterrupt
    assert device.stream.events == ["start", "close"]
    device.stream.free.set()


def test_a_device_that_fails_is_one_line(device):
    device.stream.fails_at = 2
    with (
        pytest.raises(DeviceError, match=r"^'Box' failed: unplugged$"),
        Loudspeaker(sample_rate=48_000) as loudspeaker,
    ):
        loudspeaker.write(np.zeros(96_000, np.float32))
    device.refuses = PortAudioError("busy")
    with pytest.raises(DeviceError, match=r"^'Box' cannot be opened: busy$"):
        Loudspeaker(sample_rate=48_000)

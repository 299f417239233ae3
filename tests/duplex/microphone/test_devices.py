"""Choosing devices by name, on a made-up machine; and what a user reads where something is missing."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from duplex.cli import main
from duplex.microphone import devices, streams
from duplex.microphone.devices import choose_device, list_devices
from duplex.streaming.errors import DeviceError

ROOT = Path(__file__).parents[3]


def row(name: str, host: int, inputs: int, outputs: int) -> dict[str, Any]:
    return {
        "name": name,
        "hostapi": host,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
        "default_samplerate": 48_000.0,
    }


class Machine:
    """What sounddevice says of a machine."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self, rows: list[dict[str, Any]], default: tuple[int, int] = (0, 0)) -> None:
        self._rows = rows
        self.default = SimpleNamespace(device={"input": default[0], "output": default[1]})

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": name, "default_input_device": 0, "default_output_device": 0} for name in ("ALSA", "JACK")]

    def query_devices(self) -> list[dict[str, Any]]:
        return self._rows


DESK = [
    row("HDA Intel: Analog (hw:0,0)", 0, 2, 2),
    row("USB Headset: Audio (hw:1,0)", 0, 1, 2),
    row("USB Camera: Audio (hw:2,0)", 0, 1, 0),
    row("USB Headset: Audio (hw:1,0)", 1, 1, 2),
]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(DESK, (2, 0))
    monkeypatch.setattr(devices, "portaudio", lambda: machine)
    return machine


def test_devices_are_listed_by_direction(desk: Machine) -> None:
    assert [device.index for device in list_devices("input")] == [0, 1, 2, 3]
    assert [device.index for device in list_devices("output")] == [0, 1, 3]
    assert [device.default for device in list_devices("input")] == [False, False, True, False]
    assert list_devices("input")[3].host == "JACK"


@pytest.mark.parametrize(
    "direction,name,index",
    [("input", "", 2), ("output", "", 0), ("input", "camera", 2), ("output", "HEADSET", 1), ("output", "3", 3)],
)
def test_a_device_goes_by_a_part_of_its_name(desk: Machine, direction: Any, name: str, index: int) -> None:
    assert choose_device(direction, name).index == index


@pytest.mark.parametrize(
    "direction,name,says",
    [
        ("input", "USB", "may be any of 'USB Headset: Audio (hw:1,0)', 'USB Camera: Audio (hw:2,0)'"),
        ("output", "camera", "there is no loudspeaker 'camera'"),
        ("input", "bluetooth", "there is no microphone 'bluetooth': there are 'HDA Intel"),
    ],
)
def test_a_name_that_does_not_name_one_device(desk: Machine, direction: Any, name: str, says: str) -> None:
    with pytest.raises(DeviceError) as raised:
        choose_device(direction, name)
    assert says in str(raised.value)


def test_a_machine_without_devices(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in (devices, streams):  # the machine of the test may have no PortAudio
        monkeypatch.setattr(module, "portaudio", lambda: Machine([], (-1, -1)))
    for argv in (["mic"], ["mic", "--no-echo-cancellation", "--out", "never"]):
        assert main(argv) != 0
        error = capsys.readouterr().err
        assert error.startswith("duplex: there is no microphone") and error.count("\n") == 1
    assert not Path("never").exists()
    monkeypatch.setattr(devices, "portaudio", lambda: Machine([row("Microphone", 0, 1, 0)], (0, -1)))
    with pytest.raises(DeviceError, match="there is no loudspeaker"):
        choose_device("output")


@pytest.mark.parametrize(
    "module,error,says",
    [
        ("sounddevice", OSError("PortAudio library not found"), "PortAudio is missing"),
        ("sounddevice", ImportError("No module named 'sounddevice'"), "the package sounddevice is missing"),
        ("livekit", ImportError("No module named 'livekit'"), "echo cancellation needs the package livekit"),
    ],
)
def test_what_is_not_installed_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str, error: Exception, says: str
) -> None:
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == module:
            raise error
        return imported(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["mic"]) != 0
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and "install" in said


def test_what_is_relied_on_of_sounddevice_is_there() -> None:
    """Starting PortAudio anew is the only way to see a device that was plugged in; sounddevice has no public name."""
    sounddevice = pytest.importorskip("sounddevice", exc_type=(ImportError, OSError))
    assert callable(sounddevice._terminate) and callable(sounddevice._initialize)


def test_importing_the_command_line_needs_neither_portaudio_nor_livekit() -> None:
    code = "import sys, duplex.cli; duplex.cli._parser(); sys.exit(bool({'sounddevice', 'livekit'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0

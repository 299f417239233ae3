"""Sound devices by name, through PortAudio (package sounddevice). What is missing is said in one line."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from duplex.streaming.errors import DeviceError

Direction = Literal["input", "output"]
_OTHER = {"input": "microphone", "output": "loudspeaker"}


@dataclass(frozen=True, slots=True)
class Device:
    """index: PortAudio's. channels: as many as it has in the direction asked for. rate: its own, in Hz."""

    index: int
    name: str
    host: str
    channels: int
    rate: float
    default: bool


def portaudio() -> Any:
    """The module sounddevice. Raises DeviceError if it or PortAudio is missing."""
    try:
        import sounddevice
    except ImportError:
        raise DeviceError("the package sounddevice is missing: pip install 'duplex[mic]'") from None
    except OSError as error:
        raise DeviceError(
            f"PortAudio is missing ({error}): install libportaudio2 (Debian, Ubuntu: apt install libportaudio2)"
        ) from None
    _silence_alsa()
    return sounddevice


@cache
def _silence_alsa() -> Any:
    """ALSA writes each late buffer to the terminal, across whatever is shown there. Returns the handler it holds."""
    handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(
        lambda *message: None
    )
    try:
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(handler)
    except (OSError, AttributeError):  # not Linux
        return None
    return handler


def list_devices(direction: Direction) -> list[Device]:
    """Every device of that direction. Raises DeviceError."""
    sd = portaudio()
    try:
        hosts = sd.query_hostapis()
        default = sd.default.device[direction]
        if default < 0 and hosts:
            default = next((host[f"default_{direction}_device"] for host in hosts), -1)
        return [
            Device(
                index,
                row["name"],
                hosts[row["hostapi"]]["name"],
                row[f"max_{direction}_channels"],
                float(row["default_samplerate"]),
                index == default,
            )
            for index, row in enumerate(sd.query_devices())
            if row[f"max_{direction}_channels"] > 0
        ]
    except sd.PortAudioError as error:
        raise DeviceError(f"PortAudio cannot list the devices: {error}") from None


def choose_device(direction: Direction, name: str = "") -> Device:
    """The device called `name`, or the only one whose name contains it, or number `name`; empty: the default one.

    Where several sound systems offer the same device, PortAudio's preferred one is taken. Raises DeviceError.
    """
    devices = list_devices(direction)
    what = _OTHER[direction]
    if not devices:
        raise DeviceError(f"there is no {what}: connect one, or see whether the sound server is running")
    if not name:
        chosen = next((device for device in devices if device.default), None)
        if chosen is None:
            raise DeviceError(f"no {what} is the default: choose one with --{direction} ({_names(devices)})")
        return chosen
    wanted = name.casefold()
    exact = [device for device in devices if device.name.casefold() == wanted or str(device.index) == name]
    near = exact or [device for device in devices if wanted in device.name.casefold()]
    if not near:
        raise DeviceError(f"there is no {what} {name!r}: there are {_names(devices)}")
    if len({device.name for device in near}) > 1:
        raise DeviceError(f"{name!r} may be any of {_names(near)}: say which with --{direction}")
    return near[0]


def _names(devices: list[Device]) -> str:
    return ", ".join(repr(name) for name in dict.fromkeys(device.name for device in devices))

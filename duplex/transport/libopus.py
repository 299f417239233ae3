"""libopus itself, for what no Python decoder offers: in-band FEC, loss concealment, and mono 16 kHz without resampling.

The library is the one in the PyAV wheel, a dependency already; a libopus of the system will do as well. A 20 ms frame
costs some 10 µs to decode and 80 µs to encode, less than handing it to a thread and back, so both are plain calls.
API: https://opus-codec.org/docs/opus_api-1.5/. RFC 6716 (the codec), RFC 7587 (its RTP payload).
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import TransportError

RTP_RATE = 48_000
"""Hz of the RTP clock of Opus, whatever the audio's rate (RFC 7587, section 4.1)."""

LONGEST = RTP_RATE * 120 // 1000
"""RTP ticks of the longest packet."""

_OK = 0
_VOIP = 2048
_SIGNAL_VOICE = 3001
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS_PERC, _SET_DTX, _SET_SIGNAL = (
    4002, 4010, 4012, 4014, 4016, 4024,
)  # fmt: skip
_MAX_PACKET = 1275
_RATIO = RTP_RATE // SAMPLE_RATE

_Floats = ctypes.POINTER(ctypes.c_float)


def packet_duration(payload: bytes) -> int:
    """RTP ticks of an Opus packet, by its table of contents (RFC 6716, section 3.1); 0 if it is none."""
    if not payload:
        return 0
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    if code == 3:
        if len(payload) < 2:
            return 0
        count = payload[1] & 0x3F
    else:
        count = 1 if code == 0 else 2
    duration = frame * count
    return duration if duration <= LONGEST else 0


def is_dtx(payload: bytes) -> bool:
    """Whether a packet only says that nothing is said (RFC 6716, section 2.1.9: at most two bytes)."""
    return len(payload) <= 2


class OpusDecoder:
    """Packets of one stream, in order, to mono 16 kHz float32. Stereo is mixed down by the decoder."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.c_int()
        self._state = self._library.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error))
        if not self._state or error.value != _OK:
            raise TransportError(f"libopus cannot make a decoder: error {error.value}")
        self._pcm = np.empty(LONGEST // _RATIO, np.float32)
        self._pointer = self._pcm.ctypes.data_as(_Floats)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)
            self._state = None

    def decode(self, payload: bytes) -> np.ndarray | None:
        """(n,) float32; None if the packet is damaged (conceal it then)."""
        count = self._library.opus_decode_float(self._state, payload, len(payload), self._pointer, len(self._pcm), 0)
        return self._pcm[:count].copy() if count >= 0 else None

    def conceal(self, ticks: int) -> np.ndarray:
        """What probably was in a gap of so many RTP ticks: (ticks / 3,) float32."""
        return self._fill(None, ticks)

    def recover(self, following: bytes, ticks: int) -> np.ndarray:
        """The lost packet before `following`, of so many ticks, from the copy that it carries (see `has_copy`)."""
        return self._fill(following, ticks)

    def has_copy(self, payload: bytes) -> bool:
        """Whether a packet carries a low-rate copy of the one before it (in-band FEC)."""
        return self._library.opus_packet_has_lbrr(payload, len(payload)) == 1

    def _fill(self, following: bytes | None, ticks: int) -> np.ndarray:
        wanted = ticks // _RATIO
        out = np.zeros(wanted, np.float32)
        done = 0
        while done < wanted:
            size = min(wanted - done, len(self._pcm))
            asked = -(-size // _STEP) * _STEP  # libopus conceals in steps of 2.5 ms
            length = len(following) if following is not None else 0
            count = self._library.opus_decode_float(
                self._state, following, length, self._pointer, asked, int(following is not None)
            )
            if count < 0:
                break  # a damaged copy: silence
            take = min(count, size)
            out[done : done + take] = self._pcm[:take]
            done += take
        return out


class OpusEncoder:
    """Mono 16 kHz to Opus, 20 ms at a time: voice, with in-band FEC that follows the loss reported."""

    def __init__(self, *, bitrate: int = 32_000, complexity: int = 5, dtx: bool = False) -> None:
        self._library = _library()
        error = ctypes.c_int()
        self._state = self._library.opus_encoder_create(SAMPLE_RATE, 1, _VOIP, ctypes.byref(error))
        if not self._state or error.value != _OK:
            raise TransportError(f"libopus cannot make an encoder: error {error.value}")
        self._packet = ctypes.create_string_buffer(_MAX_PACKET)
        self._control(_SET_BITRATE, bitrate)
        self._control(_SET_COMPLEXITY, complexity)
        self._control(_SET_SIGNAL, _SIGNAL_VOICE)
        self._control(_SET_INBAND_FEC, 1)
        self._control(_SET_DTX, int(dtx))
        self.expect_loss(0.0)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_encoder_destroy(self._state)
            self._state = None

    def expect_loss(self, share: float) -> None:
        """share: of packets lost on the way, in [0, 1]; a copy of each packet rides on the next one from about 1 %."""
        self._control(_SET_PACKET_LOSS_PERC, min(100, max(0, round(100 * share))))

    def encode(self, frame: np.ndarray) -> bytes:
        """frame: (320,) float32, or another length that Opus knows. Raises TransportError on one it does not."""
        frame = np.ascontiguousarray(frame, np.float32)
        count = self._library.opus_encode_float(
            self._state, frame.ctypes.data_as(_Floats), len(frame), self._packet, _MAX_PACKET
        )
        if count < 0:
            raise TransportError(f"libopus cannot encode a frame of {len(frame)} samples: error {count}")
        return ctypes.string_at(self._packet, count)

    def _control(self, request: int, value: int) -> None:
        error = self._library.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        if error != _OK:
            raise TransportError(f"libopus refuses encoder request {request} with {value}: error {error}")


_STEP = SAMPLE_RATE // 400


@cache
def _library() -> ctypes.CDLL:
    """Raises TransportError if there is no libopus, or one older than 1.5."""
    tried = []
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            return _declare(library)
        except (OSError, AttributeError) as error:
            tried.append(f"{Path(name).name}: {error}")
    why = f" ({'; '.join(tried)})" if tried else ""
    raise TransportError(f"no libopus of 1.5 or later{why}: install PyAV from its wheel, or the package libopus0")


def _candidates() -> list[str]:
    """The library in the PyAV wheel (its name carries a hash), then the system's."""
    found: list[str] = []
    from importlib.util import find_spec

    spec = find_spec("av")
    for place in spec.submodule_search_locations or [] if spec is not None else []:
        package = Path(place)
        for folder in (package.parent / "av.libs", package / ".dylibs"):  # Linux and Windows; macOS
            found += [str(path) for pattern in ("libopus-*", "libopus.*", "opus-*") for path in folder.glob(pattern)]
    system = ctypes.util.find_library("opus")
    return [*sorted(found), *([system] if system else [])]


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    state, size = ctypes.c_void_p, ctypes.c_int
    error = ctypes.POINTER(ctypes.c_int)
    signatures = {
        "opus_decoder_create": (state, [ctypes.c_int32, size, error]),
        "opus_decoder_destroy": (None, [state]),
        "opus_decode_float": (size, [state, ctypes.c_char_p, ctypes.c_int32, _Floats, size, size]),
        "opus_packet_has_lbrr": (size, [ctypes.c_char_p, ctypes.c_int32]),
        "opus_encoder_create": (state, [ctypes.c_int32, size, size, error]),
        "opus_encoder_destroy": (None, [state]),
        "opus_encode_float": (size, [state, _Floats, size, ctypes.c_char_p, ctypes.c_int32]),
        "opus_encoder_ctl": (size, [state, size]),  # variadic: only the fixed arguments are named
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library

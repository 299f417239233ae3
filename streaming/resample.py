"""Sample-rate conversion: whole signals by soxr, streams by a polyphase filter that waits for 3 ms instead of 40.

soxr's streaming converter filters in blocks: at high quality it holds back 37 ms from 48 to 16 kHz and 115 ms from 8 to
16 kHz, too much between somebody's interruption and the silence that should follow. The filter here is a sinc
windowed by Kaiser's window, evaluated at the exact output times (Crochiere and Rabiner 1983, "Multirate Digital
Signal Processing", ch. 4), with explicit state, for any two integer rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from duplex.streaming.audio import as_float32
from duplex.streaming.errors import InputError

ZEROS = 48
"""Zero crossings of the sinc on either side: latency in samples at the lower of the two rates."""

ROLLOFF = 0.95
"""Cut-off over the Nyquist frequency of the lower rate; flat to 0.90, 80 dB down at 1.0."""

FEW_PHASES = 8
"""Rates whose ratio has a numerator up to this are filtered phase by phase."""

_KAISER_BETA = 7.86  # 80 dB


def resampled_length(length: int, rate_in: int, rate_out: int) -> int:
    """Samples that `length` samples at one rate are at the other: rounded, halves up."""
    return (2 * length * rate_out + rate_in) // (2 * rate_in)


def resample(samples: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """A whole signal, (n,) or (n, channels), to float32 of the same channels and `resampled_length` samples.

    Integers are scaled to [-1, 1]. Raises InputError on rates that are none.
    """
    _check_rates(rate_in, rate_out)
    samples = np.asarray(samples)
    samples = samples.astype(np.float32) if samples.dtype.kind == "f" else as_float32(samples, name="samples")
    if rate_in == rate_out or not len(samples):
        return samples
    import soxr

    out = soxr.resample(samples, rate_in, rate_out, quality="HQ")
    wanted = resampled_length(len(samples), rate_in, rate_out)
    return out[:wanted] if len(out) >= wanted else np.pad(out, [(0, wanted - len(out))] + [(0, 0)] * (out.ndim - 1))


@dataclass(slots=True)
class ResamplerState:
    """past: the input that outputs to come may need, (..., 2 latency - 1). consumed, emitted: samples so far."""

    past: np.ndarray
    consumed: int = 0
    emitted: int = 0


class Resampler:
    """A stage from samples at one rate to samples at another, delay-compensated: output j lies at j rate_in / rate_out.

    A chunk is (n,) or (batch, n) float32 with any n (`hop` is 20 ms); how many samples come out varies by step, with
    flush they are `resampled_length`. latency: input samples that an output waits for beyond its own time.
    Raises InputError on rates that are none.
    """

    def __init__(self, rate_in: int, rate_out: int, zeros: int = ZEROS) -> None:
        _check_rates(rate_in, rate_out)
        self.rate_in = self.sample_rate = rate_in
        self.rate_out = rate_out
        self.hop = max(1, rate_in // 50)
        divisor = math.gcd(rate_in, rate_out)
        self._up, self._down = rate_out // divisor, rate_in // divisor
        self.latency = 0 if rate_in == rate_out else math.ceil(zeros * max(1.0, rate_in / rate_out))
        self._filters = None if rate_in == rate_out else _polyphase(self._up, self._down, self.latency)

    def initial_state(self, batch: int = 1) -> ResamplerState:
        length = max(0, 2 * self.latency - 1)
        return ResamplerState(np.zeros((length,) if batch == 1 else (batch, length), np.float32))

    def step(self, chunk: np.ndarray, state: ResamplerState) -> tuple[np.ndarray, ResamplerState]:
        consumed = state.consumed + chunk.shape[-1]
        past = state.past.reshape(*chunk.shape[:-1], state.past.shape[-1])
        if self._filters is None:
            return chunk.astype(np.float32), ResamplerState(past, consumed, consumed)
        held = np.concatenate([past, chunk], axis=-1, dtype=np.float32)
        # Output j needs input up to j down / up + latency.
        emitted = max(state.emitted, -((self.latency - consumed) * self._up // self._down))
        out = self._convolve(held, state.consumed - past.shape[-1], state.emitted, emitted)
        return out, ResamplerState(held[..., held.shape[-1] - past.shape[-1] :].copy(), consumed, emitted)

    def flush(self, state: ResamplerState) -> np.ndarray:
        total = resampled_length(state.consumed, self.rate_in, self.rate_out)
        silence = np.zeros((*state.past.shape[:-1], self.latency), np.float32)
        out, _ = self.step(silence, state)
        return out[..., : total - state.emitted]

    def forward(self, signal: np.ndarray) -> np.ndarray:
        """(..., n) to (..., resampled_length)."""
        state = self.initial_state(math.prod(signal.shape[:-1]))
        out, state = self.step(signal, state)
        return np.concatenate([out, self.flush(state)], axis=-1)

    def _convolve(self, held: np.ndarray, origin: int, first: int, end: int) -> np.ndarray:
        """Outputs first to end; held[..., 0] is input sample `origin`."""
        assert self._filters is not None
        taps = self._filters.shape[1]
        if end <= first:
            return np.zeros((*held.shape[:-1], 0), np.float32)
        positions = np.arange(first, end, dtype=np.int64) * self._down
        windows = np.lib.stride_tricks.sliding_window_view(held, taps, axis=-1)
        at = positions // self._up - (self.latency - 1) - origin
        outputs: np.ndarray
        if self._up <= FEW_PHASES:  # the outputs of one phase lie `down` inputs apart: views, where a gather copies
            outputs = np.empty((*held.shape[:-1], end - first), np.float32)
            for phase in range(min(self._up, end - first)):
                each = at[phase :: self._up]
                heard = windows[..., each[0] : each[-1] + 1 : self._down, :]
                taps_of = self._filters[positions[phase] % self._up]
                np.einsum("...nt,t->...n", heard, taps_of, out=outputs[..., phase :: self._up])
        else:
            outputs = np.einsum("...nt,nt->...n", windows[..., at, :], self._filters[positions % self._up])
        return outputs


class StreamResampler:
    """Converts blocks of any size as they come: (n,) or (n, channels) float32 in, the same channels out."""

    def __init__(self, rate_in: int, rate_out: int, channels: int = 1) -> None:
        self.rate_in = rate_in
        self.rate_out = rate_out
        self.channels = channels
        self.stage = Resampler(rate_in, rate_out)
        self._mono = channels == 1
        self._state = self.stage.initial_state(channels)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Returns what has become final. Raises InputError if the channels are not those announced."""
        if samples.shape[1:] != (self.channels,) and (samples.ndim != 1 or self.channels != 1):
            raise InputError(f"the block has shape {samples.shape}; the resampler expects {self.channels} channel(s)")
        self._mono = samples.ndim == 1
        out, self._state = self.stage.step(samples.T, self._state)
        return np.ascontiguousarray(out.T)

    def flush(self) -> np.ndarray:
        """The rest; whatever is pushed afterwards is a new stream."""
        out = self.stage.flush(self._state)
        self._state = self.stage.initial_state(self.channels)
        return np.ascontiguousarray(out.reshape(-1) if self._mono else out.reshape(self.channels, -1).T)


def _check_rates(*rates: int) -> None:
    for rate in rates:
        if rate != int(rate) or rate < 1:
            raise InputError(f"a sample rate must be a positive whole number of Hz, not {rate}")


@lru_cache(maxsize=32)
def _polyphase(up: int, down: int, latency: int) -> np.ndarray:
    """(up, 2 latency) float32: row p holds the filter for outputs that lie p / up behind an input sample."""
    cutoff = 0.5 * ROLLOFF * min(1.0, up / down)
    distance = (np.arange(up) / up)[:, None] + (latency - 1) - np.arange(2 * latency)
    # Rates without a common divisor have millions of taps; Bessel functions of a table are enough for them.
    grid = np.linspace(0.0, 1.0, 8193)
    kaiser = np.i0(_KAISER_BETA * np.sqrt(1.0 - np.square(grid))) / np.i0(_KAISER_BETA)
    filters = np.sinc(2.0 * cutoff * distance) * np.interp(np.abs(distance) / latency, grid, kaiser)
    normalized: np.ndarray = (filters / filters.sum(1, keepdims=True)).astype(np.float32)
    return normalized


class StreamingResampler(Protocol):
    """Output sample n lies at the time of input sample n·from/to: nothing is delayed, only held back."""

    def push(self, samples: np.ndarray) -> np.ndarray: ...

    def flush(self) -> np.ndarray: ...


class SoxrResampler:
    """soxr's stream at high quality: twenty times as fast as the polyphase filter for live sound, but it holds back
    40 to 160 ms."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")

    def push(self, samples: np.ndarray) -> np.ndarray:
        out: np.ndarray = self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32))
        return out

    def flush(self) -> np.ndarray:
        out: np.ndarray = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return out


def resampler(rate_in: int, rate_out: int, *, live: bool) -> StreamingResampler:
    """For one channel; live: 3 ms are held back."""
    return StreamResampler(rate_in, rate_out) if live or rate_in == rate_out else SoxrResampler(rate_in, rate_out)

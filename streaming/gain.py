"""A bounded input gain: quiet speech is brought to a level at which activity, diarization and recognition work.

Speech that is loud enough passes unchanged, bit for bit; noise and silence are not raised above a floor; nothing clips.
The level of speech is tracked by frames that stand out from the noise floor, which is followed by its minima (after
Martin 2001, "Noise power spectral density estimation based on optimal smoothing and minimum statistics").
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import StageError

TARGET = -25.0
"""dBFS (power of the loudest syllables) to which quieter speech is raised."""

MOST = 34.0
"""dB of gain at most."""

MOST_OVER_ECHO = 12.0
"""dB of gain at most while the assistant's own voice may be in the sound."""

NOISE_LIMIT = -50.0
"""dBFS above which the noise floor is not raised."""

_STANDS_OUT = 9.0  # dB over the noise floor from which a frame counts as speech
_FAINTEST = -85.0  # dBFS: below, there is only quantization noise
_RISE = 0.01  # of the difference, a frame: how fast the noise floor rises
_FALL = 0.05  # dB a frame of speech by which its level falls at most
_FASTEST = 0.5  # dB a frame by which the gain rises; it falls at once
_ENOUGH = 20  # frames of speech that must have been heard before the gain rises: a sentence begins softly
_CEILING = 0.97


@dataclass(frozen=True, slots=True)
class GainState:
    """noise, speech: levels in dBFS, None before they are known; frames: of speech so far, counted to 20; gain: of the
    last frame, in dB."""

    noise: float | None = None
    speech: float | None = None
    frames: int = 0
    gain: float = 0.0


class InputGain:
    """A stage (streaming.stage) from 160 samples at 16 kHz to as many, without latency."""

    hop = SAMPLE_RATE // 100
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "input gain"

    def initial_state(self, batch: int = 1) -> GainState:
        if batch != 1:
            raise StageError(f"the input gain takes one stream per state, not {batch}")
        return GainState()

    def step(self, chunk: np.ndarray, state: GainState) -> tuple[np.ndarray, GainState]:
        """chunk: (160,) float32 in [-1, 1]."""
        after = _followed(chunk, state)
        return chunk * ramp(min(state.gain, after.gain), after.gain, len(chunk)), after

    def flush(self, state: GainState) -> np.ndarray:
        return np.zeros(0, np.float32)


class ChannelGains:
    """The input gain of each channel of a stream of frames, a whole number of hops long."""

    def __init__(self, channels: int) -> None:
        self.highest = 0.0
        """dB: the highest gain so far, of any channel."""
        self._stage = InputGain()
        self._states = [self._stage.initial_state(1) for _ in range(channels)]

    def factors(self, samples: np.ndarray, *, own_voice: bool = False) -> np.ndarray:
        """samples: (n, channels) float32. Returns the factors by which they are to be multiplied, of the same shape.

        own_voice: what echo control leaves of the assistant's own voice may be in the samples. Nothing is learned from
        them then, and the gain that others' speech had asked for is kept, up to MOST_OVER_ECHO.
        """
        out = np.ones_like(samples)
        hop = self._stage.hop
        for channel, state in enumerate(self._states):
            for at in range(0, len(samples) - len(samples) % hop, hop):
                after = (_held if own_voice else _followed)(samples[at : at + hop, channel], state)
                out[at : at + hop, channel] = ramp(min(state.gain, after.gain), after.gain, hop)
                state = after
            self._states[channel] = state
            self.highest = max(self.highest, state.gain)
        return out


def ramp(before: float, after: float, length: int) -> np.ndarray | np.float32:
    """Linear factors from one gain in dB to another, (length,) float32; a plain 1 where both are 0."""
    if before == after == 0.0:
        return np.float32(1.0)
    return np.linspace(10.0 ** (before / 20.0), 10.0 ** (after / 20.0), length, dtype=np.float32)


def _followed(chunk: np.ndarray, state: GainState) -> GainState:
    power = float(np.square(chunk, dtype=np.float64).mean())
    level = 10.0 * math.log10(power) if power > 1e-12 else -120.0
    if level < _FAINTEST:
        return replace(state, gain=_moved(state.gain, _wanted(state), chunk))
    noise = level if state.noise is None else min(level, state.noise + _RISE * max(1.0, level - state.noise))
    speech, frames = state.speech, state.frames
    if state.noise is not None and level > noise + _STANDS_OUT:
        frames = min(_ENOUGH, frames + 1)
        # Up at once, so that nothing is too loud for long; down over a few seconds of speech.
        speech = level if speech is None or level > speech else speech + max(-_FALL, 0.02 * (level - speech))
    known = GainState(noise, speech, frames, state.gain)
    return replace(known, gain=_moved(state.gain, _wanted(known), chunk))


def _held(chunk: np.ndarray, state: GainState) -> GainState:
    return replace(state, gain=_moved(state.gain, min(_wanted(state), MOST_OVER_ECHO), chunk))


def _wanted(state: GainState) -> float:
    if state.speech is None or state.noise is None or state.frames < _ENOUGH:
        return 0.0
    return min(max(0.0, TARGET - state.speech), MOST, max(0.0, NOISE_LIMIT - state.noise))


def _moved(before: float, wanted: float, chunk: np.ndarray) -> float:
    gain = min(wanted, before + _FASTEST) if wanted > before else max(wanted, before - _FASTEST)
    peak = float(np.abs(chunk).max())
    if peak * 10.0 ** (max(gain, before) / 20.0) > _CEILING:
        gain = max(0.0, min(gain, 20.0 * math.log10(_CEILING / peak)))
    return gain

"""The late part of a room's echo taken away by linear prediction: weighted prediction error (WPE).

Nakatani et al. 2010, "Speech dereverberation based on variance-normalized delayed linear prediction".

In each band of a short-time spectrum, what the room still says of earlier speech can be predicted from the frames that
lie a little way back; speech itself cannot. The prediction is fitted so that what it leaves, weighted by how loud the
speech is at that time, is least, and is then taken from the sound. Nothing in it is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.models.restoration.stage import check_single, finite_block, flushed
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import StageError
from duplex.streaming.stage import Stage
from duplex.streaming.stft import Istft, Stft

WINDOW, HOP = 768, 192
"""Samples of a frame (48 ms), and from one to the next (12 ms)."""
TAPS = 30
"""Frames (0.36 s) that predict."""
DELAY = 2
"""Frames between those and the one that they predict: what follows a sound so soon is the sound's own."""
ROUNDS = 3
"""Of estimating how loud the speech is and predicting anew."""
SPAN = 312 * 768
"""Samples of a block (15 s): whole frames of this transform and of the network behind it. The prediction is fitted to
two at a time, so a room may change from one to the next."""

_BANDS_AT_ONCE = 32
"""They bound the memory, to some 60 MB."""
_FLOOR = 1e-4
"""Least power of speech, as a share of the band's mean: pauses would outweigh it."""
_LOADING = 1e-6
"""Share of the mean eigenvalue that is added to all: a band may hold nothing, or one tone."""
_AFTERWARDS = SAMPLE_RATE
"""Samples of silence behind the last sound that are restored as well, for what comes late."""

_stft = Stft(WINDOW, HOP)
_istft = Istft(_stft)


def dereverberated(samples: np.ndarray) -> np.ndarray:
    """(n,) float32 at 16 kHz without the late reverberation that one room makes throughout it. Silence at either end
    costs nothing."""
    sounding = np.flatnonzero(samples)
    if not len(sounding):
        return samples
    first, last = sounding[0], sounding[-1] + 1
    made = np.zeros_like(samples)
    made[first:last] = _of_sound(samples[first:last])
    return made


def _of_sound(samples: np.ndarray) -> np.ndarray:
    spectra = _stft.forward(samples)
    parts = [_predicted(spectra[:, at : at + _BANDS_AT_ONCE].T) for at in range(0, _stft.bins, _BANDS_AT_ONCE)]
    return _istft.forward(np.concatenate(parts).T)[_stft.latency :][: len(samples)]


def _predicted(heard: np.ndarray) -> np.ndarray:
    """(bands, frames) complex64 less what the frames DELAY to DELAY + TAPS back say of each."""
    frames = heard.shape[1]
    past = np.zeros((len(heard), TAPS, frames), np.complex64)
    for tap in range(TAPS):
        back = DELAY + tap
        past[:, tap, back:] = heard[:, : max(frames - back, 0)]
    left = heard
    for _ in range(ROUNDS):
        power = np.square(np.abs(left))
        weight = 1 / np.maximum(power, _FLOOR * power.mean(axis=1, keepdims=True) + np.float32(1e-20))
        weighted = (past * weight[:, None]).conj()
        covariance = (past @ weighted.transpose(0, 2, 1)).astype(np.complex128)
        loading = _LOADING * np.trace(covariance, axis1=1, axis2=2).real / TAPS + 1e-20
        covariance += loading[:, None, None] * np.eye(TAPS)
        taps = np.linalg.solve(covariance.transpose(0, 2, 1), weighted @ heard[..., None])
        left = heard - (taps.transpose(0, 2, 1).astype(np.complex64) @ past)[:, 0]
    return left


@dataclass(frozen=True, slots=True)
class WpeState:
    """previous: the block before. fading: what the two blocks before this one made of it, fading out. (span,) each."""

    previous: np.ndarray
    fading: np.ndarray


class Wpe:
    """The prediction alone. Obeys `duplex.streaming.stage.Stage` for a batch of one; for recordings: a block is long.

    Every block is heard together with the one before and with the one after, and fades from one result to the other.
    span: samples of a block.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, span: int = SPAN) -> None:
        self.hop = self.latency = span
        self._rise = np.linspace(0, 1, span, dtype=np.float32)

    def initial_state(self, batch: int = 1) -> WpeState:
        check_single(batch)
        silence = np.zeros(self.hop, np.float32)
        return WpeState(silence, silence)

    def step(self, chunk: np.ndarray, state: WpeState) -> tuple[np.ndarray, WpeState]:
        """chunk (hop,) float32 -> the block before it, and the new state. Raises InputError."""
        block = finite_block(chunk, self.hop)
        both = dereverberated(np.concatenate([state.previous, block]))
        samples = state.fading + self._rise * both[: self.hop]
        return samples, WpeState(block, self._rise[::-1] * both[self.hop :])

    def flush(self, state: WpeState) -> np.ndarray:
        """The last block."""
        return flushed(self, state)


@dataclass(frozen=True, slots=True)
class BehindWpeState:
    """Of both. begun: whether there is a block for the stage behind yet; it would take silence for the recording's."""

    wpe: WpeState
    behind: Any
    begun: bool = False


class BehindWpe:
    """The prediction, and a stage that restores what it leaves; obeys `duplex.streaming.stage.Stage` as that does.

    behind: of the same sample rate; its hop divides the span, samples of a block. Raises StageError.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, behind: Stage[Any, np.ndarray], span: int = SPAN) -> None:
        if span % behind.hop or behind.sample_rate != SAMPLE_RATE:
            raise StageError(f"hops of {behind.hop} samples at {behind.sample_rate} Hz do not fit behind WPE")
        self._wpe, self._behind = Wpe(span), behind
        self.hop = span
        self.latency = self._wpe.latency + behind.latency

    def initial_state(self, batch: int = 1) -> BehindWpeState:
        return BehindWpeState(self._wpe.initial_state(batch), self._behind.initial_state(batch))

    def step(self, chunk: np.ndarray, state: BehindWpeState) -> tuple[np.ndarray, BehindWpeState]:
        """chunk (hop,) float32 -> the samples `latency` before it, and the new state. Raises InputError."""
        predicted, wpe = self._wpe.step(chunk, state.wpe)
        if not state.begun:
            return np.zeros(self.hop, np.float32), BehindWpeState(wpe, state.behind, begun=True)
        samples, behind = self._restored(predicted, state.behind)
        return samples, BehindWpeState(wpe, behind, begun=True)

    def flush(self, state: BehindWpeState) -> np.ndarray:
        """The last `latency` samples."""
        predicted = self._wpe.flush(state.wpe)
        # A short recording is mostly silence that fills the block: nobody waits for networks to restore that.
        heard = np.flatnonzero(predicted)
        until = min(self.hop, int(heard[-1]) + _AFTERWARDS if len(heard) else 0)
        samples, behind = self._restored(predicted[: until - until % -self._behind.hop], state.behind)
        out = np.concatenate([samples, self._behind.flush(behind)])
        return np.pad(out, (0, self.latency - len(out)))

    def _restored(self, predicted: np.ndarray, behind: Any) -> tuple[np.ndarray, Any]:
        parts = [np.zeros(0, np.float32)]
        for at in range(0, len(predicted), self._behind.hop):
            samples, behind = self._behind.step(predicted[at : at + self._behind.hop], behind)
            parts.append(samples)
        return np.concatenate(parts), behind

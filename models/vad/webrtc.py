"""Voice activity from WebRTC's detector, an adaptive level gate and a check for voicing, with hysteresis.

WebRTC's detector alone takes nearly every loud noise for speech. Here a frame counts only if it also stands out from
the noise floor (minimum statistics, Martin 2001), and speech begins only where the signal is voiced: periodic at a
pitch that people have (normalised autocorrelation as in Talkin 1995, RAPT, at 4 kHz).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from duplex.models.vad.contract import ActivityFrame, heard
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError, StageError

_HOP = 160
_DECIMATION = 4
_SPAN = 160  # samples at 4 kHz that voicing looks at: 40 ms
_LONGEST = 66  # lags at 4 kHz: pitch 61 Hz …
_SHORTEST = 10  # … to 400 Hz
_FLOOR_BLOCKS = 8
_SILENCE_DB = -100.0
RANGE_DB = 24.0
"""Between the lowest and the highest threshold that may be asked for."""


@dataclass(frozen=True, slots=True)
class ActivitySettings:
    """Thresholds and times; frames are 10 ms. Raises SettingsError where they contradict one another.

    mode: of WebRTC's detector, 0 (lenient) to 3 (strict). above_floor_db: how far speech stands out from the noise
    floor. least_db: RMS level re full scale below which nothing counts. first_floor_db: the floor assumed until
    `floor_frames` have been heard, so that a stream may begin in the middle of a word. voicing: least normalised
    autocorrelation. prominence: least rise of it from the dip before; low-pass noise has no dip. tone: an earlier peak
    as high as this fraction of it means a pitch above 400 Hz: a bark, a bell.
    onset_speech of onset_voiced frames among the last onset_window begin speech. voiced_within: frames after which
    what is no longer voiced is no longer speech. hangover: frames without speech that end it.
    """

    mode: int = 2
    above_floor_db: float = 7.0
    least_db: float = -62.0
    first_floor_db: float = -48.0
    floor_frames: int = 400
    voicing: float = 0.7
    prominence: float = 0.7
    tone: float = 0.9
    onset_window: int = 8
    onset_speech: int = 5
    onset_voiced: int = 4
    voiced_within: int = 40
    hangover: int = 20

    def __post_init__(self) -> None:
        if self.mode not in (0, 1, 2, 3):
            raise SettingsError(f"activity mode must be 0, 1, 2 or 3, not {self.mode}")
        if not 1 <= self.onset_voiced <= self.onset_speech <= self.onset_window <= 32:
            raise SettingsError("activity needs 1 <= onset_voiced <= onset_speech <= onset_window <= 32 frames")
        if self.hangover < 1 or self.voiced_within < 1 or self.floor_frames < _FLOOR_BLOCKS:
            raise SettingsError(f"activity needs hangover, voiced_within >= 1 and floor_frames >= {_FLOOR_BLOCKS}")


@dataclass(slots=True)
class ActivityState:
    """engine: WebRTC's detector. past: the last 40 ms at 4 kHz. speech, voiced: a bit per frame, the newest lowest."""

    engine: Any
    minima: np.ndarray
    lowest: float
    smoothed: float
    past: np.ndarray = field(default_factory=lambda: np.zeros(_SPAN, np.float32))
    position: int = 0
    speech: int = 0
    voiced: int = 0
    active: bool = False
    since_speech: int = 0
    since_voiced: int = 0
    level_db: float = _SILENCE_DB


class WebRtcVad:
    """An activity detector (duplex.models.vad.contract): 160 samples at 16 kHz to an ActivityFrame."""

    hop = _HOP
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "webrtc"
    snapshots = False

    def __init__(self, settings: ActivitySettings | None = None) -> None:
        """Raises ImportError if `webrtcvad` is not installed."""
        import webrtcvad

        self.settings = settings or ActivitySettings()
        self._engine = webrtcvad.Vad

    def at(self, threshold: float) -> WebRtcVad:
        """See duplex.models.vad.at_threshold: speech has to stand out further from the noise, 12 dB more at 1."""
        other = copy(self)
        further = self.settings.above_floor_db + RANGE_DB * (threshold - 0.5)
        other.settings = replace(self.settings, above_floor_db=max(1.0, further))
        return other

    def initial_state(self, batch: int = 1) -> ActivityState:
        if batch != 1:
            raise StageError(f"the webrtc activity detector hears one stream per state, not {batch}")
        first = self.settings.first_floor_db
        return ActivityState(self._engine(self.settings.mode), np.full(_FLOOR_BLOCKS, first), first, first)

    def step(self, chunk: np.ndarray, state: ActivityState) -> tuple[ActivityFrame, ActivityState]:
        """chunk: (160,) float32 in [-1, 1]; NaN and infinity count as silence. Raises InputError."""
        chunk, level = heard(chunk, _HOP)
        state.level_db = level
        settings = self.settings
        floor = self._floor(level, state)
        state.past[:-40] = state.past[40:]
        chunk.reshape(-1, _DECIMATION).mean(axis=1, out=state.past[-40:])
        pcm = (chunk * 32767.0).astype("<i2").tobytes()
        speech = (
            state.engine.is_speech(pcm, SAMPLE_RATE)
            and level > settings.least_db
            and level > floor + settings.above_floor_db
        )
        voiced = speech and self._is_voiced(state.past)
        state.position += _HOP
        state.speech = (state.speech << 1 | speech) & 0xFFFFFFFF
        state.voiced = (state.voiced << 1 | voiced) & 0xFFFFFFFF
        state.since_voiced = 0 if voiced else min(state.since_voiced + 1, settings.voiced_within)
        return (self._while_active if state.active else self._while_silent)(bool(speech), level, state), state

    def flush(self, state: ActivityState) -> ActivityFrame | None:
        """Ends speech that is still going on; None if there is none."""
        if not state.active:
            return None
        state.active = False
        return ActivityFrame(False, state.level_db, offset=state.position - state.since_speech * _HOP)

    def _while_silent(self, speech: bool, level: float, state: ActivityState) -> ActivityFrame:
        settings = self.settings
        window = (1 << settings.onset_window) - 1
        recent = state.speech & window
        enough = recent.bit_count() >= settings.onset_speech
        if not (speech and enough and (state.voiced & window).bit_count() >= settings.onset_voiced):
            return ActivityFrame(False, level)
        # Back to the first frame of the window, and on through the run of speech that leads up to it.
        first = recent.bit_length()
        while state.speech >> first & 1:
            first += 1
        state.active = True
        state.since_speech = 0
        return ActivityFrame(True, level, onset=state.position - first * _HOP)

    def _while_active(self, speech: bool, level: float, state: ActivityState) -> ActivityFrame:
        if speech and state.since_voiced < self.settings.voiced_within:
            state.since_speech = 0
            return ActivityFrame(True, level)
        state.since_speech += 1
        if state.since_speech < self.settings.hangover:
            return ActivityFrame(True, level, quiet=state.since_speech * _HOP)
        state.active = False
        state.speech = state.voiced = 0
        return ActivityFrame(False, level, offset=state.position - state.since_speech * _HOP)

    def _floor(self, level: float, state: ActivityState) -> float:
        """The lowest smoothed level of the last `floor_frames`, in dB."""
        state.smoothed += 0.3 * (level - state.smoothed)
        state.lowest = min(state.lowest, state.smoothed)
        floor = min(state.lowest, float(state.minima.min()))
        block = self.settings.floor_frames // _FLOOR_BLOCKS
        frame = state.position // _HOP + 1
        if frame % block == 0:
            state.minima[frame // block % _FLOOR_BLOCKS] = state.lowest
            state.lowest = np.inf
        return floor

    def _is_voiced(self, past: np.ndarray) -> bool:
        signal = past - past.mean()
        length = _SPAN - _LONGEST
        energies = np.cumsum(np.square(signal))
        lagged = energies[length - 1 :].copy()  # energy of each window of `length`, the earliest (longest lag) first
        lagged[1:] -= energies[: _SPAN - length]
        likeness = np.correlate(signal, signal[_LONGEST:], "valid")[::-1]
        likeness = likeness / np.sqrt(lagged[::-1] * lagged[-1] + 1e-12)
        rise = likeness - np.minimum.accumulate(likeness)
        pitch = _SHORTEST + int(rise[_SHORTEST:].argmax())
        if likeness[pitch] < self.settings.voicing or rise[pitch] < self.settings.prominence:
            return False
        early = 2 + int(rise[2:_SHORTEST].argmax())
        return early == _SHORTEST - 1 or bool(rise[early] < self.settings.tone * rise[pitch])

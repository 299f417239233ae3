"""What echo cancellation leaves of the assistant's own voice is taken down to the noise of the room.

While the filter still learns the room, at the reverberant end of a word, and where a loudspeaker distorts, a residue
of the echo stays: quiet, but it is speech, and a voice detector that adapts to a quiet room takes it for somebody
speaking. Somebody who really speaks over the assistant is not much quieter than the echo; the residue is. While he
does, what the linear filter leaves is passed on, if it knows the path: AEC3 swallows much of what he says.
"""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

HOP = SAMPLE_RATE // 100
_SILENT = 1e-9
_STANDS_OUT = 8.0
"""Power over the noise of the room from which there is something to be heard."""
_KNOWN = 0.02
"""What the linear filter leaves of an echo where it knows the path."""
_NEARLY_ALL = 0.4
_LEAST = 0.05
_LEARNING = round(SAMPLE_RATE / HOP)
"""Frames of sound within which AEC3 has not learned a room well enough to be believed alone: a second."""
_PLAYED = 1e-6
"""Power from which a frame of the reference is something to learn from."""


class ResidualGate:
    """Frame by frame of 10 ms, in step with the canceller.

    threshold_db: how far below the echo's level what AEC3 leaves counts as residue. reference_hold: seconds within
    which the echo of a sound has come; sound_hold: within which its residue has. decay_db: a frame, of a room's
    reverberation. open_for: seconds that the gate stays open for whoever spoke, for the soft ends of words.
    """

    def __init__(
        self,
        *,
        threshold_db: float = -8.0,
        reference_hold: float = 0.4,
        sound_hold: float = 0.2,
        decay_db: float = 0.8,
        open_for: float = 0.25,
    ) -> None:
        self._threshold = 10 ** (threshold_db / 10)
        decay = 10 ** (-decay_db / 10)
        self._reference = _PeakHold(round(reference_hold * SAMPLE_RATE / HOP), decay)
        self._sound = _PeakHold(round(sound_hold * SAMPLE_RATE / HOP), decay)
        self._open_for = round(open_for * SAMPLE_RATE / HOP)
        self._coupling = 0.0
        self._came = self._heard = self._left = self._linear = 1e-7
        self._echo_heard = self._echo_linear = 0.0
        self._open = 0
        self._learned = 0
        self._floor = 1e-7
        self._gain = 1.0
        self._blend = 0.0
        self.gated = 0
        """Frames taken down so far."""

    def step(
        self, microphone: np.ndarray, cancelled: np.ndarray, filtered: np.ndarray, reference: np.ndarray
    ) -> np.ndarray:
        """(160,) each: the microphone, what AEC3 and the linear filter make of it (in time with one another, up to a
        frame late), and what was played. Returns (160,)."""
        power = _power(cancelled)
        self._learned += _power(reference) > _PLAYED
        self._heard += 0.3 * (self._came - self._heard)  # the canceller's output is nearly a frame late
        self._came = _power(microphone)
        self._left += 0.3 * (power - self._left)
        echo = self._echo(self._reference.step(_power(reference)), self._sound.step(self._heard))
        self._linear += 0.3 * (_power(filtered) - self._linear)
        echoing = echo > 2 * self._floor
        # The floor is that of the quietest moments. Only without echo may it rise, by 3 dB a second.
        self._floor = max(min(self._floor * (1.0 if echoing else 1.007), self._left), _SILENT)
        if not echoing:
            self._open = 0
        elif self._left > _STANDS_OUT * self._floor and self._somebody(echo):
            self._open = self._open_for
        else:
            self._open = max(0, self._open - 1)
        target = 1.0
        if echoing and not self._open and power > self._floor:
            target = float(np.sqrt(self._floor / power))
            self.gated += 1
        gains = np.linspace(self._gain, target, HOP, dtype=np.float32)
        self._gain = target
        linear = 1.0 if self._open and self._knows_the_path else 0.0
        blend = np.linspace(self._blend, linear, HOP, dtype=np.float32)
        self._blend = linear
        return gains * ((1.0 - blend) * cancelled + blend * filtered)

    def _somebody(self, echo: float) -> bool:
        """Whether what is left is more than echo. Each canceller errs where the other does not: AEC3 takes long
        reverberation for speech, the linear filter learns slowly. So both must leave much; or the linear one, where it
        knows the path, nearly all."""
        if self._left < 0.003 * self._heard:  # AEC3 is sure: hardly anything beside the echo
            self._echo_heard += 0.005 * (self._heard - self._echo_heard)
            self._echo_linear += 0.005 * (self._linear - self._echo_linear)
            return False
        if self._learned < _LEARNING and not self._knows_the_path:
            return False
        if min(self._left, self._linear) > self._threshold * echo:
            return True
        nearly_all = self._linear > max(_NEARLY_ALL * self._heard, _LEAST * echo)
        return self._knows_the_path and nearly_all and self._left > 0.01 * self._heard

    @property
    def _knows_the_path(self) -> bool:
        return self._echo_linear < _KNOWN * self._echo_heard

    def _echo(self, reference: float, sound: float) -> float:
        """The power that the echo may have now: no more than is heard, nor than the loudspeaker ever brought about."""
        if self._left < 0.01 * self._heard and reference > _PLAYED:
            self._coupling = max(0.999 * self._coupling, self._heard / reference)
        return min(sound, self._coupling * reference) if self._coupling else min(sound, reference)


class _PeakHold:
    """The highest power of the last `hold` frames, falling by `decay` a frame when they are over."""

    def __init__(self, hold: int, decay: float) -> None:
        self._powers = np.zeros(hold)
        self._at = 0
        self._decay = decay
        self._level = 0.0

    def step(self, power: float) -> float:
        self._powers[self._at] = power
        self._at = (self._at + 1) % len(self._powers)
        self._level = max(self._level * self._decay, float(self._powers.max()))
        return self._level


def _power(samples: np.ndarray) -> float:
    return float(np.dot(samples, samples)) / len(samples) + _SILENT

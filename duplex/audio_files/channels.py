"""Whose speech the channels of a recording carry: one party each, or the same people on all of them.

Two sides of a stereo recording are two parties only where each carries speech of its own: where now one, now the other
is by far the louder. Sides that differ in level, delay, noise, coding or polarity alone carry the same speech. Then the
channels are mixed into one, with such signs and weights that nothing cancels and noise is not added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from duplex.streaming.errors import SettingsError

RATE = 8000
WINDOW = RATE
"""Samples that are compared at once: 1 s."""

FRAMES = 10
"""Levels per window: one each 100 ms."""

LARGEST_LAG = RATE // 4
LOW, HIGH = 200, 3500
"""Hz; the band of speech."""

OWN_DB = 10.0
"""A side on which speech is louder by this much carries it as its own; crosstalk in calls lies 15 to 60 dB down."""

SHORTEST_OWN = 4
"""Frames that each side must have to itself."""

AUDIBLE_CROSSTALK = 40.0
"""dB; what lies further down is not recognized as speech."""

_COHERENT, _SAME, _UNRELATED, _UNRELATED_TONES = 0.3, 0.7, 0.2, 0.03
_SAME_LAG = RATE // 250


@dataclass(frozen=True, slots=True)
class Downmix:
    """How channels become parties.

    weights: (channels, parties). note: what was decided and why, in one line; None where there was nothing to decide.
    """

    weights: np.ndarray
    names: tuple[str, ...]
    note: str | None = None
    crosstalk: np.ndarray | None = None
    """(2,) decibels by which the other side is louder where a side holds only crosstalk; None if there is none."""

    @property
    def parties(self) -> int:
        return len(self.names)

    def apply(self, block: np.ndarray) -> np.ndarray:
        """(n, channels) to (n, parties)."""
        return block @ self.weights


def check_channels(channels: str | int) -> str | int:
    """ "auto", "mix", "split" or the number of a channel, from 1. Raises SettingsError."""
    if channels in ("auto", "mix", "split"):
        return channels
    try:
        number = int(channels)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise SettingsError(f"channels must be auto, mix, split or a channel's number from 1, not {channels!r}")
    return number


def one_channel(number: int, channels: int) -> Downmix:
    """number: from 1."""
    note = f"only channel {number} of {channels} is used" if channels > 1 else None
    return Downmix(np.eye(channels)[:, number - 1 : number], ("user",), note)


def split(channels: int, note: str | None = None) -> Downmix:
    """Each channel a party."""
    names = {1: ("user",), 2: ("left", "right")}.get(channels)
    return Downmix(np.eye(channels), names or tuple(f"channel {number + 1}" for number in range(channels)), note)


class ChannelScan:
    """Compares the channels of a recording, block by block; `split` and `mix` say how to take it.

    It keeps about 100 bytes for each second of a stereo recording.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._held = np.zeros((0, channels), np.float32)
        self._last = np.zeros((1, channels), np.float32)
        self._energy: list[np.ndarray] = []
        self._similar: list[tuple[float, int, float]] = []
        self._covariance = np.zeros((channels, channels))

    def add(self, samples: np.ndarray) -> None:
        """samples: (n, channels) float32 at RATE."""
        held = np.concatenate([self._held, samples])
        whole = len(held) - len(held) % WINDOW
        for at in range(0, whole, WINDOW):
            self._window(held[at : at + WINDOW])
        self._held = held[whole:]

    def finish(self) -> None:
        """The rest that does not fill a window."""
        if len(self._held) >= RATE // 20:
            self._window(np.pad(self._held, [(0, WINDOW - len(self._held)), (0, 0)]))
        self._held = self._held[:0]

    def _window(self, samples: np.ndarray) -> None:
        # Without pre-emphasis a hum would leak into the band of speech.
        emphasized = samples - 0.95 * np.concatenate([self._last, samples[:-1]])
        self._last = samples[-1:]
        spectrum = np.fft.rfft(emphasized, 2 * WINDOW, axis=0)
        frequency = np.fft.rfftfreq(2 * WINDOW, 1 / RATE)
        spectrum[(frequency < LOW) | (frequency > HIGH)] = 0.0
        band = np.fft.irfft(spectrum, axis=0)[:WINDOW]
        self._energy.append(np.square(band).reshape(FRAMES, -1, self._channels).sum(axis=1).astype(np.float32))
        self._covariance += band.T @ band
        if self._channels == 2:
            self._similar.append(_similarity(spectrum))

    def decide(self) -> Downmix:
        """Parties where each of two sides has speech of its own, else one downmix."""
        if self._channels == 2 and self._energy and self._own_speech():
            both = split(2, "stereo: each side carries its own speech and is a party (left, right)")
            return replace(both, crosstalk=self._crosstalk())
        return self.mix()

    def mix(self) -> Downmix:
        """One downmix in which nothing cancels."""
        channels = self._channels
        weights = self._signs()
        if channels == 2 and self._energy and self._own_speech():
            _, loudest, _ = self._levels()
            # A far quieter party would be lost behind the other.
            ratio = np.sqrt(loudest.max() / np.maximum(loudest, 1e-20))
            weights = weights * np.where(ratio > 3.0, np.minimum(ratio, 10.0), 1.0) / 2
            return Downmix(
                weights[:, None], ("user",), "stereo: each side carries its own speech; they were mixed into one"
            )
        if channels == 2:
            weights, note = self._stereo(weights)
        else:
            used = np.flatnonzero(weights)
            note = f"{channels} channels were mixed into one"
            if len(used) < channels:
                numbers = ", ".join(str(number + 1) for number in used)
                note += f"; only number {numbers} carries sound" if len(used) == 1 else f"; {numbers} carry sound"
            if (weights < 0).any():
                note += "; polarity was corrected"
        return Downmix((weights / max(1.0, np.abs(weights).sum()))[:, None], ("user",), note)

    def _levels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(windows, FRAMES, channels) energies; each channel's loudest and its noise floor."""
        energy = np.array(self._energy, np.float64).reshape(-1, FRAMES, self._channels)
        flat = energy.reshape(-1, self._channels)
        # The fifth loudest frame: a click is none.
        loudest = np.sort(flat, axis=0)[-min(5, len(flat))]
        floor = np.zeros(self._channels)
        for channel in range(self._channels):
            sound = flat[:, channel][flat[:, channel] > 1e-8 * loudest[channel]]
            floor[channel] = np.quantile(sound, 0.1) if len(sound) else 0.0
        return energy, loudest, floor

    def _coherent(self) -> np.ndarray:
        """(windows,): whether both sides of a window carry the same sound, as far as a fixed lag can tell."""
        similarity = np.array([each[0] for each in self._similar])
        lag = np.array([each[1] for each in self._similar])
        steady = np.zeros(len(lag), bool)
        if len(lag) > 1:
            same = np.abs(np.diff(lag)) <= _SAME_LAG
            steady[1:] |= same
            steady[:-1] |= same
        return (similarity >= _SAME) | ((similarity >= _COHERENT) & steady)

    def _active(self) -> np.ndarray:
        """(windows, FRAMES, channels): whether there is more than noise."""
        energy, loudest, floor = self._levels()
        return (energy > 3 * floor) & (energy > 10**-3.5 * loudest) & (energy > 10**-5.5 * loudest.max())

    def _own_speech(self) -> bool:
        energy, loudest, floor = self._levels()
        active = self._active()
        speech = np.maximum(energy - floor, 1e-9 * loudest.max() + 1e-20)
        heard = active.any(axis=2)
        similarity = np.array([each[0] for each in self._similar])
        if not heard.any():  # nothing but tones or noise, and two noises are not alike either
            loud = (energy > 1e-4 * (RATE / FRAMES)).all(axis=(1, 2))
            return bool(loud.any() and np.median(similarity[loud]) < _UNRELATED_TONES)
        difference = 10 * np.log10(speech[..., 0] / speech[..., 1])
        left = active[..., 0] & (difference >= OWN_DB)
        right = active[..., 1] & (difference <= -OWN_DB)
        coherent = self._coherent()
        # A delay makes levels differ for moments; what is the same over a whole second is the same.
        whole = 10 * np.log10((speech * heard[..., None]).sum(axis=1) + 1e-20)
        same = (similarity >= _SAME) & (np.abs(whole[:, 0] - whole[:, 1]) < OWN_DB)
        left[same] = right[same] = False
        # Where noise prevails, the same speech is not alike either.
        clear = np.sqrt(np.prod(speech.sum(axis=1) / (energy.sum(axis=1) + 1e-20), axis=1)) > 0.5
        unrelated = (clear & (similarity < _UNRELATED))[:, None] & active.all(axis=2)
        left |= unrelated
        right |= unrelated
        common = heard & coherent[:, None] & ~left & ~right
        own = int(np.count_nonzero(left | right))
        enough = min(np.count_nonzero(left), np.count_nonzero(right)) >= SHORTEST_OWN
        return bool(enough and own >= np.count_nonzero(common) and own >= 0.3 * np.count_nonzero(heard))

    def _crosstalk(self) -> np.ndarray | None:
        energy, loudest, _ = self._levels()
        active = self._active()
        if not active.any():
            return None
        difference = 10 * np.log10((energy[..., 0] + 1e-20) / (energy[..., 1] + 1e-20))
        distance = np.full(2, np.inf)
        coherent = self._coherent()[:, None]
        for side, sign in ((0, -1.0), (1, 1.0)):
            other = 1 - side
            strong = active[..., other] & (energy[..., other] > 10**-1.5 * loudest[other])
            louder = strong & (sign * difference >= OWN_DB)
            leaking = louder & coherent  # else it is noise that the quieter side holds
            if np.count_nonzero(leaking) > 0.2 * np.count_nonzero(louder):
                distance[side] = max(OWN_DB, float(np.quantile((sign * difference)[leaking], 0.2)) - 3.0)
        return distance if distance.min() < AUDIBLE_CROSSTALK else None

    def _signs(self) -> np.ndarray:
        """(channels,): 1 or -1, so that no channel takes away from those before it; 0 without speech."""
        variance = np.diag(self._covariance)
        weights = np.zeros(self._channels)
        if not self._energy or variance.max() <= 0.0:
            return np.ones(self._channels)
        for channel in np.argsort(-variance, kind="stable"):
            if variance[channel] <= 1e-5 * variance.max():
                break
            together = weights @ self._covariance @ weights
            shared = weights @ self._covariance[:, channel]
            weights[channel] = -1.0 if shared < -0.1 * np.sqrt(together * variance[channel]) else 1.0
        return weights

    def _stereo(self, weights: np.ndarray) -> tuple[np.ndarray, str]:
        sides = ("left", "right")
        active = self._active().reshape(-1, 2).sum(axis=0) if self._energy else np.zeros(2)
        if not weights.all() or active.min() < 0.02 * active.max():
            only = int(np.argmax(active if weights.all() else np.abs(weights)))
            return np.eye(2)[only], f"stereo: only the {sides[only]} side carries speech; it alone is used"
        if not self._energy or not np.diag(self._covariance).any():
            return weights, "stereo: both sides are silent; they were mixed into one"
        coherent = self._coherent()
        strength = np.array([each[0] for each in self._similar]) * coherent
        if coherent.mean() < 0.3:
            return weights, "stereo: both sides carry all voices; they were mixed into one"
        lags = np.array([each[1] for each in self._similar])[coherent]
        lag = float(np.median(lags))
        inverted = float(strength @ [each[2] for each in self._similar]) < 0.0
        steady = np.mean(np.abs(lags - lag) <= _SAME_LAG) > 0.7
        _, loudest, floor = self._levels()
        quality = 10 * np.log10(np.maximum(loudest, 1e-20) / np.maximum(floor, 1e-9 * loudest + 1e-20))
        better = int(quality[1] > quality[0] + 0.5)
        alone = np.eye(2)[better]
        if steady and abs(lag) >= 2:
            milliseconds = 1000 * abs(lag) / RATE
            return alone, (
                f"stereo: both sides carry the same speech, {milliseconds:.1f} ms apart; the {sides[better]} is used"
            )
        if abs(quality[0] - quality[1]) > 6.0:
            return alone, f"stereo: both sides carry the same speech; the {sides[better]} one, the clearer, is used"
        if inverted:
            return np.array([1.0, -1.0]), (
                "stereo: both sides carry the same speech with opposite polarity; one was inverted and they were mixed"
            )
        return np.ones(2), "stereo: both sides carry the same speech; they were mixed into one"


def _similarity(spectrum: np.ndarray) -> tuple[float, int, float]:
    """(bins, 2) to (largest normalized cross-correlation, its lag in samples, its sign)."""
    power = np.square(np.abs(spectrum)).sum(axis=0)
    if power.min() <= 1e-12 * max(power.max(), 1e-12):
        return 0.0, 0, 1.0
    correlation = np.fft.irfft(spectrum[:, 0] * np.conj(spectrum[:, 1]))
    near = np.concatenate([correlation[-LARGEST_LAG:], correlation[: LARGEST_LAG + 1]])
    at = int(np.argmax(np.abs(near)))
    energy = np.sqrt(np.prod(power * 2 / (2 * WINDOW)))  # one side of the spectrum, Parseval
    return float(min(1.0, abs(near[at]) / energy)), at - LARGEST_LAG, float(np.sign(near[at]))

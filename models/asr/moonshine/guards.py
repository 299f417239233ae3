"""What keeps words out that nobody said: of silence and noise, a decoder trained on speech makes the likeliest words.

Three things tell them: nothing in the sound has the pitch of a voice; the decoder is unsure, and its attention, which
is concentrated on the sound of each token where there is one, is spread; and the text repeats itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

_WEIGHTS = (3.3, 9.0, 1.1, -3.9)
"""Of the mean log-probability, the sharpness of attention, the length up to six tokens in sixths, and 1: a logistic
regression on 226 utterances and words, down to 0 dB of noise, against 203 noises of training sources."""

_SUSPECTS = {
    "you",
    "thank you",
    "thank you for watching",
    "thanks for watching",
    "bye",
    "mm-hmm",
    "mm",
    "uh",
    "hmm",
    "so",
}
"""What the decoder makes of most noises; it must be surer of them than of other words."""

_ALONE = {
    "stop",
    "wait",
    "no",
    "yes",
    "right",
    "quiet",
    "pause",
    "cancel",
    "please",
    "hello",
    "i see",
    "hold on",
    "go on",
    "never mind",
    "all right",
    "excuse me",
}
"""What people say alone, and the decoder makes of no noise: 311 noises and pieces of music gave one of them, at -5."""

_LEAST, _MARGIN, _EASE = -1.2, 2.7, 1.5

_LONG = 6  # tokens
_LONG_WEIGHTS, _LONG_LEAST = (20.0, 2.4), 4.8
"""Of the sharpness and of the mean of the lowest quarter of the log-probabilities, for texts of six tokens or more: of
one that was made up, some tokens are guesses. Chosen on 480 pieces of noise and music, of which ten pass the rule above
and five this one too, and on 234 believed pieces of speech down to 0 dB of noise, of which it refuses two or fewer."""

_FOREIGN = 0x250  # letters from here on are of no word of English, nor is the sign of a copyright

_FLOOR = 1.5e-4  # about -76 dBFS: quieter than this there is nothing
_FRAME, _STEP = 640, 320  # samples: 40 ms every 20
_LAGS = (SAMPLE_RATE // 400, SAMPLE_RATE // 65)
_PERIODIC = 0.45  # normalized autocorrelation of a voiced frame
_VOICED = 3  # such frames
_LONGEST_CYCLE = 8  # tokens


def voiced(samples: np.ndarray) -> bool:
    """Whether there is anything with the pitch of a voice, 65 to 400 Hz, for 60 ms."""
    count = (len(samples) - _FRAME) // _STEP + 1
    if count < _VOICED:
        return bool(len(samples)) and float(np.abs(samples).max()) > _FLOOR
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_STEP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = np.square(frames).sum(axis=1)
    loud = energy > max(_FRAME * _FLOOR**2, 1e-3 * float(energy.max()))
    if not loud.any():
        return False
    spectra = np.fft.rfft(frames[loud], 2 * _FRAME, axis=1)
    correlation = np.fft.irfft(np.square(np.abs(spectra)), axis=1)[:, : _LAGS[1]]
    overlap = 1 - np.arange(_LAGS[1]) / _FRAME
    peaks = (correlation / overlap)[:, _LAGS[0] :].max(axis=1) / np.maximum(correlation[:, 0], 1e-12)
    return int((peaks > _PERIODIC).sum()) >= _VOICED


def believable(text: str, chances: Sequence[float], sharpness: float, *, looped: bool = False) -> bool:
    """Whether a text is what was said. chances: log-probabilities of its tokens. sharpness: of their attention.
    looped: the decoder had to be stopped."""
    plain = "".join(letter for letter in text.lower() if letter.isalnum() or letter in " '-").strip()
    if not plain or not chances or "\u00a9" in text or any(letter >= chr(_FOREIGN) for letter in plain):
        return False
    if len(chances) >= _LONG:
        lowest = float(np.mean(sorted(chances)[: len(chances) // 4]))
        if _LONG_WEIGHTS[0] * sharpness + _LONG_WEIGHTS[1] * lowest < _LONG_LEAST:
            return False
    chance, sharp, length, constant = _WEIGHTS
    score = chance * float(np.mean(chances)) + sharp * sharpness + length * min(len(chances), 6) / 6 + constant
    return score > _LEAST + (_MARGIN if looped or plain in _SUSPECTS else -_EASE if plain in _ALONE else 0.0)


def unrepeated(tokens: Sequence[int]) -> int:
    """How many tokens to keep: all, or those before the third of three or more equal runs of up to eight tokens each
    that go on to the end, give or take a broken last one: a decoder that has lost its place. One run is kept.

    What people repeat ("no, no, no") ends.
    """
    count = len(tokens)
    for size in range(1, _LONGEST_CYCLE + 1):
        same = 0
        while same < count - size and tokens[count - 1 - same] == tokens[count - 1 - same - size]:
            same += 1
        if same >= max(2 * size, 6):
            return count - same
    return count

"""When each token was said, from the decoder's cross-attention and the loudness of the sound.

In some heads a token looks at the sound that it stands for. Over those heads the tokens get stretches of frames, in
order, by dynamic programming (as Whisper's word times: Radford et al. 2022, released with openai-whisper 2023), with
stretches of nobody between words, which quiet makes likely. On 44 read utterances half of the words begin within
30 ms of where a forced alignment has them, nine of ten within 85 ms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

_HEADS = {
    (6, 8): ((4, 3), (3, 6), (4, 6), (3, 0), (3, 2), (3, 5)),
    (8, 8): ((5, 5), (6, 4), (5, 6), (4, 2), (6, 0), (6, 1)),
}
"""(layers, heads) of tiny and base to the (layer, head) pairs that had most of their weight, 81 to 92 %, on the sound
of their word in 35 utterances of training speakers."""

_CHOSEN = 6  # heads, where a model is not in the table: those with the most concentrated weights
_LEAST = 1e-3  # weight of a frame that nobody looks at
_GAP_QUIET, _GAP_LOUD = -2.5, -5.5  # log weight of a frame of nobody's
_LOUD, _QUIET = 15.0, 30.0  # dB below the loud frames of the window
_AUDIBLE = 25.0  # dB below them: a word lasts as long
_LATE = SAMPLE_RATE * 12 // 1000  # samples by which attention is ahead of the sound
_NEAR = 5  # frames in which a token's weight is concentrated


def alignment(attention: np.ndarray) -> np.ndarray:
    """attention: (tokens, layers, heads, frames). Returns weights of the heads that align, (tokens, heads, frames),
    1 in sum over the frames."""
    layers, heads = attention.shape[1:3]
    weights = attention / np.maximum(attention.sum(-1, keepdims=True), 1e-6)
    chosen = _HEADS.get((layers, heads))
    if chosen is None:
        near = _concentration(weights).mean(0).ravel()
        chosen = tuple(divmod(int(place), heads) for place in np.argsort(-near)[:_CHOSEN])
    return np.stack([weights[:, layer, head] for layer, head in chosen], axis=1)


def sharpness(weights: np.ndarray) -> float:
    """How concentrated the weights of `alignment` are: the share that lies in five frames, over tokens and heads."""
    return float(_concentration(weights).mean()) if len(weights) else 0.0


def token_times(weights: np.ndarray, begins: Sequence[bool], samples: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of each token in samples. weights: of `alignment`. begins: whether a word begins with the token."""
    mean = weights.mean(1)
    padded = np.pad(mean, ((0, 0), (1, 1)))
    scores = np.log((padded[:, :-2] + mean + padded[:, 2:]) / 3 + _LEAST)
    frames = mean.shape[1]
    level = _levels(samples, frames)
    loud = np.quantile(level, 0.95)
    gap = _GAP_QUIET + (_GAP_LOUD - _GAP_QUIET) * np.clip((level - loud + _QUIET) / (_QUIET - _LOUD), 0, 1)
    spans = _stretches(scores, begins, gap)
    limits = [*(spans[token][0] for token in range(1, len(spans))), frames]
    times = []
    for token, (start, end) in enumerate(spans):
        if token + 1 == len(spans) or begins[token + 1]:
            while end < limits[token] and level[end] > loud - _AUDIBLE:
                end += 1
        times.append((start, end))
    size = len(samples) / frames
    return [
        (min(round(start * size) + _LATE, len(samples)), min(round(end * size) + _LATE, len(samples)))
        for start, end in times
    ]


def _stretches(scores: np.ndarray, begins: Sequence[bool], gap: np.ndarray) -> list[tuple[int, int]]:
    """The frames of each token, at least one each, that have the greatest sum of scores; gaps only before words."""
    rows: list[tuple[np.ndarray, bool]] = []
    for token, row in enumerate(scores):
        if begins[token]:
            rows.append((gap, True))
        rows.append((row, False))
    rows.append((gap, True))
    frames = scores.shape[1]
    if sum(not nobody for _, nobody in rows) > frames:
        edges = np.linspace(0, frames, len(scores) + 1).astype(int)
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    best = np.full(frames + 1, -np.inf)
    best[0] = 0.0
    froms = []
    for row, nobody in rows:
        total = np.concatenate([[0.0], np.cumsum(row)])
        base = best - total
        highest = np.maximum.accumulate(base)
        origin = np.maximum.accumulate(np.where(base >= highest, np.arange(frames + 1), 0))
        best = total + highest
        if not nobody:  # at least one frame
            best[1:], origin[1:] = total[1:] + highest[:-1], origin[:-1].copy()
            best[0] = -np.inf
        froms.append(origin)
    spans, end = [], frames
    for (_, nobody), origin in zip(reversed(rows), reversed(froms), strict=True):
        start = int(origin[end])
        if not nobody:
            spans.append((start, end))
        end = start
    return spans[::-1]


def _concentration(weights: np.ndarray) -> np.ndarray:
    """The greatest share of the last axis that lies in _NEAR neighbours."""
    width = min(_NEAR, weights.shape[-1])
    sums = np.cumsum(np.concatenate([np.zeros((*weights.shape[:-1], 1), weights.dtype), weights], axis=-1), axis=-1)
    return (sums[..., width:] - sums[..., :-width]).max(-1)


def _levels(samples: np.ndarray, frames: int) -> np.ndarray:
    """dB of each frame, with 8 ms of its neighbours."""
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    edges = np.arange(frames + 1) * (len(samples) / frames)
    low = np.clip(edges[:-1] - 120, 0, len(samples)).astype(int)
    high = np.clip(edges[1:] + 120, 0, len(samples)).astype(int)
    return 10 * np.log10((power[high] - power[low]) / np.maximum(high - low, 1) + 1e-10)

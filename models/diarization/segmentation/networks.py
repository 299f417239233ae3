"""The two networks of this engine in ONNX Runtime, made from their published checkpoints when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.segmentation import campplus, fbank, pyannet
from duplex.models.torch_checkpoint import read_tensors
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.onnx import session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PUBLISHED = "pyannote_segmentation_3.0/pytorch_model.bin"
EMBEDDING = "speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"

WINDOW = 100
"""Frames (100 ms) that the segmentation hears at once: what it was trained on."""

LEVEL = 0.05
"""Root mean square that windows are brought to: the network's own normalization does not reach soft ones."""

_HISS = 0.03
"""Root mean square of the noise that a window of a telephone's band gets, as a share of LEVEL. The network normalizes
each of its bands: of an empty one it would hear what resampling has left, as loud as speech."""
_EMPTY = 1e-5
"""Share of a window's power above a telephone's band below which that band is empty; real rooms have 1e-3 and more."""
_TELEPHONE = 4400.0
"""Hertz above which a telephone's band, and the slope of its filters, has ended."""
_QUIETEST = 1e-5
"""Root mean square below which a window is left as it is: silence and its rounding errors."""
_LONGEST = 1000
"""Feature frames (10 ms) that an embedding is made of at most, taken evenly from all that are given."""


class Segmenter:
    """Who of a window's speakers speaks when. weights: the published checkpoint, or one that was trained further
    (train/export.py). Raises ModelError."""

    def __init__(self, weights: Path) -> None:
        self._session = _opened(weights, pyannet.graph)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """samples: (n,) float32 at 16 kHz, n a multiple of 1600. Returns (n / 1600, speakers), the probability of each
        speaker of the window, averaged over every 100 ms.

        What is shorter than a window is heard again and again until it fills one: of shorter ones the network takes
        music for speech.
        """
        wanted = len(samples) // FRAME
        if wanted < WINDOW:
            samples = np.tile(samples, -(-WINDOW // wanted))[-WINDOW * FRAME :]
        (classes,) = self._session.run(None, {"samples": prepared(samples)[None, None]})
        return speakers_of(classes[:, 0], len(samples) // FRAME)[-wanted:]


def prepared(samples: np.ndarray) -> np.ndarray:
    """A window, (n,) float32 at 16 kHz, as the segmentation hears it: at one level, with no band empty."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if level <= _QUIETEST:
        return samples
    samples = samples * np.float32(LEVEL / level)
    return samples + _hiss(len(samples)) if _is_narrow(samples) else samples


def speakers_of(classes: np.ndarray, frames: int) -> np.ndarray:
    """(network frames, classes) to (frames, speakers), probabilities, a frame every 100 ms."""
    return _pooling(len(classes), frames) @ (classes @ _members(classes.shape[1]))


class Embedder:
    """What a voice sounds like, as a vector of length 1. folder: of the model store. Raises ModelError."""

    width = campplus.WIDTH

    def __init__(self, folder: Path) -> None:
        self._session = _opened(folder / EMBEDDING, campplus.graph)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """features: (n, 80) of `fbank`, of one voice, n ≥ 2, which need not have followed each other. Returns (192,)
        float32."""
        features = evenly(features, _LONGEST)
        features = features - features.mean(axis=0)
        average, spread = campplus.surroundings(len(features))
        inputs = {"features": features[None], "average": average, "spread": spread}
        (embedding,) = self._session.run(None, inputs)[0]
        return embedding / max(float(np.linalg.norm(embedding)), 1e-9)


def evenly(items: np.ndarray, most: int) -> np.ndarray:
    """`items` (n, …), or `most` of them, evenly taken."""
    return items if len(items) <= most else items[np.linspace(0, len(items) - 1, most).round().astype(int)]


def features_of(samples: np.ndarray) -> np.ndarray:
    """(n,) at 16 kHz, n a multiple of 1600, to (n / 160, 80): ten features for each 100 ms, the last of
    which reaches into silence."""
    count = len(samples) // fbank.HOP
    return fbank.fbank(np.pad(samples, (0, fbank.WINDOW)))[:count]


def _is_narrow(samples: np.ndarray) -> bool:
    power = np.square(np.abs(np.fft.rfft(samples)))
    above = round(_TELEPHONE * len(samples) / SAMPLE_RATE)
    return bool(power[above:].sum() < _EMPTY * power.sum())


@cache
def _hiss(length: int) -> np.ndarray:
    """(length,) the same every time."""
    return (_HISS * LEVEL * np.random.default_rng(0).standard_normal(length)).astype(np.float32)


def _opened(path: Path, graph: Callable[[Mapping[str, np.ndarray]], bytes]) -> InferenceSession:
    try:
        return session(graph(_tensors(path)), spinning=False, quiet=True)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path}: not the weights of this network: {first_line(error)}") from error


def _tensors(path: Path) -> Mapping[str, np.ndarray]:
    if path.suffix != ".safetensors":
        return read_tensors(path)
    try:
        return {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {first_line(error)}") from error


@cache
def _members(classes: int) -> np.ndarray:
    """(classes, speakers): which class has which speakers."""
    found = pyannet.sets(classes)
    speakers = 1 + max(max(members, default=0) for members in found)
    return np.array([[speaker in members for speaker in range(speakers)] for members in found], np.float32)


@cache
def _pooling(frames: int, wanted: int) -> np.ndarray:
    """(wanted, frames): the mean of the network's frames whose middles lie in each 100 ms; the frames at the ends stand
    for what is beyond them."""
    middles = np.arange(frames) * pyannet.STEP + pyannet.REACH // 2
    inside = (middles // FRAME == np.arange(wanted)[:, None]).astype(np.float32)
    return inside / inside.sum(axis=1, keepdims=True)

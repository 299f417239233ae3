"""Room impulse responses: simulated by the image-source method and by decaying noise, or measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import signal

from duplex.models.corpora.degradations import rms
from duplex.models.corpora.manifest import all_rows, decode
from duplex.streaming.audio import SAMPLE_RATE

ROOM_LENGTH = 16000  # one second: what is later is below −60 dB for all but the longest decays


def early_part(response: np.ndarray, seconds: float = 0.004) -> np.ndarray:
    """The direct sound and what follows within `seconds`, faded out over twice as long."""
    full, fade = int(seconds * SAMPLE_RATE), int(2 * seconds * SAMPLE_RATE)
    window = np.zeros(full + fade, np.float32)
    window[:full] = 1
    window[full:] = np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return response[: full + fade] * window


def recorded_rooms(folder: Path, split: str) -> np.ndarray:
    """The measured responses of the data folder as `simulate_rooms` gives them, (count, 16000) float16."""
    rows = [row for row in all_rows(folder, split) if row.get("kind") == "rir"]
    responses = np.zeros((len(rows), ROOM_LENGTH), np.float16)
    for number, row in enumerate(rows):
        response = decode(folder / row["path"]).astype(np.float32)
        direct = int(np.abs(response).argmax())
        part = response[direct : direct + ROOM_LENGTH] / response[direct]
        responses[number, : len(part)] = part
    return responses


def on_the_way(length: int, rng: np.random.Generator) -> np.ndarray:
    """How much of a talker who walks is in the second of two places, (length,) float32 from 0 to 1."""
    at, width = rng.uniform(0.2, 0.8) * length, rng.uniform(0.1, 1.0) * SAMPLE_RATE
    return np.clip((np.arange(length) - at) / width + 0.5, 0, 1).astype(np.float32)


def simulate_rooms(
    count: int, rng: np.random.Generator, simulated_share: float = 0.3, late: float = -6.0
) -> np.ndarray:
    """Room impulse responses, (count, 16000) float16, direct sound at sample 0 with amplitude 1.

    late: the lowest ratio of the direct sound to all that follows, in dB.

    A part comes from the image-source method (pyroomacoustics, shoe-box rooms, low order) with a diffuse tail of the
    same decay; the others are wholly stochastic (Polack's model: exponentially decaying noise, highs faster than lows)
    with sparse early reflections.
    """
    responses = np.zeros((count, ROOM_LENGTH), np.float16)
    for number in range(count):
        decay = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
        early = _image_source(decay, rng) if number < simulated_share * count else _sparse_early(rng)
        tail = _diffuse_tail(decay, rng)
        direct_to_reverberant = 10 ** (rng.uniform(late, 14) / 20)
        start = int(rng.uniform(0.005, 0.03) * SAMPLE_RATE)
        ramp = np.clip(np.arange(ROOM_LENGTH) / (2 * start), 0, 1).astype(np.float32)
        tail = tail * ramp
        after = early + tail * np.float32(rms(early[1:]) / max(rms(tail), 1e-9) * rng.uniform(0.7, 1.5))
        after[0] = 0
        response = after / max(float(np.sqrt((after**2).sum())), 1e-9) / direct_to_reverberant
        response[0] = 1
        responses[number] = response
    return responses


def _diffuse_tail(decay: float, rng: np.random.Generator) -> np.ndarray:
    bands = [(None, 500), (500, 2000), (2000, None)]
    time = np.arange(ROOM_LENGTH) / SAMPLE_RATE
    total = np.zeros(ROOM_LENGTH)
    for (low, high), ratio in zip(bands, (rng.uniform(1, 1.4), 1.0, rng.uniform(0.4, 0.9)), strict=True):
        noise = rng.standard_normal(ROOM_LENGTH) * np.exp(-6.9 * time / (decay * ratio))
        edges = [low, high] if low and high else (low or high)
        kind = "band" if low and high else ("high" if low else "low")
        total += signal.sosfilt(signal.butter(2, edges, kind, fs=SAMPLE_RATE, output="sos"), noise)
    return total.astype(np.float32)


def _sparse_early(rng: np.random.Generator) -> np.ndarray:
    early = np.zeros(ROOM_LENGTH, np.float32)
    for _ in range(int(rng.integers(4, 20))):
        at = int(rng.uniform(0.0008, 0.05) * SAMPLE_RATE)
        early[at] += rng.choice([-1, 1]) * rng.uniform(0.1, 0.7) * np.exp(-at / 600)
    early[0] = 1
    return early


def _image_source(decay: float, rng: np.random.Generator) -> np.ndarray:
    import pyroomacoustics

    size = rng.uniform([3, 3, 2.3], [10, 8, 4.0])
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    absorption = float(np.clip(24 * np.log(10) / 343 * size.prod() / (surface * decay), 0.05, 0.95))
    room = pyroomacoustics.ShoeBox(size, fs=SAMPLE_RATE, materials=pyroomacoustics.Material(absorption), max_order=8)
    source = rng.uniform(0.4, size - 0.4)
    offset = rng.standard_normal(3)
    offset *= rng.uniform(0.3, 3.0) / np.linalg.norm(offset)
    room.add_source(source)
    room.add_microphone(np.clip(source + offset, 0.2, size - 0.2))
    room.compute_rir()
    response = room.rir[0][0]
    direct = int(np.argmax(np.abs(response)))
    early = np.zeros(ROOM_LENGTH, np.float32)
    part = response[direct : direct + ROOM_LENGTH] / response[direct]
    early[: len(part)] = part
    return early

"""Recordings of every kind for these tests, made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from duplex.audio_files.decoder import open_audio


def speechlike(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """(n, channels): harmonics that come and go like syllables, each channel its own; peaks at 0.5."""
    time = np.arange(round(seconds * rate)) / rate
    columns = []
    for channel in range(channels):
        rng = np.random.default_rng([seed, channel])
        pitch = 110.0 + 40.0 * channel + 10.0 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        voice = sum(np.sin(each * phase + rng.uniform(0, 6)) / each for each in range(1, 12))
        syllables = np.clip(np.sin(2 * np.pi * 2.3 * time + rng.uniform(0, 6)), 0.0, 1.0)
        columns.append(voice * syllables + 1e-3 * rng.standard_normal(len(time)))
    sound = np.stack(columns, axis=1)
    return 0.5 * sound / max(1e-9, np.abs(sound).max())


def write(path: Path, sound: np.ndarray, rate: int, subtype: str | None = None, format: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype=subtype, format=format)
    return path


def encode(path: Path, sound: np.ndarray, rate: int, muxer: str, codec: str, bit_rate: int | None = None) -> Path:
    """Through FFmpeg's encoders: sound of (n, 1) or (n, 2)."""
    import av

    layout = ("mono", "stereo")[sound.shape[1] - 1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for at in range(0, len(sound), 4096):
            block = np.ascontiguousarray(sound[at : at + 4096].T, np.float32)
            frame = av.AudioFrame.from_ndarray(block, "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def read(path: Path | str) -> tuple[np.ndarray, int]:
    """(n, channels) and the rate, of any format."""
    with open_audio(path) as reader:
        return np.concatenate(list(reader.blocks())), reader.format.sample_rate

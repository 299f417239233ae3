"""Signals for the restoration tests: something like speech, and a data folder of a few seconds."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile

from duplex.streaming.blocks import Blocks
from duplex.streaming.stage import Stage
from duplex.streaming.stft import sqrt_hann

RATE = 16_000


def speech_like(seconds: float, seed: int = 0, pitch: float = 130.0) -> np.ndarray:
    """Voiced syllables with formants and pauses, (n,) float32, peak 0.5."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))) / RATE
    voice = np.zeros(len(time))
    for harmonic in range(1, int(7000 / pitch)):
        frequency = harmonic * pitch
        formants = sum(np.exp(-(((frequency - f) / 250) ** 2)) for f in (600, 1500, 2600))
        voice += (formants + 0.02) / harmonic**0.5 * np.sin(harmonic * phase + rng.uniform(0, 6))
    syllables = np.maximum(0, np.sin(2 * np.pi * 2.5 * time + seed)) ** 0.5
    out = voice * syllables
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def recording() -> np.ndarray:
    """The bundled recording of two voices, (n,) float32."""
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as path:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return samples[:, 0]


def noisy_recording() -> np.ndarray:
    """It with steady noise some 20 dB below its speech."""
    samples = recording()
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return samples + 0.003 * noise


def live(stage: Stage, audio: np.ndarray) -> np.ndarray:
    """All that a stage makes of a recording, aligned with it."""
    blocks = Blocks(stage)
    return np.concatenate([blocks.step(audio), blocks.flush()])


def magnitudes(audio: np.ndarray) -> np.ndarray:
    """Of frames of 512 samples, half overlapped, Nyquist left out, (frames, 256); as the stage hears them."""
    padded = np.pad(audio[: len(audio) // 256 * 256], 256)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::256] * sqrt_hann(512)
    return np.abs(np.fft.rfft(frames, norm="ortho"))[:, :-1].astype(np.float32)


def convergence(wanted: np.ndarray, audio: np.ndarray) -> float:
    """Spectral convergence in dB: how far the magnitudes of `audio` are from those asked for."""
    return float(20 * np.log10(np.linalg.norm(magnitudes(audio) - wanted) / np.linalg.norm(wanted)))


def data_folder(path: Path) -> Path:
    """A folder with a manifest as training expects it: two speakers, three noises, music and a room in each split."""
    rows = []
    for split in ("train", "valid"):
        for number in range(2):
            name = f"audio/{split}-{number}.flac"
            audio = speech_like(5, seed=number, pitch=110 + 40 * number + 15 * (split == "valid"))
            rows.append({"path": name, "dataset": "ljspeech_part1", "split": split, "speaker": f"{split}{number}"})
            _write(path / name, audio)
        noise = np.random.default_rng(9).standard_normal(5 * RATE).astype(np.float32) * 0.1
        tone = (0.1 * np.sin(np.arange(5 * RATE) * 0.1)).astype(np.float32)
        for dataset, kind, label, audio in (
            ("esc10", "noise", "rain", noise),
            ("esc10", "noise", "Dog bark", noise[:8000]),
            ("opensfx", "noise", "door", noise[:8000]),
            ("voxelibre_music", "music", "rock", tone),
        ):
            name = f"audio/{split}-{label}.flac"
            rows.append({"path": name, "dataset": dataset, "split": split, "kind": kind, "label": label})
            _write(path / name, audio)
        name = f"audio/{split}-room.flac"
        rows.append({"path": name, "dataset": "rir_openair", "split": split, "kind": "rir"})
        _write(path / name, np.r_[np.zeros(40), 0.8, np.zeros(799), 0.2, np.zeros(200)].astype(np.float32))
    (path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def _write(path: Path, audio: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, RATE, subtype="PCM_16")

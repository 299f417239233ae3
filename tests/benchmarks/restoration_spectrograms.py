"""Draws what restoration does to a recording: degraded and restored, one above the other.

python -m tests.benchmarks.restoration_spectrograms --speech FILE --noise FILE --out FOLDER

Three pictures: rain at 5 dB (enhance), a low-pass at 3.4 kHz (bandwidth), Opus at 6 kbit/s (codec).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from duplex.models.corpora.codecs import transcode
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import RestoreOptions, load_stage
from duplex.pictures.spectrogram import Spectrogram, draw
from duplex.streaming.audio import to_mono
from duplex.streaming.blocks import Blocks
from duplex.streaming.resample import resample


def load(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32")
    return resample(to_mono(samples), rate, SAMPLE_RATE)


def picture(audio: np.ndarray) -> Spectrogram:
    spectrogram = Spectrogram(SAMPLE_RATE)
    spectrogram.add(audio)
    return spectrogram


def shrink(path: Path) -> None:
    """Three quarters of the size and 96 colours: a page of text should not carry megabytes."""
    with Image.open(path) as image:
        small = image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
    small.quantize(96).save(path, optimize=True)


def main() -> None:
    options = argparse.ArgumentParser(description="Pictures of degraded and restored speech.")
    options.add_argument("--speech", type=Path, required=True)
    options.add_argument("--noise", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    arguments = options.parse_args()
    speech = load(arguments.speech)
    noise = np.resize(load(arguments.noise), len(speech))
    noisy = speech + noise * np.float32(np.std(speech) / np.std(noise) * 10 ** (-5 / 20))
    narrow = resample(resample(speech, SAMPLE_RATE, 6800), 6800, SAMPLE_RATE)
    degraded = {
        "enhance": (noisy, "rain at 5 dB, task enhance"),
        "bandwidth": (narrow, "nothing above 3.4 kHz, task bandwidth"),
        "codec": (transcode(speech, "opus", 6000), "Opus at 6 kbit/s, task codec"),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for task, (audio, title) in degraded.items():
        blocks = Blocks(load_stage(RestoreOptions(task)))
        restored = np.concatenate([blocks.step(audio), blocks.flush()])
        path = arguments.out / f"{task}.png"
        draw(picture(audio), picture(restored), path, title)
        shrink(path)


if __name__ == "__main__":
    main()

"""Restore a folder of recordings; then one of them again, block by block, as if it came from a microphone.

    python demos/restore_folder.py noisy/ restored/

Without arguments it restores the bundled demo conversation with noise added, in demo-out/.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile

import duplex


def make_noisy(folder: Path) -> Path:
    """The demo conversation in white noise, 12 dB below it."""
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as recording:
        sound, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    noise = np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    sound = sound + noise * sound.std() * 10 ** (-12 / 20)
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "conversation.flac", np.clip(sound, -1, 1), rate)
    return folder


def restore_live(path: str) -> np.ndarray:
    """Blocks of 20 ms go in, blocks of 20 ms come out, `latency` samples later."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    size = rate // 50
    restorer = duplex.Restorer("auto", sample_rate=rate, channels=sound.shape[1], block_size=size)
    blocks = [restorer.step(sound[at : at + size]) for at in range(0, len(sound), size)]
    print(f"live: {restorer.latency / rate * 1000:.0f} ms behind the input")
    return np.concatenate([*blocks, restorer.flush()])[restorer.latency :]


def main() -> int:
    arguments = sys.argv[1:3]
    source, out = arguments if len(arguments) == 2 else (make_noisy(Path("demo-out/noisy")), "demo-out/restored")
    report = duplex.restore(source, out, spectrogram=True)
    for file in report:
        print(f"{file.status:<9} {file.error or file.target}")
        if file.before and file.after:
            print(f"          noise floor {file.before['noise_floor_dbfs']} -> {file.after['noise_floor_dbfs']} dBFS")
    if report.restored and report.restored[0].source.endswith((".wav", ".flac")):
        restore_live(report.restored[0].source)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

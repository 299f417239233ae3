"""Memory of `restore` on a long recording: it must not depend on the length.

python -m tests.benchmarks.restore_memory [--minutes 180] [--rate 16000] [--channels 1] [--format WAV] [--short 2]

Makes a recording of bursts of harmonics between silences, as long as asked for, and a short one; restores each in a
process of its own and compares their peak resident sets.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.benchmarks.report import table, versions

_RESTORE = """
import json, resource, sys, time
from duplex.batch.restore import restore
began, cpu = time.monotonic(), time.process_time()
report = restore(sys.argv[1], sys.argv[2], jobs=1)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
assert not report.failed, report[0].error
print(json.dumps([peak, time.monotonic() - began, time.process_time() - cpu, report[0].seconds]))
"""


def write_long(path: Path, minutes: float, rate: int, channels: int, format: str) -> None:
    """Seconds of one of sixteen voices or of none, in one of sixteen noises, at random."""
    rng = np.random.default_rng(0)
    time = np.arange(rate) / rate
    voices = [
        sum(np.sin(2 * np.pi * each * pitch * time) / each for each in range(1, 10))
        for pitch in np.linspace(90, 250, 16)
    ]
    noises = rng.standard_normal((16, rate, channels)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, channels, format=format) as file:
        for _ in range(round(minutes * 60)):
            voice = rng.uniform(0.0, 0.2) * (rng.random() < 0.6) * voices[rng.integers(16)]
            file.write(voice[:, None] + 0.003 * noises[rng.integers(16)])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=180.0)
    parser.add_argument("--short", type=float, default=2.0, help="minutes of the recording to compare with")
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--format", default="WAV")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (args.short, args.minutes):
            source = Path(folder, f"{minutes:g}.{args.format.lower()}")
            write_long(source, minutes, args.rate, args.channels, args.format)
            command = [sys.executable, "-c", _RESTORE, str(source), str(Path(folder, f"out-{minutes:g}"))]
            peak, wall, cpu, seconds = json.loads(subprocess.check_output(command, text=True))
            rows.append([f"{minutes:g} min", peak, seconds, wall, cpu, f"{cpu / seconds:.4f}"])
            source.unlink()
    print(versions(["duplex", "numpy", "onnxruntime", "soundfile"]))
    print(f"{args.format}, {args.rate} Hz, {args.channels} channel(s); restoring and measuring, one process")
    print(table(["recording", "peak MiB", "sound s", "wall s", "CPU s", "CPU RTF"], rows))
    grown = rows[1][1] - rows[0][1]
    print(f"{rows[1][1]:.0f} MiB after {args.minutes:g} minutes, {grown:+.1f} MiB against {args.short:g} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

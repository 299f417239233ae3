"""Speed and memory of `duplex.diarize` on long recordings: memory must not depend on the length.

python -m tests.benchmarks.diarize_files [--minutes 180] [--short 2] [--rate 16000] [--format WAV]

Makes a recording of bursts of harmonics between silences, as long as asked for, and a short one; each goes through
`duplex.diarize` in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.report import table, versions
from tests.benchmarks.restore_memory import write_long

_DIARIZE = """
import json, resource, sys, time
import duplex
began, cpu = time.monotonic(), time.process_time()
turns = duplex.diarize(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([peak, time.monotonic() - began, time.process_time() - cpu, turns.duration, len(turns)]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=180.0)
    parser.add_argument("--short", type=float, default=2.0, help="minutes of the recording to compare with")
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--format", default="WAV")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (args.short, args.minutes):
            source = Path(folder, f"{minutes:g}.{args.format.lower()}")
            write_long(source, minutes, args.rate, 1, args.format)
            found = json.loads(subprocess.check_output([sys.executable, "-c", _DIARIZE, str(source)], text=True))
            peak, wall, cpu, seconds, turns = found
            rows.append([f"{minutes:g} min", peak, wall, cpu, f"{cpu / seconds:.4f}", f"{seconds / wall:.1f}", turns])
            source.unlink()
    print(versions(["duplex", "numpy", "onnxruntime"]))
    print(table(["recording", "peak MiB", "wall s", "CPU s", "CPU RTF", "× real time", "turns"], rows))
    grown = rows[1][1] - rows[0][1]
    print(f"{grown:+.1f} MiB for {args.minutes - args.short:g} minutes more")
    return 0


if __name__ == "__main__":
    sys.exit(main())

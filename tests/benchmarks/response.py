"""End of the user's speech → first audible sample of the reply, in its parts, on the bundled demo in real time.

    python -m tests.benchmarks.response [--pace real|fast] [--recording FILE]

At the real pace all computing is in the figures; at the fast pace they are the engine's own (algorithmic) delays.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from duplex.batch.run import run
from duplex.events import Event, Interrupted
from duplex.streaming.audio import SAMPLE_RATE
from tests.benchmarks.report import quantile, table, versions

PARTS = {
    "decision": "end of speech → decision",
    "first_token": "decision → first token",
    "first_audible": "first token → first audible sample",
    "total": "end of speech → first audible sample",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pace", choices=("real", "fast"), default="real")
    parser.add_argument("--recording", type=Path)
    args = parser.parse_args()
    interruptions: list[Interrupted] = []

    def watch(event: Event) -> None:
        if isinstance(event, Interrupted):
            interruptions.append(event)

    with tempfile.TemporaryDirectory() as folder, resources.as_file(resources.files("duplex") / "data") as data:
        outcome = run(args.recording or data / "demo.flac", folder, pace=args.pace, on_event=watch)
    turns = [turn["latency_ms"] for turn in outcome.summary["turns"] if turn["first_audible"] is not None]
    print(versions(["duplex", "pocketsphinx", "espeakng-loader"]))
    print(f"{len(turns)} replies at the {args.pace} pace; milliseconds")
    rows = []
    for part, label in PARTS.items():
        values = [turn[part] for turn in turns if turn[part] is not None]
        rows.append([label, quantile(values, 0.5), quantile(values, 0.95), max(values, default=float("nan"))])
    print(table(["", "p50", "p95", "max"], rows))
    onset = [(e.end - e.start) / SAMPLE_RATE * 1000 for e in interruptions]
    cut = [(e.end - e.decided) / SAMPLE_RATE * 1000 for e in interruptions]
    print(f"interruptions (n={len(onset)}): onset → last audible sample p50 {quantile(onset, 0.5):.0f} ms; ", end="")
    print(f"decision → last audible sample max {max(cut, default=float('nan')):.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""End of the user's speech → first audible sample of the reply, in its parts, on the bundled demo in real time.

    python -m tests.benchmarks.response [--pace real|charged|free] [--recording FILE] [--recognizer NAME]

At the real pace all computing is in the figures; "free" are the engine's own (algorithmic) delays at virtual time;
"charged" is virtual time that charges for computing by the table that `tests.benchmarks.costs` measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from duplex.batch.run import run
from duplex.engines import Engines
from duplex.events import Event
from duplex.session_record.session_log import parse_events
from duplex.session_record.summary import summarize_log
from duplex.settings import Settings
from tests.benchmarks.costs import described, hold, measured_costs, recording_audio
from tests.benchmarks.report import quantile, table, versions

PARTS = {
    "decision": "end of speech → decision",
    "first_token": "decision → first token",
    "first_audible": "first token → first audible sample",
    "total": "end of speech → first audible sample",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pace", choices=("real", "charged", "free"), default="real")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--recognizer", default=Settings().recognizer)
    args = parser.parse_args()
    settings = Settings(recognizer=args.recognizer)
    events: list[Event] = []
    print(versions(["duplex", "pocketsphinx", "espeakng-loader"]))
    if args.pace == "real":
        with tempfile.TemporaryDirectory() as folder, resources.as_file(resources.files("duplex") / "data") as data:
            run(args.recording or data / "demo.flac", folder, settings=settings, pace="real", on_event=events.append)
    else:
        cost = measured_costs() if args.pace == "charged" else None
        print(described() if cost else "computing free")
        engines = Engines.from_settings(settings)
        events = hold(recording_audio(args.recording), engines, settings, cost)[0].events
        engines.recognizer.close()
    log = parse_events([event.as_dict() for event in events])
    summary = summarize_log(log)
    turns = [turn["latency_ms"] for turn in summary["turns"] if turn["first_audible"] is not None]
    print(f"{len(turns)} replies, pace {args.pace}; milliseconds")
    rows = []
    for part, label in PARTS.items():
        values = [turn[part] for turn in turns if turn[part] is not None]
        rows.append([label, quantile(values, 0.5), quantile(values, 0.95), max(values, default=float("nan"))])
    print(table(["", "p50", "p95", "max"], rows))
    parts = [interruption["latency_ms"] for interruption in summary["interruptions"]]
    onset, cut = [part["total"] for part in parts], [part["silence"] for part in parts]
    print(f"interruptions (n={len(parts)}): onset → last audible sample p50 {quantile(onset, 0.5):.0f} ms; ", end="")
    print(f"decision → last audible sample max {max(cut, default=float('nan')):.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What each model step costs on this machine: the table by which virtual time charges for computing.

    python -m tests.benchmarks.costs [--out tests/benchmarks/costs.json] [--rounds 3] [--llm ADDRESS]

The bundled demo conversation, and a few of the seeded situations, are held with the default engines and live
restoration at virtual time, one step after another; every step that the session gives to its pool is timed under the
name it is given with (recognize, speak, diarize, restore, endpoint ...). Wall time, the recognizer's process included;
of several rounds the fastest counts, name by name, yet measure on an idle machine. The table keeps, for each name,
the calls, the seconds per second of input, and quantiles.

`measured_costs(path)` charges by it: call after call gets one of the measured quantiles, in a fixed order that visits
them evenly. So the mean is right, the rare long step (the recognizer's flush, a sentence's first sound) happens, and a
run at virtual time still gives the identical log every time.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.reader import open_recording
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.streaming.pool import InferencePool
from duplex.testing import Playout, feed, read_clips
from tests.benchmarks.report import table, versions

TABLE = Path(__file__).with_name("costs.json")
QUANTILES = 64
UNCHARGED = ("load",)
"""Done once, before anybody speaks."""


def measured_costs(path: str | Path = TABLE) -> Callable[[str], float]:
    """For `InferencePool(inline=True, cost=...)`: seconds that the next step of a name takes; 0 if not measured.

    Raises FileNotFoundError if the table was not measured yet.
    """
    steps = json.loads(Path(path).read_text())["steps"]
    order = [int(f"{number:06b}"[::-1], 2) for number in range(QUANTILES)]  # van der Corput's: even at every length
    quantiles = {name: [step["quantiles"][index] for index in order] for name, step in steps.items()}
    calls: defaultdict[str, int] = defaultdict(int)

    def cost(name: str) -> float:
        if name not in quantiles:
            if name not in UNCHARGED:
                warnings.warn(f"step {name!r} is not in {path}, so it is free: measure the costs anew", stacklevel=2)
            return 0.0
        calls[name] += 1
        return float(quantiles[name][(calls[name] - 1) % QUANTILES])

    return cost


def described(path: str | Path = TABLE) -> str:
    """One line: what is charged, and where it was measured."""
    measured = json.loads(Path(path).read_text())
    steps = ", ".join(
        f"{name} {1e3 * step['p50']:.2g}/{1e3 * step['p95']:.2g}" for name, step in measured["steps"].items()
    )
    return f"computing charged as measured ({measured['machine']}; p50/p95 ms a step: {steps})"


def recording_audio(path: Path | None = None) -> np.ndarray:
    """A recording's first channel, (n,) at 16 kHz; by default of the bundled demo conversation."""
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as demo:
        return np.concatenate([block[:, 0] for block in open_recording(path or demo).frames(SAMPLE_RATE)])


def hold(
    audio: np.ndarray, engines: Engines, settings: Settings, cost: Callable[[str], float] | None = None
) -> tuple[Playout, InferencePool]:
    """Hold a conversation with `audio` at virtual time, with two workers; computing is free without `cost`."""
    playout, clock = Playout(), VirtualClock()

    async def main() -> InferencePool:
        pool = InferencePool(settings.workers, inline=True, cost=cost)
        async with Session(settings, engines=engines, clock=clock, pool=pool, sinks=[playout]) as session:
            await feed(session, audio, clock)
            await session.finish()
        return pool

    pool = clock.run(main())
    return playout, pool


def measure(rounds: int, settings: Settings) -> dict[str, Any]:
    """Returns the table."""
    from tests.benchmarks.situations import CLIPS, KINDS, Situations

    engines = Engines.from_settings(settings)
    situations = Situations(read_clips(CLIPS), seed=1)
    pieces = [recording_audio(), *(situations.scene(kind)[0].render() for kind in KINDS)]
    taken: defaultdict[str, list[float]] = defaultdict(list)
    try:
        for audio in pieces:
            attempts = [hold(audio, engines, settings)[1].timings for _ in range(rounds)]
            for name in attempts[0]:  # the same work each time: the fastest attempt is the least disturbed one
                taken[name] += min((timings[name].recent for timings in attempts), key=sum)
    finally:
        engines.recognizer.close()
    seconds = sum(map(len, pieces)) / SAMPLE_RATE
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    steps = {
        name: {
            "calls": len(values),
            "p50": _seconds(np.quantile(values, 0.5)),
            "p95": _seconds(np.quantile(values, 0.95)),
            "max": _seconds(max(values)),
            "per_input_second": _seconds(sum(values) / seconds),
            "quantiles": [_seconds(value) for value in np.quantile(values, levels)],
        }
        for name, values in sorted(taken.items())
        if name not in UNCHARGED
    }
    return {"machine": f"{_processor()}, Python {platform.python_version()}", "input_seconds": seconds, "steps": steps}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--llm", default="", help="address of a model server that answers; else the built-in answerer")
    args = parser.parse_args()
    settings = Settings(restore="enhance", **({"llm": args.llm} if args.llm else {}))
    measured = measure(args.rounds, settings)
    args.out.write_text(json.dumps(measured, indent=1) + "\n")
    print(versions(["duplex", "pocketsphinx", "onnxruntime", "webrtcvad-wheels"]))
    rows = [
        [name, step["calls"], *(f"{1e3 * step[key]:.3f}" for key in ("p50", "p95", "max", "per_input_second"))]
        for name, step in measured["steps"].items()
    ]
    print(table(["step", "calls", "p50 ms", "p95 ms", "max ms", "ms per second of input"], rows))
    print(f"written to {args.out}")
    return 0


def _seconds(value: float) -> float:
    return round(float(value), 7)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.machine()


if __name__ == "__main__":
    sys.exit(main())

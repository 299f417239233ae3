"""Runs the half of a benchmark that belongs to another framework, with the interpreter that has it."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("pipecat_peer.py")


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pipecat-python",
        metavar="PATH",
        help="interpreter of an environment with pipecat-ai (python -m venv E; E/bin/pip install pipecat-ai)",
    )


def pipecat(python: str, **task: float) -> dict:
    """What `pipecat_peer` prints for a task. Raises SystemExit with its last words if it cannot run."""
    try:
        done = subprocess.run(
            [python, str(SCRIPT), json.dumps(task)], capture_output=True, text=True, timeout=600, check=False
        )
    except OSError as error:
        raise SystemExit(f"cannot run {python}: {error.strerror or error}") from None
    if done.returncode:
        raise SystemExit(
            f"pipecat did not run with {python}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        )
    return json.loads(done.stdout.splitlines()[-1])

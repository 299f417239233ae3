"""The programs of tests/clients: where they run, and what they are told to do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parents[3] / "clients"

CLIENTS = {
    "with_openai.py": ("TEST_CLIENT_OPENAI", "openai, websockets"),
    "with_openai_agents.py": ("TEST_CLIENT_AGENTS", "agents.realtime"),
    "with_pipecat.py": ("TEST_CLIENT_PIPECAT", "pipecat.services.openai.realtime.llm"),
    "with_livekit.py": ("TEST_CLIENT_LIVEKIT", "livekit.plugins.openai"),
    "with_agents_js.cjs": ("TEST_CLIENT_NODE", "@openai/agents"),
}
"""Program to the variable that names an interpreter (of Node: a folder node_modules), and what it needs."""


Command = tuple[list[str], dict[str, str]]
"""What runs a program, and the environment it needs."""


def command(program: str) -> Command:
    """Skips where the client is not installed."""
    variable, package = CLIENTS[program]
    given = os.environ.get(variable, "")
    if program.endswith(".cjs"):
        node = shutil.which("node")
        if node is None or not (Path(given) / package).is_dir():
            pytest.skip(f"node and the folder node_modules with {package} that {variable} names are not here")
        return [node, str(PROGRAMS / program)], {**os.environ, "NODE_PATH": given}
    python = given or sys.executable
    if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode:
        pytest.skip(f"{package} is not installed here, nor where {variable} says")
    return [python, str(PROGRAMS / program)], {**os.environ, "PYTHONPATH": ""}


async def run(command: Command, address: str, key: str, folder: Path, steps: list[list[Any]]) -> None:
    """Until a program has held its conversation. address: of the server's page; folder: with the turns, NAME.pcm."""
    line, environment = command
    (folder / "steps.json").write_text(json.dumps(steps), "utf-8")
    running = await asyncio.create_subprocess_exec(
        *line, address, key, str(folder), stderr=subprocess.PIPE, env=environment
    )
    try:
        _, errors = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    assert running.returncode == 0, errors.decode()[-3000:]

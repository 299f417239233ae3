"""What each client of the Realtime API exercises: the events that it sends, and those that it is sent.

    python -m tests.benchmarks.realtime_clients [--out docs/realtime-clients.md]

Every client of tests/clients that is installed (TEST_CLIENT_… names where) holds the conversation of the tests with
scripted engines; the types of its events are printed as a table in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.duplex.serving.realtime.in_chromium import bundled
from tests.duplex.serving.realtime.programs import CLIENTS, Command, command
from tests.duplex.serving.realtime.scripted_conversation import Exercised, by_chromium, by_program, exercised

HEAD = """# What clients of the Realtime API exercise

Each client, unchanged but for the address, holds the same spoken conversation: a call of its own function, an
interruption, a cancel. A mark says that the client sends an event, or is sent one, as counted by
`python -m tests.benchmarks.realtime_clients --out docs/realtime-clients.md`.
"""

TRIES = 3

PACKAGES = {
    "with_openai.py": "openai",
    "with_openai_agents.py": "openai-agents",
    "with_pipecat.py": "pipecat-ai",
    "with_livekit.py": "livekit-plugins-openai",
    "with_agents_js.cjs": "@openai/agents",
}


def version(program: str, there: Command) -> str:
    """As "name version" of the client's package."""
    package = PACKAGES[program]
    line, environment = there
    if program.endswith(".cjs"):
        return f"`{package}` {_of_node(Path(environment['NODE_PATH']))}"
    code = f"from importlib.metadata import version; print(version({package!r}))"
    found = subprocess.run([line[0], "-c", code], capture_output=True, text=True, env=environment, check=True)
    return f"`{package}` {found.stdout.strip()}"


def _of_node(modules: Path) -> str:
    return str(json.loads((modules / "@openai" / "agents" / "package.json").read_text("utf-8"))["version"])


async def hold() -> dict[str, Exercised]:
    """By client. What is not installed is left out, with a line that says why."""
    found: dict[str, Exercised] = {}
    for program in CLIENTS:
        try:
            there = command(program)
        except pytest.skip.Exception as why:
            print(f"{program} is left out: {why}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            held = partial(by_program, there, Path(folder))
            found |= await _held(f"{version(program, there)}, WebSocket", held)
    try:
        bundle = bundled()
    except pytest.skip.Exception as why:
        print(f"Chromium is left out: {why}", file=sys.stderr)
    else:
        modules = next(parent for parent in bundle.parents if parent.name == "node_modules")
        name = f"`@openai/agents` {_of_node(modules)}, Chromium, WebRTC"
        found |= await _held(name, partial(by_chromium, bundle))
    return found


async def _held(name: str, conversation: Callable[[], Coroutine[Any, Any, None]]) -> dict[str, Exercised]:
    """By the client's name; empty, with a line that says why, if it fails every time: a busy machine tears speech
    apart."""
    for _ in range(TRIES):
        with exercised() as events:
            try:
                await conversation()
                return {name: events}
            except (AssertionError, TimeoutError) as why:
                print(f"{name} did not hold the conversation: {why}", file=sys.stderr)
    return {}


def markdown(found: dict[str, Exercised]) -> str:
    lines = [HEAD]
    for title, of in (("Sent by the client", "sent"), ("Sent to the client", "told")):
        kinds = sorted({kind for each in found.values() for kind in getattr(each, of)})
        rows = [(f"`{kind}`", *("✓" if getattr(each, of)[kind] else "" for each in found.values())) for kind in kinds]
        lines += [f"## {title}\n", *_table(("event", *found), rows), ""]
    told = [f"- {name}: {error}" for name, each in found.items() for error in each.errors]
    return "\n".join([*lines, *(["## Errors\n", *told, ""] if told else ["No client is sent an `error`.", ""])])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="file to write as well")
    args = parser.parse_args()
    text = markdown(asyncio.run(hold()))
    print(text)
    if args.out:
        args.out.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

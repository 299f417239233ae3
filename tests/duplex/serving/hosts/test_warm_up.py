"""After the warm-up a call loads nothing more."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
from duplex.engines import Engines
from duplex.serving.hosts.warm_up import RESTORATIONS, warm_up
from duplex.settings import Settings

settings = Settings(diarize=False)
engines = Engines.from_settings(settings)
assert warm_up(settings, engines) == RESTORATIONS
before = set(sys.modules)
assert warm_up(settings, engines) == RESTORATIONS  # the same conversation again
print("new:", sorted(set(sys.modules) - before))
asyncio.run(engines.close())
"""


@pytest.mark.slow
def test_a_call_after_the_warm_up_imports_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout == "new: []\n", done.stdout + done.stderr

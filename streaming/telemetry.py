"""No telemetry: libraries that report home or leave an identifier behind are told not to before they are imported."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment variables of ONNX Runtime, the Hugging Face hub and Ray, and a common one."""


def disable_telemetry() -> None:
    """Sets the switches for this process and its children. Call it before the import of such a library."""
    os.environ.update(SWITCHES)


def keep_matplotlib_out_of_home() -> None:
    """Moves matplotlib's font cache from the home folder to the temporary folder.

    Does nothing if MPLCONFIGDIR is set or matplotlib is imported already. The folder is kept between runs; one that
    belongs to somebody else is not used.
    """
    if "MPLCONFIGDIR" in os.environ or "matplotlib" in sys.modules:
        return
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"duplex-matplotlib-{owner}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == owner):
            os.environ["MPLCONFIGDIR"] = str(folder)
    except OSError:
        return  # matplotlib then chooses a folder by itself

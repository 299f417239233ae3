"""The `transformers` library: imported with its telemetry off, and only in a version that Duplex is tested with."""

from __future__ import annotations

import re

from duplex.streaming.errors import ModelError
from duplex.streaming.telemetry import disable_telemetry

OLDEST = (5, 0)
"""The oldest version that is accepted: caches that can be cut back have this interface from there on."""


def check_transformers() -> None:
    """Raises ModelError if transformers or torch is missing, or transformers is too old."""
    disable_telemetry()
    install = "pip install -U 'duplex[models]'"
    try:
        import torch  # noqa: F401
        from transformers import __version__ as version
    except ImportError as error:
        raise ModelError(f"this model needs a package that is not installed ({error}): {install}") from error
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ModelError(f"transformers {version} is too old, {oldest} or later is needed: {install}")

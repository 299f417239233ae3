"""Voices that tests speak with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TINY = Path(__file__).resolve().parents[2] / "data" / "voices" / "tiny.onnx"
"""Random weights in the shape of a Piper voice, three speakers."""


def real_voice() -> Path:
    """A Piper voice of the developer's (DUPLEX_TEST_VOICE=path/to/NAME.onnx); skips the test where there is none."""
    path = Path(os.environ.get("DUPLEX_TEST_VOICE", ""))
    if not path.is_file():
        pytest.skip("DUPLEX_TEST_VOICE names no Piper voice")
    return path

"""Sounds: what is heard that is no speech."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.sounds.stage import Tagger

WEIGHTS = Path(__file__).parent / "weights" / "tagger.onnx"


def has_weights() -> bool:
    """Whether this installation has a trained tagger: `duplex.models.sounds.train` makes one."""
    return WEIGHTS.is_file()


def load_tagger(graph: str | Path | None = None) -> Tagger:
    """The tagger of this installation, or one exported elsewhere. Raises ModelError."""
    from duplex.models.sounds.stage import Tagger

    return Tagger(graph or WEIGHTS)

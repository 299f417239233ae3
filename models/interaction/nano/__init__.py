"""Duplex-nano: a small language model that reads percepts as text, block by block, and decides when to speak.

It is trained from nothing on simulated sessions (`train/`), exported (`export.py`), and runs in ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.interaction.nano.gate import NanoGate

__all__ = ["load_nano"]


def load_nano(folder: str | Path) -> NanoGate:
    """The gate of an export in a folder. Raises ModelError if it lacks files, or they do not fit each other."""
    from duplex.models.interaction.nano.gate import NanoGate
    from duplex.models.interaction.nano.graph import NanoGraph
    from duplex.models.interaction.nano.vocabulary import Vocabulary

    graph = NanoGraph(folder)
    return NanoGate(graph, Vocabulary(Path(folder) / "vocabulary.model"), graph.threshold)

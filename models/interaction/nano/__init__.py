"""Duplex-nano: a small language model that reads percepts as text, block by block, and decides when to speak.

It is trained from nothing on simulated sessions (`train/`), exported (`export.py`), and runs in ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.interaction.nano.gate import NanoGate

__all__ = ["WEIGHTS", "load_nano"]

WEIGHTS = Path(__file__).parent / "weights"


def load_nano(folder: str | Path = WEIGHTS) -> NanoGate:
    """The gate of the shipped weights, or of an export in another folder.

    Raises ModelError if files are missing or do not fit each other.
    """
    from duplex.models.interaction.nano.gate import NanoGate
    from duplex.models.interaction.nano.graph import NanoGraph
    from duplex.models.interaction.nano.vocabulary import Vocabulary

    graph = NanoGraph(folder)
    return NanoGate(graph, Vocabulary(Path(folder) / "vocabulary.model"), graph.threshold)

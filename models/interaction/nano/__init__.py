"""Duplex-nano: a small language model that reads percepts as text, block by block, and decides when to speak.

It is trained from nothing on simulated sessions (`train/`), exported (`export.py`), and runs in ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.interaction.nano.answerer import NanoAnswerer
    from duplex.models.interaction.nano.gate import NanoGate
    from duplex.models.interaction.tools.toolbox import Toolbox

__all__ = ["NANO", "WEIGHTS", "load_nano", "load_nano_answerer"]

NANO = "nano"
"""What it is called where a model is named."""

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


def load_nano_answerer(toolbox: Toolbox, folder: str | Path = WEIGHTS) -> NanoAnswerer:
    """The answerer of the same weights, which calls the tools of `toolbox` that it was trained on.

    Raises ModelError if files are missing, do not fit each other, or hold weights that only decide.
    """
    from duplex.models.interaction.nano.answerer import NanoAnswerer
    from duplex.models.interaction.nano.answers import Drafter
    from duplex.models.interaction.nano.graph import NanoGraph
    from duplex.models.interaction.nano.vocabulary import Vocabulary
    from duplex.models.interaction.tools.builtin import BUILTIN
    from duplex.streaming.errors import ModelError

    graph = NanoGraph(folder)
    if not graph.answers:
        raise ModelError(f"{folder} holds weights that decide when to answer, and not what")
    known = {tool.name: tool.parameters for tool in toolbox if tool.name in BUILTIN}
    return NanoAnswerer(Drafter(graph, Vocabulary(Path(folder) / "vocabulary.model"), known), toolbox)

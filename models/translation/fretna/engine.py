"""FReTNA in ONNX Runtime: English and German, both ways, each translation made by edits of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from duplex.streaming.errors import ModelError
from duplex.streaming.onnx import session

from ..contract import Translation, Translator
from ..engine import BundledTranslator, load_bundled
from ..search import Hypothesis
from .canvas import PLACEHOLDER
from .editing import GROWING, WHOLE, Seen, edited

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path(__file__).parent / "weights"


class EditGraphs:
    """The two graphs of a folder. Raises ModelError if they are missing or cannot be run."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        try:
            self._encoder, self._look = (session(folder / name, threads) for name in ("encoder.onnx", "look.onnx"))
        except Exception as error:
            raise ModelError(f"{folder} holds no translator by edits that can be run: {error}") from error

    def read(self, source: Sequence[int]) -> SourceRead:
        """A source, ready to be looked at."""
        return SourceRead(self._look, self._encoder.run(None, {"source": np.array([source], np.int64)})[0])


class SourceRead:
    """See editing.Looker."""

    def __init__(self, graph: InferenceSession, encoded: np.ndarray) -> None:
        self._graph, self._encoded = graph, encoded

    def look(self, canvas: Sequence[int]) -> Seen:
        numbers = np.array([canvas], np.int64)
        places = np.flatnonzero(numbers[0] == PLACEHOLDER)
        return Seen(*self._graph.run(None, {"canvas": numbers, "encoded": self._encoded, "places": places}))


class FretnaTranslator(BundledTranslator):
    """See contract.Translator and BundledTranslator, of which it has everything but the search.

    While the speaker goes on one look is enough, or two where something is inserted. whole: translates sentences that
    are whole; None: edits do it, in four looks at most.
    """

    name = "duplex-fretna-en-de"

    def __init__(self, folder: str | Path = WEIGHTS, threads: int = 1, whole: Translator | None = None) -> None:
        super().__init__(folder, beam=1, threads=threads)
        self._whole = whole

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        """See BundledTranslator."""
        if not partial and self._whole is not None:
            return self._whole.translate(text, source, target, False, begin, draft)
        return super().translate(text, source, target, partial, begin, draft)

    def _open(self, folder: Path, threads: int) -> None:
        self._edits = EditGraphs(folder, threads)

    def hypothesis(
        self, text: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> tuple[Hypothesis, list[int]]:
        source = self.vocabulary.source(text, target, partial)
        fixed = self.vocabulary.encode(begin) if begin else []
        old = self.vocabulary.encode(draft) if draft else []
        canvas = old if old[: len(fixed)] == fixed else fixed
        return edited(self._edits.read(source), source, canvas, len(fixed), GROWING if partial else WHOLE), source


def load_fretna() -> FretnaTranslator:
    """The shipped weights for what is being said, and the shipped autoregressive ones for sentences. Raises ModelError.

    A network that writes all words at once costs a fraction of what one costs that writes them in turn, and translates
    less well; so the text of a sentence that is over is that of the other.
    """
    return FretnaTranslator(whole=load_bundled())

"""Words set into a box of a drawing: in lines, never one over another, thinned where there is no room."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple


class StyledWord(NamedTuple):
    text: str
    colour: str
    faint: bool = False


class Run(NamedTuple):
    """Words of one style on one line. x: inches from the box's left edge; line: from 0 at its top."""

    text: str
    colour: str
    faint: bool
    x: float
    line: int


class Typesetter:
    """Measures text as matplotlib will draw it. points: size of the font; weight: "normal" or "bold"."""

    def __init__(self, renderer: Any, points: float, weight: str = "normal") -> None:
        from matplotlib.font_manager import FontProperties

        self.font = FontProperties(size=points, weight=weight)
        self._renderer = renderer
        self.width = lru_cache(maxsize=8192)(self._width)
        self.space = self.width("x x") - self.width("xx")

    def _width(self, text: str) -> float:
        """Inches."""
        return self._renderer.get_text_width_height_descent(text, self.font, ismath=False)[0] / self._renderer.dpi

    def set(self, words: Sequence[StyledWord], width: float, lines: int) -> list[Run]:
        """As many words as fit into `lines` lines of `width` inches; if some do not, an ellipsis ends the last."""
        placed: list[tuple[StyledWord, float, int]] = []
        x, line = 0.0, 0
        for word in words:
            length = self.width(word.text)
            if x > 0 and x + length > width:
                x, line = 0.0, line + 1
            if line >= lines or length > width:
                placed = self._shortened(placed, width, lines, word)
                break
            placed.append((word, x, line))
            x += length + self.space
        return _joined(placed)

    def _shortened(
        self, placed: list[tuple[StyledWord, float, int]], width: float, lines: int, left_out: StyledWord
    ) -> list[tuple[StyledWord, float, int]]:
        """The words followed by an ellipsis, in place of the last ones where it needs their room."""
        ellipsis = StyledWord("…", left_out.colour, left_out.faint)
        while placed:
            word, x, line = placed[-1]
            x += self.width(word.text) + self.space
            if x + self.width("…") <= width:
                return [*placed, (ellipsis, x, line)]
            placed = placed[:-1]
        return [(ellipsis, 0.0, 0)] if lines > 0 and self.width("…") <= width else []


def _joined(placed: Sequence[tuple[StyledWord, float, int]]) -> list[Run]:
    runs: list[Run] = []
    for word, x, line in placed:
        last = runs[-1] if runs else None
        if last is not None and (last.line, last.colour, last.faint) == (line, word.colour, word.faint):
            runs[-1] = last._replace(text=f"{last.text} {word.text}")
        else:
            runs.append(Run(word.text, word.colour, word.faint, x, line))
    return runs

"""The canvas of FReTNA: subwords and placeholders between two marks, and the edits that make a translation of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..search import NEVER
from ..vocabulary import BEGIN, END, UNKNOWN

PLACEHOLDER = UNKNOWN
"""The vocabulary has a byte for every character it lacks, so no text has this subword."""


REFUSED = (*NEVER, END)
"""Subwords that no placeholder becomes."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be done with a canvas, position by position, its two marks included.

    keep: whether a position stays; the marks do. insert: placeholders to put behind it. fill: the subword for a
    placeholder that stays, 0 for all others.
    """

    keep: tuple[bool, ...]
    insert: tuple[int, ...]
    fill: tuple[int, ...]


def framed(numbers: Sequence[int], placeholders: int = 0) -> list[int]:
    """A canvas of these subwords with placeholders at its end."""
    return [BEGIN, *numbers, *[PLACEHOLDER] * placeholders, END]


def applied(canvas: Sequence[int], edits: Edits) -> list[int]:
    """The subwords and new placeholders of an edited canvas, without the marks."""
    out: list[int] = []
    for place, number in enumerate(canvas):
        if edits.keep[place] and number not in (BEGIN, END):
            out.append(edits.fill[place] if number == PLACEHOLDER else number)
        if edits.keep[place] and number != END:
            out += [PLACEHOLDER] * edits.insert[place]
    return out


def common_places(canvas: Sequence[int], wanted: Sequence[int]) -> list[tuple[int, int]]:
    """Places (in canvas, in wanted) of a longest common subsequence, as early in `wanted` as possible."""
    rows = [[0] * (len(wanted) + 1) for _ in range(len(canvas) + 1)]
    for i in range(len(canvas) - 1, -1, -1):
        row, below, number = rows[i], rows[i + 1], canvas[i]
        for j in range(len(wanted) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if number == wanted[j] else max(below[j], row[j + 1])
    places, i, j = [], 0, 0
    while i < len(canvas) and j < len(wanted):
        if canvas[i] == wanted[j]:
            places.append((i, j))
            i, j = i + 1, j + 1
        elif rows[i + 1][j] >= rows[i][j + 1]:
            i += 1
        else:
            j += 1
    return places


def oracle(canvas: Sequence[int], wanted: Sequence[int], most: int) -> Edits:
    """The edits that bring a canvas closest to `wanted`, the fewest there are (Levenshtein Transformer, section 4.1).

    Subwords outside a longest common subsequence go. Placeholders between two that stay take what is wanted there, from
    the left; too many of them go, and of what they have no room for at most `most` are inserted behind the last.
    """
    keep = [number in (BEGIN, END) for number in canvas]
    insert, fill = [0] * len(canvas), [0] * len(canvas)
    # Placeholders are in no text, so the subsequence passes over them.
    anchors = [(0, -1), *((i + 1, j) for i, j in common_places(canvas[1:-1], wanted)), (len(canvas) - 1, len(wanted))]
    for (left, before), (right, behind) in itertools.pairwise(anchors):
        keep[right] = True
        missing, last = list(wanted[before + 1 : behind]), left
        for place in range(left + 1, right):
            if canvas[place] == PLACEHOLDER and missing:
                keep[place], fill[place], last = True, missing.pop(0), place
        insert[last] = min(len(missing), most)
    return Edits(tuple(keep), tuple(insert), tuple(fill))

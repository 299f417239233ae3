"""Spans of time, and what lies inside and outside of many of them, in logarithmic time for each question."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    start: float
    end: float


class Timed(Protocol):
    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...


class Intervals:
    """The union of spans: sorted, without overlaps; touching ones are joined and empty ones left out."""

    def __init__(self, spans: Iterable[Timed] = ()) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for start, end in sorted((span.start, span.end) for span in spans):
            if end <= start:
                continue
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def within(self, span: Timed) -> list[Span]:
        """The parts of the union that lie in the span."""
        first, last = bisect_right(self._ends, span.start), bisect_left(self._starts, span.end)
        return [Span(max(self._starts[at], span.start), min(self._ends[at], span.end)) for at in range(first, last)]

    def outside(self, span: Timed) -> list[Span]:
        """The parts of the span that lie in none; the span itself if it lies in none at all, even if it is empty."""
        inside = self.within(span)
        if not inside:
            return [Span(span.start, span.end)]
        edges = [span.start, *(edge for part in inside for edge in part), span.end]
        return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def cut_out(whole: Span, others: Iterable[Timed]) -> Iterator[Span]:
    """What is left of `whole` without `others`, which are in order of time."""
    start = whole.start
    for other in others:
        if start < other.start < whole.end:
            yield Span(start, other.start)
            start = max(start, other.end)
    if whole.end > start:
        yield Span(start, whole.end)

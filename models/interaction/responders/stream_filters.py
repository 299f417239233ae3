"""Filters over streamed text whose markers may be split between two pieces."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.interaction.responders.thoughts import WithoutThoughts

__all__ = ["UntilMarker", "WithoutThoughts", "partial_marker"]


class UntilMarker:
    """Lets text through until one of `markers` comes; `done` is set then and nothing comes after."""

    def __init__(self, markers: Sequence[str]) -> None:
        self._markers = tuple(markers)
        self._held = ""
        self.done = False

    def push(self, text: str) -> str:
        if self.done:
            return ""
        self._held += text
        places = [place for marker in self._markers if (place := self._held.find(marker)) >= 0]
        self.done = bool(places)
        cut = min(places) if places else len(self._held) - partial_marker(self._held, self._markers)
        out, self._held = self._held[:cut], self._held[cut:]
        return out

    def flush(self) -> str:
        left, self._held = ("" if self.done else self._held), ""
        return left


def partial_marker(text: str, markers: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `markers`."""
    longest = 0
    for marker in markers:
        for length in range(min(len(marker) - 1, len(text)), longest, -1):
            if text.endswith(marker[:length]):
                longest = length
                break
    return longest

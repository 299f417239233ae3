"""Filters over streamed text whose markers may be split between two pieces."""

from __future__ import annotations

from collections.abc import Sequence


class WithoutThoughts:
    """Leaves out what a reasoning model thinks aloud between <think> and </think>."""

    def __init__(self, opening: str = "<think>", closing: str = "</think>") -> None:
        self._markers = (opening, closing)
        self._thinking = False
        self._after = False
        self._held = ""

    def push(self, text: str) -> str:
        self._held += text
        out = ""
        while True:
            if self._after:  # the empty lines between a thought and what is said
                self._held = self._held.lstrip()
                self._after = not self._held
            marker = self._markers[self._thinking]
            place = self._held.find(marker)
            cut = place if place >= 0 else len(self._held) - partial_marker(self._held, [marker])
            if not self._thinking:
                out += self._held[:cut]
            self._held = self._held[cut:]
            if place < 0:
                return out
            self._held = self._held[len(marker) :]
            self._after, self._thinking = self._thinking, not self._thinking

    def flush(self) -> str:
        left, self._held = self._held, ""
        return "" if self._thinking else left


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

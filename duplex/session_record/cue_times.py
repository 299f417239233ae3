"""When a subtitle cue begins and ends, so that it can be read: never for a moment only, never over the next one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

SHORTEST = 700
"""Milliseconds that a cue stands, if its neighbours leave room for it..."""
FASTEST = 30.0
"""...and characters a second beyond which nobody reads: text that was said faster stays longer."""
LATEST = 500
"""Milliseconds that a cue may be delayed for the sake of the one before it."""
FLASH = 40
"""Milliseconds that any cue lasts, however close the next one is: a frame of video."""
_NEAR = 32
"""Cues that are looked back upon for one that this one must not cut short."""


class TimedWord(NamedTuple):
    """A word and the seconds at which it was heard. speaker: empty if not known."""

    text: str
    start: float
    end: float
    speaker: str = ""


class Cue(NamedTuple):
    """Milliseconds, the party that speaks, the lines of text, how many characters of them were said, and the words."""

    start: int
    end: int
    party: str
    lines: list[str]
    said: int
    words: tuple[TimedWord, ...] = ()


def readable(cues: Sequence[Cue], longest: int) -> list[Cue]:
    """The cues in order of their beginning, with times that can be read. longest: milliseconds that a cue may stand.

    A cue that is too short stays until the next one begins, at most until it can be read; if that is still too short,
    the next one begins up to LATEST ms later. Cues of one party never overlap. Those of different parties do only
    where the parties spoke at the same time.
    """
    cues = sorted(cues, key=lambda cue: (cue.start, cue.end))
    starts = _starts(cues)
    placed = []
    following: dict[str, int] = {}  # the beginning of each party's next cue
    begun = [cue.start for cue in cues]
    for at in reversed(range(len(cues))):
        cue, start = cues[at], starts[at]
        wanted = max(cue.end, start + max(SHORTEST, round(1000 * cue.said / FASTEST)))
        end = min(wanted, start + longest, following.get(cue.party, wanted))
        after = max(at + 1, bisect_left(begun, cue.end))  # the first cue that was said after this one
        if after < len(cues):
            end = max(min(end, starts[after]), min(cue.end, end))
        placed.append(cue._replace(start=start, end=max(end, start + FLASH)))
        following[cue.party] = start
    return sorted(placed, key=lambda cue: (cue.start, cue.end))


def _starts(cues: Sequence[Cue]) -> list[int]:
    """The beginnings, some of them delayed."""
    starts: list[int] = []
    last: dict[str, int] = {}
    for at, cue in enumerate(cues):
        start = cue.start
        for before in range(max(0, at - _NEAR), at):
            if cues[before].end <= cue.start or cues[before].party == cue.party:
                delayed = min(starts[before] + SHORTEST, cue.start + LATEST)
                start = max(start, delayed, starts[before] + FLASH)
        if cue.party in last:
            start = max(start, last[cue.party] + FLASH)
        starts.append(start)
        last[cue.party] = start
    return starts

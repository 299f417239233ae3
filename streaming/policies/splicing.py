"""Where in a new hypothesis the words end that are known already: an alignment of what both say, and of their times.

The letters of the known words are aligned with a beginning of those of the new ones by edit distance (Sellers 1980,
"The theory and computation of evolutionary distances", where the place at which the match ends is free). Places far
from the end of the known words in time cost more, so that words really said twice stay, and words heard wrong the
second time are not taken for new ones.
"""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.policies.spoken_form import Spoken

_MATCH = -0.3  # what a letter that is the same in both earns; an edit costs 1
_PER_SAMPLE = 6.0 / SAMPLE_RATE  # half the rate at which letters are said: times may be off
_INSIDE = 1.0  # of a place inside a unit


def known_letters(known: Spoken, new: Spoken, since: int) -> int:
    """How many letters of `new` say what `known` says, which may begin before it.

    since: the sample from which `new` was heard; what `known` has before it need not be there.
    """
    if not known.units or not new.units:
        return 0
    end = known.units[-1].end
    if new.units[0].start >= end:
        return 0
    size = len(known.letters)
    begins = known.units[0].start + known.units[0].end >= 2 * since
    if begins and new.letters.startswith(known.letters) and size in new.ends:
        return size
    costs = _distances(known, new, since)
    ends = set(new.ends)
    places = new.cuts()
    scores = [
        costs[place] + _PER_SAMPLE * _apart(new, place, end) + (0.0 if place in ends else _INSIDE) for place in places
    ]
    return places[int(np.argmin(scores))]


def _distances(known: Spoken, new: Spoken, since: int) -> np.ndarray:
    """The cost of the known letters against each beginning of the new ones: (letters + 1,)."""
    letters = np.frombuffer(new.letters.encode("utf-32-le"), np.uint32)
    steps = np.arange(len(letters) + 1, dtype=np.float64)
    row = steps.copy()
    for unit in known.units:
        missing = 1.0 if unit.start + unit.end >= 2 * since else 0.0
        for letter in unit.letters:
            best = row + missing
            np.minimum(best[1:], row[:-1] + np.where(letters == ord(letter), _MATCH, 1.0), out=best[1:])
            row = np.minimum.accumulate(best - steps) + steps
    return row


def _apart(new: Spoken, place: int, end: float) -> float:
    """Samples by which the end of the known words lies outside the gap at a place of the new letters."""
    index = int(np.searchsorted(new.ends, place, side="right")) - 1
    before = new.units[index - 1].end if index else -np.inf
    after = new.units[index].start if index < len(new.units) else np.inf
    inside = place - new.ends[index]
    if inside:
        unit = new.units[index]
        before = after = unit.start + (unit.end - unit.start) * inside / len(unit.letters)
    return max(0.0, end - after, before - end)

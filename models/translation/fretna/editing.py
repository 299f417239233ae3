"""Translation by edits: a canvas is looked at and edited, once while the speaker goes on, a few times at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..search import Hypothesis, allowed_repeats, limit, loop_start
from ..vocabulary import BEGIN, END
from .canvas import PLACEHOLDER, framed

LEAST_ROOM, MOST_ROOM = 4, 48
"""Placeholders at the end of a canvas."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look says of a canvas of `length` positions.

    keep: (length,) log-odds that a position stays. insert: (length, INSERTIONS + 1) logits of how many subwords come
    behind it. fill, sure: the likeliest subword of each placeholder, in order, and its log-probability. attention:
    (length, source).
    """

    keep: np.ndarray
    insert: np.ndarray
    fill: np.ndarray
    sure: np.ndarray
    attention: np.ndarray


class Looker(Protocol):
    """The network, with a source already read."""

    def look(self, canvas: Sequence[int]) -> Seen: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How edits are made.

    rounds: looks at most. keep: added to the log-odds that a subword of the draft stays, and against insertions among
    them: what is there is changed only for a good reason, so that a translation grows rather than changes (FReTNA's
    bias towards appending). doubt: log-probability below which a subword that was filled in is looked at once more.
    """

    rounds: int
    keep: float
    doubt: float


GROWING = Manner(rounds=2, keep=1.0, doubt=-np.inf)
WHOLE = Manner(rounds=4, keep=0.0, doubt=float(np.log(0.6)))


def room(source: int, canvas: int) -> int:
    """Placeholders behind a canvas of so many subwords, for a source of so many."""
    return int(min(max(1.1 * source - canvas, LEAST_ROOM), MOST_ROOM))


@dataclass(slots=True)
class _Position:
    """A position of the canvas. log: how sure it is. row: its attention. fixed: it must stay."""

    number: int
    log: float
    row: np.ndarray
    fixed: bool = False


def edited(
    looker: Looker, source: Sequence[int], draft: Sequence[int] = (), begin: int = 0, manner: Manner = WHOLE
) -> Hypothesis:
    """The translation that the draft becomes. begin: how many of its first subwords must stay as they are."""
    nothing = np.zeros(len(source), np.float32)
    held = [_Position(number, 0.0, nothing, place < begin) for place, number in enumerate(draft)]
    most, doubted = max(limit(source), begin), False
    ended = False
    for look in range(manner.rounds):
        last = look == manner.rounds - 1
        space = min(room(len(source), len(held)), max(0, most - len(held)))
        before = [position.number for position in held]
        held, filled = _once(looker, held, space, manner, last)
        ended = filled < space and not any(p.number == PLACEHOLDER for p in held)
        if ended and not doubted and manner.doubt > -np.inf and not last:
            doubted = True
            for position in held:
                if position.log < manner.doubt and not position.fixed:
                    position.number = PLACEHOLDER
        if ended and before == [position.number for position in held]:
            break
        if ended and manner.doubt == -np.inf:
            break
    return _hypothesis(held, source, begin, ended)


def _once(looker: Looker, held: list[_Position], space: int, manner: Manner, last: bool) -> tuple[list[_Position], int]:
    """One look and its edits. Returns the new canvas and how many of the placeholders at its end were filled.

    last: no look follows, so nothing is inserted.
    """
    numbers = [position.number for position in held]
    canvas = framed(numbers, space)
    seen = looker.look(canvas)
    places = {place: n for n, place in enumerate(p for p, number in enumerate(canvas) if number == PLACEHOLDER)}
    new: list[_Position] = []

    def behind(place: int) -> None:
        scores = seen.insert[place].copy()
        scores[1:] -= manner.keep
        if not last:
            new.extend(_Position(PLACEHOLDER, 0.0, seen.attention[place]) for _ in range(int(scores.argmax())))

    fixed = sum(position.fixed for position in held)
    if not fixed:
        behind(0)
    filled = 0
    for place in range(1, len(canvas) - 1):
        position = held[place - 1] if place <= len(held) else None
        if place in places:
            if seen.keep[place] <= 0:
                continue
            n = places[place]
            new.append(_Position(int(seen.fill[n]), float(seen.sure[n]), seen.attention[place]))
            filled += position is None
        elif position is not None:
            odds = float(seen.keep[place])
            if not position.fixed and odds + manner.keep <= 0:
                continue
            log = position.log if position.log < 0 else -float(np.logaddexp(0.0, -odds))
            new.append(_Position(position.number, log, seen.attention[place], position.fixed))
        if place >= fixed and place < len(canvas) - 1 - space:
            behind(place)
    return new, filled


def _hypothesis(held: list[_Position], source: Sequence[int], begin: int, ended: bool) -> Hypothesis:
    """Without what is left of placeholders, cut where it repeats itself."""
    kept = [position for position in held if position.number not in (PLACEHOLDER, BEGIN, END)]
    found = Hypothesis([], [], [], ended)
    allowed = allowed_repeats(source)
    for position in kept:
        found.numbers.append(position.number)
        found.logs.append(position.log)
        found.attention.append(position.row)
        cut = loop_start(found.numbers, allowed)
        if cut is not None and cut >= begin:
            return Hypothesis(found.numbers[:cut], found.logs[:cut], found.attention[:cut], looped=True)
    return found

"""Beam search over a decoder with a cache, with an eye on loops and on length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .speculative import accepted, continuation
from .vocabulary import BEGIN, END, PAD, PARTIAL, TAGS, UNKNOWN

NEVER = [PAD, UNKNOWN, BEGIN, *TAGS.values(), PARTIAL]
_PERIODS = range(1, 13)
_REPEATS = 3
"""Repetitions that are allowed even where the source has none."""


class Decoder(Protocol):
    """One step of decoding: (batch, new) subwords, the source's memory and mask, and the cache so far.

    Returns log-probabilities (batch, new, vocabulary), the longer cache and attention (batch, new, source).
    """

    def step(
        self, numbers: np.ndarray, memory: np.ndarray, mask: np.ndarray, past: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

    def initial_past(self, batch: int) -> np.ndarray: ...


@dataclass
class Hypothesis:
    """Subwords without the end, the log-probability of each (of the end, too, if it is there) and their attention.

    attention: rows (source,), one for each subword. ended: by the network. looped: cut because it repeated itself.
    """

    numbers: list[int]
    logs: list[float]
    attention: list[np.ndarray] = field(default_factory=list)
    ended: bool = False
    looped: bool = False

    def score(self) -> float:
        """Log-probability for its length; a cut one comes behind all others."""
        return sum(self.logs) / max(len(self.logs), 1) ** 0.8 - (100.0 if self.looped else 0.0)


def longest_run(numbers: Sequence[int], period: int) -> int:
    """How often a group of `period` subwords comes in a row at most."""
    best = run = 0
    for place in range(period, len(numbers)):
        run = run + 1 if numbers[place] == numbers[place - period] else 0
        best = max(best, run)
    return best // period + 1 if len(numbers) >= period else 0


def loop_start(numbers: Sequence[int], allowed: dict[int, int]) -> int | None:
    """Where to cut subwords whose end repeats itself more often than allowed for its period; None if it does not."""
    for period in _PERIODS:
        if len(numbers) <= period * allowed[period]:
            continue
        run = 0
        for place in range(len(numbers) - 1, period - 1, -1):
            if numbers[place] != numbers[place - period]:
                break
            run += 1
        if run // period + 1 > allowed[period]:
            return len(numbers) - run
    return None


def allowed_repeats(source: Sequence[int]) -> dict[int, int]:
    """By period, how often a group may come in a row: as often as in the source, and three times in any case."""
    return {period: max(_REPEATS, longest_run(source, period)) for period in _PERIODS}


def limit(source: Sequence[int]) -> int:
    """Subwords that a translation has at most."""
    return int(1.8 * len(source)) + 10


def search(
    decoder: Decoder,
    source: Sequence[int],
    memory: np.ndarray,
    beam: int = 1,
    begin: Sequence[int] = (),
    most: int | None = None,
    draft: Sequence[int] = (),
    bias: float = 0.0,
) -> Hypothesis:
    """The best translation found.

    memory (layers, 2, 1, heads, source, head width) of one source. begin: subwords that it must start with.
    most: subwords at most, `limit` by default. draft: an earlier translation, without an end, of which what
    speculative.py accepts with this bias is kept; the search goes on behind it. With a beam of one and no bias the
    result is that without a draft.
    """
    most = limit(source) if most is None else most
    allowed = allowed_repeats(source)
    mask = np.zeros((1, 1, 1, len(source)), np.float32)
    known = [*begin, *continuation(draft, begin)[: most - 1]]
    logs, past, attention = decoder.step(np.array([[END, *known]], np.int64), memory, mask, decoder.initial_past(1))
    forced = [float(logs[0, place, number]) for place, number in enumerate(known)]
    logs[:, :, NEVER] = -np.inf
    logs[:, 0, END] = -np.inf
    size = len(begin) + accepted(logs[0, len(begin) :], _before_loop(known, len(begin), allowed), bias)
    live = [Hypothesis(known[:size], forced[:size], list(attention[0, :size]))]
    logs, past, attention = logs[:, size], past[..., : size + 1, :], attention[:, size]
    done: list[Hypothesis] = []
    while True:
        chosen = _best(live, logs, beam)
        grown, rows = [], []
        for row, number, log in chosen:
            old = live[row]
            if number == END:
                done.append(Hypothesis(old.numbers, [*old.logs, log], old.attention, ended=True))
                continue
            new = Hypothesis([*old.numbers, number], [*old.logs, log], [*old.attention, attention[row]])
            cut = loop_start(new.numbers, allowed)
            if cut is not None and cut >= len(begin):
                done.append(Hypothesis(new.numbers[:cut], new.logs[:cut], new.attention[:cut], looped=True))
            elif len(grown) < beam:
                grown.append(new)
                rows.append(row)
        live = grown
        if not live or len(done) >= beam or len(live[0].numbers) - len(begin) >= most:
            break
        past = np.ascontiguousarray(past[:, :, rows])
        numbers = np.array([[hypothesis.numbers[-1]] for hypothesis in live], np.int64)
        batch = len(live)
        logs, past, attention = decoder.step(numbers, np.repeat(memory, batch, axis=2), np.repeat(mask, batch, 0), past)
        logs, attention = logs[:, -1], attention[:, -1]
        logs[:, NEVER] = -np.inf
    return max(done or live, key=Hypothesis.score)


def _before_loop(known: list[int], begin: int, allowed: dict[int, int]) -> list[int]:
    """The subwords behind the first `begin`, up to one with which they would be in a loop."""
    for size in range(begin + 1, len(known) + 1):
        cut = loop_start(known[:size], allowed)
        if cut is not None and cut >= begin:
            return known[begin : size - 1]
    return known[begin:]


def _best(live: list[Hypothesis], logs: np.ndarray, beam: int) -> list[tuple[int, int, float]]:
    """The likeliest continuations (row, subword, log-probability), best first, enough to keep `beam` that go on."""
    count = 2 * beam if beam > 1 else 1
    totals = np.array([sum(hypothesis.logs) for hypothesis in live])[:, None] + logs
    flat = totals.ravel()
    places = np.argpartition(-flat, count)[:count]
    places = places[np.argsort(-flat[places])]
    width = logs.shape[1]
    return [(int(p) // width, int(p) % width, float(logs[p // width, p % width])) for p in places]

"""Who speaks when, invented: plans of conversations for the simulation.

Independent talkers as in the recipe of EEND (Fujita et al. 2019), meetings in the manner of "simulated conversations"
(Landini et al. 2022): turns that answer one another, with pauses, overlaps and backchannels; and calls whose turn
lengths and gaps are drawn from those of real ones.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

MEAN_SILENCE = (2.0, 2.0, 3.0, 5.0, 9.0, 11.0, 13.0, 15.0, 17.0)
"""Mean pause in seconds of each of n independent talkers, by n: more talkers pause longer."""


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """speaker number, start and length in seconds."""

    speaker: int
    start: float
    length: float

    @property
    def end(self) -> float:
        return self.start + self.length


def plan(rng: np.random.Generator, speakers: int, seconds: float, calls: Path | None = None) -> list[PlannedTurn]:
    """A conversation of one of the kinds, where nobody overlaps himself and everybody has a turn.

    calls: CSV of real turns (call, speaker, start, end).
    """
    kind = rng.random()
    if speakers == 1 or kind < 0.15:
        turns = independent_talkers(rng, speakers, seconds)
    elif kind < 0.3 and calls is not None:
        turns = like_a_call(rng, speakers, seconds, real_turns(calls))
    else:
        turns = meeting(rng, speakers, seconds)
    return _everybody(rng, _no_self_overlap(turns), speakers, seconds)


def independent_talkers(rng: np.random.Generator, speakers: int, seconds: float) -> list[PlannedTurn]:
    """Each speaks and pauses on his own."""
    pause = MEAN_SILENCE[min(speakers, len(MEAN_SILENCE) - 1)]
    turns = []
    for speaker in range(speakers):
        at = float(rng.exponential(pause))
        while at < seconds:
            length = float(np.clip(rng.lognormal(1.3, 0.7), 0.5, 18))
            turns.append(PlannedTurn(speaker, at, length))
            at += length + float(rng.exponential(pause))
    return turns


def meeting(rng: np.random.Generator, speakers: int, seconds: float) -> list[PlannedTurn]:
    """Turns that follow, overlap and interrupt one another, with backchannels; some speakers come late."""
    share = rng.dirichlet(np.full(speakers, rng.uniform(0.8, 4.0)))
    arrival = np.where(rng.random(speakers) < 0.25, rng.uniform(0, 0.7, speakers) * seconds, 0.0)
    arrival[int(rng.integers(speakers))] = 0.0
    median = float(rng.uniform(1.2, 4.5))
    overlapping = float(rng.uniform(0.0, 0.6))
    gap = float(rng.uniform(0.15, 1.2))
    backchannels = float(rng.uniform(0.0, 0.14)) if speakers > 1 else 0.0
    stay = float(rng.uniform(0.1, 0.3))
    turns: list[PlannedTurn] = []
    at, current = float(rng.exponential(1.5)), -1
    while at < seconds:
        here = share * (arrival <= at)
        if current >= 0 and (rng.random() >= stay or not here[current]):
            here[current] = 0.0
        elif current >= 0:
            here = np.eye(speakers)[current]
        if here.sum() > 0:
            current = int(rng.choice(speakers, p=here / here.sum()))
        length = float(np.clip(rng.lognormal(np.log(median), 0.95), 0.35, 25))
        turns.append(PlannedTurn(current, at, length))
        others = np.flatnonzero((arrival <= at) & (np.arange(speakers) != current))
        if len(others):
            for _ in range(int(rng.poisson(backchannels * length))):
                where = at + float(rng.uniform(0, length))
                turns.append(PlannedTurn(int(rng.choice(others)), where, float(rng.uniform(0.3, 1.0))))
        if rng.random() < overlapping:
            at += length - float(rng.uniform(0.1, min(2.5, 0.8 * length)))
        else:
            at += length + float(rng.exponential(gap)) + (float(rng.uniform(2, 9)) if rng.random() < 0.05 else 0.0)
    return turns


@lru_cache(maxsize=4)
def real_turns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(turn lengths, gaps) in seconds of real calls, from a CSV (gzip) with call, speaker, start, end."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [(row["call"], float(row["start"]), float(row["end"])) for row in csv.DictReader(lines)]
    rows.sort()
    lengths = np.array([end - start for _, start, end in rows])
    gaps = np.array([b[1] - a[2] for a, b in pairwise(rows) if a[0] == b[0]])
    return lengths[lengths > 0.3], gaps


def like_a_call(
    rng: np.random.Generator, speakers: int, seconds: float, real: tuple[np.ndarray, np.ndarray]
) -> list[PlannedTurn]:
    """One after another, lengths and gaps as in real calls; long talks are cut so that several speak."""
    lengths, gaps = real
    longest = max(8.0, 2.0 * seconds / max(speakers, 2))
    turns: list[PlannedTurn] = []
    at, current = float(rng.exponential(1.0)), -1
    while at < seconds:
        others = [speaker for speaker in range(speakers) if speaker != current]
        current = int(rng.choice(others)) if others else 0
        length = float(np.clip(rng.choice(lengths), 0.35, rng.uniform(0.3, 1.0) * longest))
        turns.append(PlannedTurn(current, at, length))
        at += length + float(np.clip(rng.choice(gaps), -0.5, 6.0))
    return turns


def _no_self_overlap(turns: list[PlannedTurn]) -> list[PlannedTurn]:
    kept: list[PlannedTurn] = []
    last: dict[int, float] = {}
    for turn in sorted(turns, key=lambda turn: turn.start):
        if turn.start >= last.get(turn.speaker, -1.0) + 0.1:
            kept.append(turn)
            last[turn.speaker] = turn.end
    return kept


def _everybody(rng: np.random.Generator, turns: list[PlannedTurn], speakers: int, seconds: float) -> list[PlannedTurn]:
    """A turn for each who would have none, cut to the duration."""
    silent = set(range(speakers)) - {turn.speaker for turn in turns if turn.start < seconds - 0.3}
    for speaker in sorted(silent):
        length = min(float(rng.uniform(1.0, 4.0)), seconds / 2)
        turns.append(PlannedTurn(speaker, float(rng.uniform(0, seconds - length)), length))
    cut = [
        PlannedTurn(turn.speaker, turn.start, min(turn.length, seconds - turn.start))
        for turn in turns
        if turn.start < seconds - 0.3
    ]
    return sorted(cut, key=lambda turn: turn.start)

"""How late the words of a simultaneous translation come, and how many are taken back.

AL (Ma et al. 2019, "STACL", section 4), LAAL (Papi et al. 2022, "Over-generation cannot be rewarded") and the delays
they go by are those of SimulEval, whose scorers give the same figures (tests/duplex/testing/test_simuleval_agents.py).
A word that is shown, taken back and shown again counts from when it came to stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duplex.streaming.policies.retranslation import normalized_erasure
from duplex.streaming.policies.simultaneous import common_prefix


@dataclass(frozen=True, slots=True)
class Shown:
    """What stood there after a step. read: how much of the source had been read. elapsed: the same with the time of all
    computing so far, in the unit of the source."""

    read: float
    elapsed: float
    words: tuple[str, ...]


@dataclass(slots=True)
class Talk:
    """One sentence. length: of its source, in words or milliseconds. steps: in order, the last one with all read."""

    length: float
    steps: list[Shown]

    @property
    def text(self) -> str:
        return " ".join(self.steps[-1].words) if self.steps else ""

    def delays(self, aware: bool = False) -> list[float]:
        """For each word of the last translation, how much had been read when it came to stay; aware: of computing."""
        final = self.steps[-1].words
        delays, stays = [0.0] * len(final), len(final)
        for step in reversed(self.steps):
            stays = min(stays, common_prefix(step.words, final))
            delays[:stays] = [step.elapsed if aware else step.read] * stays
        return delays

    def erasure(self) -> float:
        """Normalized: words taken back for each word of the last translation."""
        return normalized_erasure([step.words for step in self.steps])


def average_lagging(delays: Sequence[float], source: float, target: int) -> float:
    """By how much words come later than from a translator that writes `target` words evenly while it reads.

    source: its length, in the unit of the delays. Nothing written lags by the whole source.
    """
    if not delays:
        return source
    if delays[0] > source:
        return delays[0]
    until = next((place for place, delay in enumerate(delays, 1) if delay >= source), len(delays))
    return sum(delay - place * source / target for place, delay in enumerate(delays[:until])) / until


def length_adaptive_lagging(delays: Sequence[float], source: float, reference: int) -> float:
    """Against the longer of translation and reference, so that a long translation gains nothing."""
    return average_lagging(delays, source, max(len(delays), reference))

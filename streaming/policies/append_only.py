"""Policies that never take back a word: wait-k, agreement of successive translations, alignment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from duplex.streaming.policies.simultaneous import Wanted, Written, beyond, common_prefix


@dataclass(slots=True)
class AppendOnly:
    """What these policies share: words that are committed, and a segment that is translated once for each change."""

    committed: tuple[str, ...] = ()
    _source: tuple[str, ...] = field(default=(), repr=False)
    _final: bool = field(default=False, repr=False)

    @property
    def revises(self) -> bool:
        return False

    def read(self, source: Sequence[str], final: bool = False) -> Wanted | None:
        """See Policy."""
        source = tuple(source)
        if self._final or not source or (source == self._source and not final) or not (final or self.may_write(source)):
            return None
        self._source, self._final = source, final
        return Wanted(source, self.committed, not final)

    def write(self, words: Sequence[str], alignment: Sequence[int] = ()) -> Written:
        """See Policy."""
        new = beyond(self.committed, words)
        kept = len(new) if self._final else self.count(new, tuple(alignment)[len(self.committed) :])
        self.committed += new[:kept]
        return Written(self.committed, len(self.committed))

    def may_write(self, source: tuple[str, ...]) -> bool:
        """Whether a translation of an unfinished source is worth its computing."""
        return True

    def count(self, new: tuple[str, ...], alignment: tuple[int, ...]) -> int:
        """How many of the words that a translation adds are committed."""
        raise NotImplementedError


@dataclass(slots=True)
class WaitK(AppendOnly):
    """Ma et al. (2019), "STACL", section 3: writing lags `k` words behind reading.

    most: words that one step writes at most.
    """

    k: int = 3
    most: int = 1_000_000

    def __post_init__(self) -> None:
        if self.k < 1 or self.most < 1:
            raise ValueError(f"wait-k needs k and most of at least 1, not {self.k} and {self.most}")

    def may_write(self, source: tuple[str, ...]) -> bool:
        return self._due(source) > 0

    def count(self, new: tuple[str, ...], alignment: tuple[int, ...]) -> int:
        return min(self._due(self._source), self.most, len(new))

    def _due(self, source: tuple[str, ...]) -> int:
        return len(source) - self.k + 1 - len(self.committed)


@dataclass(slots=True)
class AgreeingTranslations(AppendOnly):
    """LocalAgreement over translations: what `agree` successive ones begin with alike is committed.

    Liu, Spanakis and Niehues (2020), section 3; its twin for hypotheses of a recognizer is local_agreement.py.
    """

    agree: int = 2
    _recent: list[tuple[str, ...]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if self.agree < 2:
            raise ValueError(f"at least two translations can agree, not {self.agree}")

    def count(self, new: tuple[str, ...], alignment: tuple[int, ...]) -> int:
        self._recent = [*self._recent, new][-self.agree :]
        if len(self._recent) < self.agree:
            return 0
        agreed = min(common_prefix(new, other) for other in self._recent)
        self._recent = [words[agreed:] for words in self._recent]
        return agreed


@dataclass(slots=True)
class AlignAtt(AppendOnly):
    """Papi, Turchi and Negri (2023), "AlignAtt": a word that was made from the last `margin` source words waits, and
    so do all after it. Without an alignment nothing is written before the end."""

    margin: int = 2

    def __post_init__(self) -> None:
        if self.margin < 1:
            raise ValueError(f"the margin is at least one word, not {self.margin}")

    def count(self, new: tuple[str, ...], alignment: tuple[int, ...]) -> int:
        return before_frontier(alignment[: len(new)], len(self._source) - self.margin)


def before_frontier(alignment: Iterable[int], limit: int) -> int:
    """AlignAtt's rule: how many first places come before one that is not below `limit`."""
    return sum(1 for _ in takewhile(lambda place: place < limit, alignment))

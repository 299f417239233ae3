"""Re-translation: the whole segment is translated anew, and only its last words, which would flicker, are held back.

Arivazhagan et al. (2020), "Re-translation versus streaming for simultaneous translation", sections 3 and 4.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from duplex.streaming.policies.simultaneous import Wanted, Written, common_prefix


@dataclass(slots=True)
class MaskedRetranslation:
    """mask: words at the end of an unfinished translation that are not shown. The last translation, with the words that
    were not shown, is the draft of the next."""

    mask: int = 3
    _source: tuple[str, ...] = field(default=(), repr=False)
    _final: bool = field(default=False, repr=False)
    _whole: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.mask < 0:
            raise ValueError(f"the mask is a number of words, not {self.mask}")

    @property
    def revises(self) -> bool:
        return True

    def read(self, source: Sequence[str], final: bool = False) -> Wanted | None:
        """See Policy."""
        source = tuple(source)
        if self._final or not source or (source == self._source and not final):
            return None
        self._source, self._final = source, final
        return Wanted(source, (), not final, self._whole)

    def write(self, words: Sequence[str], alignment: Sequence[int] = ()) -> Written:
        """See Policy."""
        self._whole = tuple(words)
        if self._final:
            return Written(self._whole, len(words))
        return Written(self._whole[: max(0, len(words) - self.mask)])


def erased(before: Sequence[str], after: Sequence[str]) -> int:
    """Words of `before` that had to be taken back for `after`."""
    return len(before) - common_prefix(before, after)


def normalized_erasure(shown: Sequence[Sequence[str]]) -> float:
    """Words taken back for each word of the last translation shown (their section 4.2); below 0.2 is little."""
    if not shown or not shown[-1]:
        return 0.0
    return sum(erased(a, b) for a, b in itertools.pairwise(shown)) / len(shown[-1])

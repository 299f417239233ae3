"""Speculative decoding from a draft: an earlier translation is verified in one step instead of being written again.

While a sentence is spoken, each translation of it mostly begins as the one before. "Speculative biased decoding" takes
that one as a draft, gives its subwords a little more chance than the network does, and keeps the longest beginning that
is then still the likeliest at every place ("Simultaneous translation by re-translation with self-speculative biased
decoding", arXiv 2509.21740, section 3). What is kept costs one step of decoding, and is not taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def accepted(logs: np.ndarray, draft: Sequence[int], bias: float) -> int:
    """How many subwords of a draft are kept.

    logs (at least len(draft), vocabulary): log-probabilities of what stands at each place of the draft. With the chance
    p of a subword there, p' = (1 - bias) p + bias for the draft's own and (1 - bias) p for any other; a subword is kept
    where its p' is the greatest and all before it are kept. What has no chance at all
    is not kept. bias: 0 keeps what greedy decoding would write, 1 all.
    """
    for place, number in enumerate(draft):
        row = logs[place]
        likeliest = int(row.argmax())
        own, most = np.exp(row[[number, likeliest]].astype(np.float64))
        if number != likeliest and (own == 0 or (1 - bias) * own + bias <= (1 - bias) * most):
            return place
    return len(draft)


def continuation(draft: Sequence[int], begin: Sequence[int]) -> list[int]:
    """What of a draft follows a fixed beginning; nothing if it begins otherwise."""
    return list(draft[len(begin) :]) if list(draft[: len(begin)]) == list(begin) else []

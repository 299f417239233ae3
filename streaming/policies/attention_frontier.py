"""AlignAtt for hypotheses of a recognizer: a word that was heard away from the end of the sound is stable at once.

Papi, Turchi and Negri (2023), "AlignAtt: using attention-based audio-translation alignments as a guide for
simultaneous speech translation", section 3. Its twin for translations is in append_only.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duplex.streaming.policies.hypothesis import Hypothesis, Word
from duplex.streaming.policies.local_agreement import LocalAgreement


@dataclass(slots=True)
class AttentionFrontier(LocalAgreement):
    """The policy and its state for one utterance; successive hypotheses are joined as LocalAgreement does.

    waiting: how many words at the end of the next hypothesis attend to the end of what has been heard, or follow one
    that does. Whoever calls `update` says it before.
    """

    waiting: int = 0

    def update(self, words: Sequence[Word], heard: int, since: int = 0) -> Hypothesis:
        """See LocalAgreement. One hypothesis is enough."""
        tail = self._beyond_stable(words, since)
        sure = self._ripe(tail, max(0, len(tail) - self.waiting), heard)
        self.stable += tail[:sure]
        self._recent = [tail[sure:]]
        return Hypothesis(self.stable + tail[sure:], len(self.stable))

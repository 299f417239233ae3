"""Translations of held-out sentences by the network in training: at once, and word by word, each from the last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from duplex.streaming.policies.retranslation import normalized_erasure

from ...search import Hypothesis
from ...train.corpus import Pair, questions
from ...train.validation import scores
from ...vocabulary import LANGUAGES, Vocabulary
from ..canvas import PLACEHOLDER, REFUSED
from ..editing import GROWING, WHOLE, Seen, edited
from ..network import EditNet


class TorchLooker:
    """See editing.Looker: the network in PyTorch with one source."""

    def __init__(self, net: EditNet, source: Sequence[int]) -> None:
        self._net = net.eval()
        with torch.no_grad():
            self._encoded = net.encode(torch.tensor([list(source)]), None)

    @torch.no_grad()
    def look(self, canvas: Sequence[int]) -> Seen:
        net = self._net
        vectors, attention = net.look(torch.tensor([list(canvas)]), None, self._encoded, None)
        keep, insert = net.edits(vectors[0])
        places = [place for place, number in enumerate(canvas) if number == PLACEHOLDER]
        logits = net.base.logits(vectors[0, places])
        logits[:, list(REFUSED)] = -torch.inf
        sure, fill = torch.log_softmax(logits, -1).max(-1)
        return Seen((keep[:, 1] - keep[:, 0]).numpy(), insert.numpy(), fill.numpy(), sure.numpy(), attention[0].numpy())


class Validation:
    """`count` held-out sentences of each direction; only the first translation of each counts."""

    def __init__(self, pairs: list[Pair], vocabulary: Vocabulary, count: int = 100) -> None:
        self._vocabulary = vocabulary
        self.rows = [
            (target, q.source, q.references[:1]) for target in LANGUAGES for q in questions(pairs, target)[:count]
        ]

    def translated(
        self, net: EditNet, text: str, target: str, draft: Sequence[int], partial: bool = False
    ) -> Hypothesis:
        """One look after the other, as an engine does."""
        source = self._vocabulary.source(text, target, partial)
        return edited(TorchLooker(net, source), source, draft, manner=GROWING if partial else WHOLE)

    def score(self, net: EditNet) -> dict[str, dict[str, float]]:
        """whole: the sentence at once. grown: word by word, with the erasure of what would be shown."""
        whole, grown, erasure = [], [], []
        for target, text, _ in self.rows:
            whole.append(self._vocabulary.decode(self.translated(net, text, target, ()).numbers))
            words, shown, draft = text.split(), [], []
            for count in range(1, len(words) + 1):
                found = self.translated(net, " ".join(words[:count]), target, draft, count < len(words))
                draft = found.numbers
                shown.append(self._vocabulary.decode(draft).split())
            grown.append(" ".join(shown[-1]))
            erasure.append(normalized_erasure(shown))
        references = [row[2] for row in self.rows]
        return {
            "whole": scores(whole, references),
            "grown": {**scores(grown, references), "erasure": round(float(np.mean(erasure)), 3)},
        }

"""Decisions of a network in training, block by block, on streams of held-out dialogues in a held-out manner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.nano.train.examples import Batch, Example, padded
from duplex.models.interaction.nano.vocabulary import ACTIONS, DECISIONS, NUMBER

MARKS = (NUMBER["<say>"], NUMBER["<call>"])


def f1(hits: int, said: int, wanted: int) -> float:
    """Harmonic mean of precision and recall; 0 of nothing."""
    return 2 * hits / max(1, said + wanted)


def decision_scores(table: np.ndarray, actions: Sequence[Action]) -> dict[str, float]:
    """F1 of each decision but silence, and their mean as "f1". table: counts (right, chosen), actions by actions."""
    hits, said, meant = np.diag(table), table.sum(0), table.sum(1)
    scores: dict[str, float] = {
        action: round(f1(int(hits[place]), int(said[place]), int(meant[place])), 4)
        for place, action in enumerate(actions)
        if action != "silent"
    }
    scores["f1"] = round(sum(scores.values()) / len(scores), 4)
    return scores


class Validation:
    """Scores a network by teacher-forced streams: strict, since a decision a block early or late is wrong twice."""

    def __init__(self, examples: Sequence[Example], tokens: int = 6144) -> None:
        ordered = sorted(examples, key=lambda one: len(one.ids))
        self._groups: list[list[Example]] = [[]]
        for one in ordered:
            if self._groups[-1] and len(one.ids) * (len(self._groups[-1]) + 1) > tokens:
                self._groups.append([])
            self._groups[-1].append(one)

    def score(self, model: Any) -> dict[str, float]:
        """F1 of each decision but silence, their mean over the four as "f1", and nats a token of answers."""
        table = np.zeros((len(ACTIONS), len(ACTIONS)), np.int64)
        nats, count = 0.0, 0
        model.eval()
        with torch.no_grad():
            for group in self._groups:
                batch: Batch = padded(group)
                hidden = model.model(input_ids=torch.from_numpy(batch[0]), use_cache=False).last_hidden_state
                rows = torch.tensor([row for row, one in enumerate(group) for _ in one.blocks])
                places = torch.tensor([place for one in group for place in one.blocks])
                logits = hidden[rows, places] @ model.model.embed_tokens.weight[list(DECISIONS)].T
                wanted = batch[1][rows.numpy(), places.numpy()]
                for right, chosen in zip(wanted, logits.argmax(-1).tolist(), strict=True):
                    table[DECISIONS.index(int(right)), chosen] += 1
                for row, one in enumerate(group):
                    last = one.blocks[-1] + 1
                    if one.targets[last : last + 1] and one.targets[last] in MARKS:
                        told = hidden[row, last : len(one.ids) - 1] @ model.model.embed_tokens.weight.T
                        right = torch.tensor(one.targets[last : len(one.ids) - 1])
                        nats += float(functional.cross_entropy(told, right, reduction="sum"))
                        count += len(right)
        model.train()
        scores = decision_scores(table, ACTIONS)
        scores["text"] = round(nats / max(1, count), 3)
        return scores

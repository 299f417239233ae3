"""Decisions and answers of an adapter in training, teacher-forced, on streams of held-out dialogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from duplex.models.interaction.adapter.train.packing import Pack
from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.nano.train.validation import decision_scores

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Validation:
    """decisions: packs with every block of a stream. answers: packs of answers; those whose first token is `brace`
    are calls.
    """

    def __init__(
        self, decisions: Sequence[Pack], answers: Sequence[Pack], control: Mapping[Action, int], braces: Sequence[int]
    ) -> None:
        self._decisions, self._answers, self._braces = decisions, answers, frozenset(braces)
        self._actions, self._tokens = tuple(control), list(control.values())

    def score(self, model: Any) -> dict[str, float]:
        """F1 of each decision but silence and their mean as "f1", at the "threshold" that is best for it; shares of
        calls ("call") and of other answers ("said") that are right in every token; "mean" of f1 and call.
        """
        right, chances = self._decided(model)
        tables = {threshold: confusion(right, chances, threshold) for threshold in THRESHOLDS}
        scored = {threshold: decision_scores(table, self._actions) for threshold, table in tables.items()}
        threshold = max(scored, key=lambda one: scored[one]["f1"])
        scores = {**scored[threshold], "threshold": threshold}
        exact = self._answered(model)
        scores["call"], scores["said"] = (round(float(np.mean(exact[is_call] or [0])), 4) for is_call in (True, False))
        scores["mean"] = round((scores["f1"] + scores["call"]) / 2, 4)
        return scores

    @torch.no_grad()
    def _decided(self, model: Any) -> tuple[np.ndarray, np.ndarray]:
        """(blocks,) the right decisions, as places in `control`, and (blocks, decisions) the chances of each."""
        rows = model.get_output_embeddings().weight[self._tokens]
        chances = [(pack.hidden(model) @ rows.T).softmax(-1).numpy() for pack in self._decisions]
        right = [self._tokens.index(token) for pack in self._decisions for _, token, _ in pack.targets]
        return np.array(right), np.concatenate(chances)

    @torch.no_grad()
    def _answered(self, model: Any) -> dict[bool, list[bool]]:
        """Whether each answer is right in every token; under True those that are calls."""
        rows = model.get_output_embeddings().weight
        exact: dict[bool, list[bool]] = {True: [], False: []}
        for pack in self._answers:
            chosen = (pack.hidden(model) @ rows.T).argmax(-1).tolist()
            for start, end in pack.spans():
                wanted = [token for _, token, _ in pack.targets[start:end]]
                exact[wanted[0] in self._braces].append(wanted == chosen[start:end])
        return exact


def confusion(right: np.ndarray, chances: np.ndarray, threshold: float) -> np.ndarray:
    """(right, chosen) counts of decisions, where the likeliest but the first counts from `threshold` on, as in
    `decider.control_token`, and the first (silence) else."""
    best = chances[:, 1:].argmax(-1) + 1
    sure = chances[np.arange(len(best)), best] >= np.maximum(threshold, chances[:, 0] + 1e-9)
    table = np.zeros((chances.shape[1],) * 2, np.int64)
    np.add.at(table, (right, np.where(sure, best, 0)), 1)
    return table

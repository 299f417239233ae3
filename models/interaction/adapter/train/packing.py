"""Many continuations of one text in one forward pass: a trunk that is read once, and branches that each see it up to
some point and themselves.

That is how a decider reads: what is certain stays in the cache, and each block's tail is read behind it and taken back.
It is also how answers to many requests share one system prompt. A branch's tokens have the positions that they would
have right behind what they see of the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass
class Pack:
    """trunk: ids that are read by all. The other lists are of the branches' tokens, behind one another.

    seen: how many of the trunk each sees. branch: which it belongs to, from 1 on. targets: (place, token, weight) of
    what is to be predicted, places counted from the beginning of the trunk.
    """

    trunk: list[int]
    ids: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    targets: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, seen: int, ids: Sequence[int], targets: Sequence[int], weight: float) -> None:
        """A branch behind the first `seen` tokens of the trunk; the last of `ids` predict `targets`, one each."""
        number = self.branch[-1] + 1 if self.branch else 1
        self.ids += ids
        self.seen += [seen] * len(ids)
        self.branch += [number] * len(ids)
        self.place += range(seen, seen + len(ids))
        first = len(self) - len(targets)
        self.targets += [(first + place, token, weight) for place, token in enumerate(targets)]

    def __len__(self) -> int:
        return len(self.trunk) + len(self.ids)

    @property
    def weight(self) -> float:
        return sum(weight for *_, weight in self.targets)

    def spans(self) -> list[tuple[int, int]]:
        """(from, to) in `targets`, of each branch."""
        owners = [self.branch[place - len(self.trunk)] for place, *_ in self.targets]
        starts = [place for place, owner in enumerate(owners) if not place or owner != owners[place - 1]]
        return list(pairwise([*starts, len(owners)]))

    def mask(self) -> Tensor:
        """(1, 1, tokens, tokens) bool: what each token sees."""
        trunk, place = len(self.trunk), torch.arange(len(self))
        branch = torch.tensor([0] * trunk + self.branch)
        seen = torch.tensor([*range(1, trunk + 1), *self.seen])
        own = (branch[None, :] == branch[:, None]) & (place[None, :] <= place[:, None])
        of_trunk = (branch == 0)[None, :] & (place[None, :] < seen[:, None])
        return (own | of_trunk)[None, None]

    def hidden(self, model: Any) -> Tensor:
        """(targets, width): the states that predict, of a causal model's last layer."""
        given: Tensor = model.model(
            input_ids=torch.tensor([[*self.trunk, *self.ids]]),
            position_ids=torch.tensor([[*range(len(self.trunk)), *self.place]]),
            attention_mask=self.mask(),
            use_cache=False,
        ).last_hidden_state[0]
        return given[torch.tensor([place for place, *_ in self.targets])]

    def loss(self, model: Any, among: Sequence[int] = ()) -> Tensor:
        """The weighted sum of cross-entropies in nats. among: the tokens that are told apart; all, if none is given."""
        table = model.get_output_embeddings().weight
        tokens = [token for _, token, _ in self.targets]
        if among:
            table, tokens = table[list(among)], [among.index(token) for token in tokens]
        each = functional.cross_entropy(self.hidden(model) @ table.T, torch.tensor(tokens), reduction="none")
        return each @ torch.tensor([weight for *_, weight in self.targets])

"""Greedy decoding of a batch by the network in PyTorch, perhaps with a bias towards earlier translations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..network import TranslationNet, padding_mask
from ..vocabulary import END
from .examples import padded


@torch.no_grad()
def greedy_batch(
    net: TranslationNet,
    sources: Sequence[Sequence[int]],
    drafts: Sequence[Sequence[int]] | None = None,
    biases: Sequence[float] = (),
) -> list[list[int]]:
    """The likeliest subword each time, no longer than 1.6 times the longest source and 12.

    drafts, biases: for each source a translation whose next subword, as long as all before it were taken, gets a
    chance greater by bias / (1 - bias); the end of a draft gets none.
    """
    net.eval()
    answers: list[list[int]] = [[] for _ in sources]
    source = torch.from_numpy(padded([list(row) for row in sources]))
    mask = padding_mask(source)
    memory = torch.stack([torch.stack(pair) for pair in net.memories(net.encode(source, mask))])
    past, going = net.initial_past(len(sources)), list(range(len(sources)))
    new = torch.full((len(sources), 1), END)
    for place in range(int(source.shape[1] * 1.6) + 12):
        scored, past, _ = net.step(new, memory, mask, past)
        scores = scored[:, -1]
        if drafts is not None:
            scores = scores.exp()
            for row, number in enumerate(going):
                draft, bias = drafts[number], biases[number]
                if place < len(draft) and answers[number] == list(draft[:place]):
                    scores[row, draft[place]] += bias / (1 - bias)
        chosen = scores.argmax(-1).tolist()
        rows = [row for row in range(len(going)) if chosen[row] != END]
        for row in rows:
            answers[going[row]].append(chosen[row])
        if not rows:
            break
        new = torch.tensor([[chosen[row]] for row in rows])
        if len(rows) < len(going):
            index = torch.tensor(rows)
            memory, past, mask = memory[:, :, index], past[:, :, index], mask[index]
            going = [going[row] for row in rows]
    return answers

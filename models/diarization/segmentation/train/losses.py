"""The loss of a powerset segmentation whose speakers may come in any order (Plaquet and Bredin 2023)."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from duplex.models.diarization.segmentation import pyannet


def powerset_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy under each window's best order of speakers.

    logits: (windows, frames, classes). labels: (windows, frames, speakers) bool; of more at once than there are classes
    for, those of the lowest numbers are taken.
    """
    likely = logits.float().log_softmax(-1)
    orders = _orders(logits.shape[-1], labels.shape[-1]).to(labels.device)
    codes = (labels.long() * (1 << torch.arange(labels.shape[-1], device=labels.device))).sum(-1)
    classes = orders[:, codes]  # (orders, windows, frames)
    found = likely.expand(len(orders), *likely.shape).gather(-1, classes[..., None])[..., 0]
    return -found.mean(-1).amax(0).mean()


@cache
def _orders(classes: int, speakers: int) -> Tensor:
    """(orders, 2 ** speakers): the class of each set of active speakers, under each order of speakers."""
    sets = pyannet.sets(classes)
    most = max(map(len, sets))
    rows = []
    for order in permutations(range(speakers)):
        row = []
        for code in range(1 << speakers):
            active = [speaker for speaker in range(speakers) if code >> speaker & 1][:most]
            row.append(sets.index(tuple(sorted(order[speaker] for speaker in active))))
        rows.append(row)
    return torch.from_numpy(np.array(rows))

"""Cross-entropy with smoothed labels, its gradient written out to pass over the logits few times."""

from __future__ import annotations

import torch
from torch import Tensor

SMOOTHING = 0.1


class _SmoothedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, vectors: Tensor, table: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        logits = vectors @ table.T
        whole = logits.logsumexp(1)
        right = logits.gather(1, wanted[:, None])[:, 0]
        plain = (whole - right).mean()
        smoothed = (1 - SMOOTHING) * plain + SMOOTHING * (whole.mean() - logits.mean())
        ctx.save_for_backward(vectors, table, wanted, logits, whole)
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx, gradient: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        vectors, table, wanted, logits, whole = ctx.saved_tensors
        change = logits.sub_(whole[:, None]).exp_()
        change.sub_(SMOOTHING / logits.shape[1])
        change.scatter_add_(1, wanted[:, None], change.new_full((len(wanted), 1), SMOOTHING - 1))
        scale = gradient / len(wanted)
        return (change @ table) * scale, (change.T @ vectors) * scale, None


def smoothed_cross_entropy(vectors: Tensor, table: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Means over positions: loss with labels smoothed by SMOOTHING, and cross-entropy in nats, without a gradient.

    vectors (positions, width), table (vocabulary, width), wanted (positions,) of subwords. Its backward may run once.
    """
    return _SmoothedCrossEntropy.apply(vectors, table, wanted)

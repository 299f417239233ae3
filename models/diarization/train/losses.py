"""Labels in order of appearance, and what the network is trained for (LS-EEND, section III-D)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from duplex.models.diarization.network import Diarized


def in_order_of_appearance(activity: np.ndarray) -> np.ndarray:
    """Columns of (frames, speakers) that are ever active, the first heard first; ties keep their order."""
    heard = activity.any(axis=0)
    first = np.where(heard, activity.argmax(axis=0), len(activity))
    order = np.argsort(first, kind="stable")
    return order[: int(heard.sum())]


def slot_labels(activity: np.ndarray, slots: int) -> np.ndarray:
    """(frames, speakers), in order of appearance, to (frames, slots) float32: silence, the speakers, and zeros."""
    labels = np.zeros((len(activity), slots), np.float32)
    labels[:, 0] = ~activity.any(axis=1)
    labels[:, 1 : 1 + activity.shape[1]] = activity
    return labels


def activity_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy over slots and frames."""
    return F.binary_cross_entropy_with_logits(logits, labels)


def consistency_loss(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Embeddings of two frames are to be as alike (cosine) as their labels, silence included."""
    wanted = F.normalize(labels, dim=-1, eps=1e-6)
    return F.mse_loss(embeddings @ embeddings.transpose(1, 2), wanted @ wanted.transpose(1, 2))


def identity_loss(logits: Tensor, identities: Tensor) -> Tensor:
    """Which of the voices of the whole training set speaks: (n, voices), (n,); only where one speaks alone."""
    if not len(identities):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, identities, label_smoothing=0.1)


def best_order(logits: Tensor, labels: Tensor) -> Tensor:
    """The labels under the assignment of speakers to slots that fits the logits best (Hungarian method).

    logits, labels: (batch, frames, slots), silence first and nobody last, who both stay in place. For fine-tuning on
    real recordings, whose networks come with an order of their own.
    """
    from scipy.optimize import linear_sum_assignment

    arranged = labels.clone()
    for row, (predicted, wanted) in enumerate(zip(logits.detach().float(), labels, strict=True)):
        speakers, spoken = predicted[:, 1:-1], wanted[:, 1:-1]
        costs = F.softplus(speakers).mean(0)[:, None] - speakers.T @ spoken / len(speakers)
        _, columns = linear_sum_assignment(costs.cpu().numpy())
        arranged[row, :, 1:-1] = spoken[:, torch.as_tensor(columns, device=labels.device)]
    return arranged


def network_loss(
    out: Diarized, labels: Tensor, identities: Tensor, head: torch.nn.Linear | None, identity_weight: float
) -> tuple[Tensor, dict[str, float]]:
    """Sum of the losses, and its parts for the log. identities: (batch, frames), -1 where not one speaks alone."""
    logits, embeddings = out.logits.float(), out.embeddings.float()
    active = activity_loss(logits, labels)
    consistent = consistency_loss(embeddings, labels)
    loss = active + consistent
    parts = {"active": float(active.detach()), "consistent": float(consistent.detach())}
    if head is not None and identity_weight:
        chosen = torch.nonzero(identities >= 0)
        chosen = chosen[torch.randperm(len(chosen))[:800]]
        hidden = F.normalize(out.hidden[chosen[:, 0], chosen[:, 1]].float(), dim=-1)
        scores = 16.0 * hidden @ F.normalize(head.weight.float(), dim=-1).T
        named = identity_loss(scores, identities[chosen[:, 0], chosen[:, 1]])
        loss = loss + identity_weight * named
        parts["identity"] = float(named.detach())
    return loss, parts

"""Weights between the published and those of a further training.

They keep more of what the published network knew of sounds that the training lacks (Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def between(published: Mapping[str, Any], trained: Mapping[str, Any], share: float) -> dict[str, Any]:
    """share: of the trained arrays or tensors, 0 to 1."""
    return {name: (1 - share) * tensor + share * trained[name] for name, tensor in published.items()}

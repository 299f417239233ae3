"""Rotary position embedding of cached keys: moving a key to another position without computing it again.

A key at position p is the plain key rotated by p times each frequency, so at p + d it is that rotated by d more
(StreamingLLM, arXiv 2309.17453, stores plain keys instead). Which frequencies a layer has is measured, not read from
the model's class: a token that is alone attends to itself only, so its keys at two positions, in every layer, differ
by the rotation and by nothing else.
"""

from __future__ import annotations

import inspect
from typing import Any

from duplex.streaming.errors import ModelError

PROBE = 17
"""Distance of the two positions: every frequency of a known model is told from those of another base."""

_CHANGING = ("dynamic", "longrope")
"""Kinds of rotary embedding whose frequencies depend on the length."""


def rotated(keys: Any, distance: Any, inverse: Any) -> Any:
    """keys: (batch, heads, n, width) after rotary embedding, moved by `distance` (n,). Rotated in float32.

    inverse: (r,) frequencies in radians per position; with 2r < width only the first 2r dimensions turn.
    """
    import torch

    turning = 2 * len(inverse)
    angle = distance.to(keys.device, torch.float32)[:, None] * inverse.to(keys.device, torch.float32)[None, :]
    angle = torch.cat((angle, angle), -1)
    plain = keys[..., :turning].float()
    first, second = plain.chunk(2, -1)
    turned = (plain * angle.cos() + torch.cat((-second, first), -1) * angle.sin()).to(keys.dtype)
    return turned if turning == keys.shape[-1] else torch.cat((turned, keys[..., turning:]), -1)


def cache_argument(model: Any) -> str:
    """What the model's forward pass calls its cache: later versions of `transformers` have renamed it."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def layer_frequencies(model: Any) -> list[Any] | None:
    """The frequencies of each layer, (r,), of a causal model of `transformers`; None if its keys cannot be moved.

    Raises ModelError if the model keeps no cache of keys and values, one entry for each token.
    """
    import torch

    with torch.inference_mode():
        here, there = _keys(model, 0), _keys(model, PROBE)
        if _changes(model):
            return None
        known = [
            buffer for name, buffer in model.named_buffers() if name.endswith("inv_freq") and "original" not in name
        ]
        found = []
        for first, second in zip(here, there, strict=True):
            tolerance = 1e-4 if first.dtype == torch.float32 else 3e-2
            fitting = (
                each for each in known if 2 * len(each) <= first.shape[-1] and _fits(first, second, each, tolerance)
            )
            frequencies = next(fitting, None)
            if frequencies is None:
                return None
            found.append(frequencies)
    return found


def _fits(first: Any, second: Any, inverse: Any, tolerance: float) -> bool:
    import torch

    moved = rotated(first, torch.tensor([PROBE]), inverse).float()
    return bool((moved - second.float()).norm() <= tolerance * second.float().norm())


def _keys(model: Any, position: int) -> list[Any]:
    """The keys of one token at `position`, by layer."""
    import torch
    from transformers import DynamicCache

    cache: Any = DynamicCache()
    token, place = (torch.tensor([[each]], device=model.device) for each in (1, position))
    try:
        model(input_ids=token, position_ids=place, use_cache=True, **{cache_argument(model): cache})
        keys = [layer.keys for layer in cache.layers]
        usable = keys and all(each.ndim == 4 and each.shape[-2] == 1 for each in keys)
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise ModelError(f"{type(model).__name__} keeps no cache of keys and values: {error}") from error
    if not usable:
        raise ModelError(f"{type(model).__name__} does not keep one key and value for each token in every layer")
    return keys


def _changes(model: Any) -> bool:
    parameters = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    kinds = [parameters.get("rope_type")]
    kinds += [each.get("rope_type") for each in parameters.values() if isinstance(each, dict)]
    return any(kind in _CHANGING for kind in kinds)

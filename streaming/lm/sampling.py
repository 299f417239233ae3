"""The next token out of a model's logits, as its generation settings say."""

from __future__ import annotations

from typing import Any

import numpy as np


class Sampler:
    """config: the model's GenerationConfig. temperature: 0 takes the likeliest token; None is the config's own choice.

    Penalties and forbidden tokens of the config count always; top-k, top-p and min-p where sampling is on.
    """

    def __init__(self, config: Any, temperature: float | None = 0.0) -> None:
        from transformers import (
            LogitsProcessorList,
            MinPLogitsWarper,
            NoRepeatNGramLogitsProcessor,
            RepetitionPenaltyLogitsProcessor,
            SuppressTokensLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        def own(name: str) -> Any:
            return getattr(config, name, None)

        self.greedy = temperature == 0.0 or (temperature is None and not own("do_sample"))
        steps: Any = LogitsProcessorList()
        if (own("repetition_penalty") or 1.0) != 1.0:
            steps.append(RepetitionPenaltyLogitsProcessor(config.repetition_penalty))
        if own("no_repeat_ngram_size"):
            steps.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
        if own("suppress_tokens"):
            steps.append(SuppressTokensLogitsProcessor(config.suppress_tokens))
        if not self.greedy:
            heat = own("temperature") if temperature is None else temperature
            if heat and heat != 1.0:
                steps.append(TemperatureLogitsWarper(heat))
            if own("top_k"):
                steps.append(TopKLogitsWarper(config.top_k))
            if (own("top_p") or 1.0) < 1.0:
                steps.append(TopPLogitsWarper(config.top_p))
            if own("min_p"):
                steps.append(MinPLogitsWarper(config.min_p))
        self._steps = steps

    def next(self, logits: Any, ids: Any) -> int:
        """logits: (vocabulary,). ids: (n,), the tokens so far, prompt included. Raises ValueError if none is finite."""
        import torch

        with torch.inference_mode():
            scores = logits[None].float()
            if self._steps:
                scores = self._steps(torch.as_tensor(ids, device=scores.device)[None], scores.clone())
            if not bool(torch.isfinite(scores).any()):
                raise ValueError("the model's logits are not numbers")
            if self.greedy:
                return int(scores.argmax())
            return int(torch.multinomial(scores.softmax(-1), 1))


def masked(logits: Any, allowed: np.ndarray) -> Any:
    """The logits, (vocabulary,), with those of the tokens that are not `allowed` at minus infinity. Rows that a model
    has beyond its tokenizer's vocabulary are not allowed. Raises ValueError if no token is."""
    import torch

    count = min(len(allowed), len(logits))
    keep = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    keep[:count] = torch.as_tensor(allowed[:count], device=logits.device)
    if not bool(keep.any()):
        raise ValueError("no token of the vocabulary can go on here")
    return logits.float().masked_fill(~keep, float("-inf"))


def end_tokens(config: Any) -> frozenset[int]:
    """The tokens at which a reply ends, of a GenerationConfig."""
    ends = config.eos_token_id
    return frozenset([] if ends is None else ends if isinstance(ends, list) else [ends])

"""A language model on an endless stream: memory, time of a step and perplexity with a bounded cache.

python -m tests.benchmarks.lm_cache [--model random] [--tokens 4096] [--window 256] [--text FILE]

sinks: the first 4 tokens and a window. window: without sinks. entropy: sinks and what was surprising. recompute: the
window is computed from nothing for every token (on `--recomputed` tokens only, it is that slow). For each of four
quarters of the stream: perplexity, median milliseconds of a step, and megabytes of keys and values at its end. With
random weights perplexity says nothing; time and memory do. A text is repeated until there are enough tokens.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.lm.cache_policy import CachePolicy, EntropyMemory, SinksAndWindow
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from tests.benchmarks.language_models import RANDOM, open_network
from tests.benchmarks.report import quantile, table, versions

SINKS = 4
QUARTERS = 4


def surprisal(logits: Any, token: int) -> float:
    """-log p(token), nats."""
    import torch

    return float(-torch.log_softmax(logits.float(), -1)[token])


def through(lm: CausalLM, ids: list[int], policy: CachePolicy) -> list[list[object]]:
    """Rows of perplexity, milliseconds and megabytes, by quarter."""
    cache = KVCache()
    rows: list[list[object]] = []
    size = len(ids) // QUARTERS
    for quarter in range(QUARTERS):
        nats, seconds = [], []
        for token in ids[quarter * size : (quarter + 1) * size]:
            if cache.logits is not None:
                nats.append(surprisal(cache.logits, token))
            began = time.perf_counter()
            lm.append(cache, [token], policy)
            seconds.append(time.perf_counter() - began)
        rows.append(measured(nats, seconds, cache.nbytes))
    return rows


def recomputed(lm: CausalLM, ids: list[int], window: int, count: int) -> list[object]:
    """The same where the window is computed for every token, on the last `count` tokens."""
    nats, seconds, size = [], [], 0
    for place in range(len(ids) - count, len(ids)):
        cache = KVCache()
        began = time.perf_counter()
        lm.append(cache, ids[max(0, place - window) : place])
        seconds.append(time.perf_counter() - began)
        nats.append(surprisal(cache.logits, ids[place]))
        size = cache.nbytes
    return measured(nats, seconds, size)


def measured(nats: list[float], seconds: list[float], size: int) -> list[object]:
    return [
        f"{math.exp(min(float(np.mean(nats)), 50)):.2f}",
        f"{1000 * quantile(seconds, 0.5):.2f}",
        f"{size / 1e6:.2f}",
    ]


def tokens(model: str, text: str, count: int, vocabulary: int) -> list[int]:
    """`count` token ids: of the text, or at random where the model or the text is."""
    if model == RANDOM or not text:
        return [int(each) for each in np.random.default_rng(0).integers(10, vocabulary, count)]
    from transformers import AutoTokenizer

    from duplex.models.interaction.responders.local_models import locate

    place = Path(locate(model))
    given = {"gguf_file": place.name} if place.is_file() else {}
    tokenizer = AutoTokenizer.from_pretrained(str(place.parent if place.is_file() else place), **given)
    ids = list(tokenizer(Path(text).read_text())["input_ids"])
    return (ids * (count // max(1, len(ids)) + 1))[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=RANDOM, help="a folder, a GGUF file, a name of the store, or 'random'")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--window", type=int, default=256, help="entries of the cache")
    parser.add_argument("--recomputed", type=int, default=32, help="tokens for which the window is recomputed")
    parser.add_argument("--text", default="", help="a text file to run over")
    args = parser.parse_args()
    lm = CausalLM(open_network(args.model), chunk=args.window)
    ids = tokens(args.model, args.text, args.tokens, lm.model.config.vocab_size)
    slack = args.window // 8
    policies: dict[str, CachePolicy] = {
        "sinks": SinksAndWindow(SINKS, args.window - SINKS, slack),
        "window": SinksAndWindow(0, args.window, slack),
        "entropy": EntropyMemory(SINKS, args.window // 2 - SINKS, args.window // 2, slack=slack),
    }
    rows: list[list[object]] = []
    for name, policy in policies.items():
        for quarter, row in enumerate(through(lm, ids, policy), 1):
            rows.append([name, f"{quarter}/{QUARTERS}", *row])
    rows.append(["recompute", "end", *recomputed(lm, ids, args.window, args.recomputed)])
    print(f"{args.model}: {args.tokens} tokens, a cache of {args.window}, one thread")
    print(table(["kept", "part", "perplexity", "step ms", "MB"], rows))
    print(versions(["torch", "transformers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

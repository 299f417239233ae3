"""A language model on an endless stream: memory, time of a step and perplexity with a bounded cache.

    python -m tests.benchmarks.lm_cache [--model random] [--tokens 4096] [--window 256] [--block 1] [--parts 4]
                                        [--kept sinks window entropy] [--data FOLDER] [--scored 1] [--recomputed 2]

The stream enters the cache `--block` tokens at a time, as the words of a turn come. sinks: the first 4 tokens and a
window. window: without sinks. entropy: sinks and what was surprising. A line for each part of the stream: perplexity
(of every `--scored`-th block), then of those blocks that were also computed from nothing (`--recomputed` in each part),
as the cache has it and as recomputing the whole window has it; median milliseconds (CPU time of the one thread) of a
block; of one token at a time, through the cache (mean, evictions included) and with the window computed again for it;
megabytes of keys and values, and of the process.

FOLDER is the data folder; its dialogues are the text, none twice. Without it, or with random weights, the tokens are
random: then perplexity says nothing, but time and memory do.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil

from duplex.streaming.lm.cache_policy import EntropyMemory, SinksAndWindow
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from tests.benchmarks.dialogue_text import token_stream
from tests.benchmarks.language_models import RANDOM, open_network, open_tokenizer
from tests.benchmarks.report import quantile, table, versions

SINKS = 4
SLACK = 8
"""Tokens one at a time are evicted an eighth of the window at once, so that not every one moves all keys."""

HEADER = ["kept", "part", "tokens", "perplexity", "there", "recomputed", "block ms", "token ms", "window ms", "KV MB"]
HEADER += ["process MB"]


@dataclass
class Part:
    """What was measured on a part of the stream. nats: of each scored token. there, recomputed: of the tokens whose
    window was computed from nothing as well. blocks, alone, windows: seconds."""

    nats: list[float] = field(default_factory=list)
    there: list[float] = field(default_factory=list)
    recomputed: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)

    def row(self, cache: KVCache) -> list[object]:
        seconds = (quantile(self.blocks, 0.5), float(np.mean(self.alone)), quantile(self.windows, 0.5))
        times = [f"{1000 * each:.2f}" for each in seconds]
        size = psutil.Process().memory_info().rss
        shown = [perplexity(each) for each in (self.nats, self.there, self.recomputed)]
        return [*shown, *times, f"{cache.nbytes / 1e6:.2f}", f"{size / 1e6:.0f}"]


def perplexity(nats: list[float]) -> str:
    return f"{math.exp(min(float(np.mean(nats)), 50)):.2f}" if nats else "-"


def timed(lm: CausalLM, cache: KVCache, ids: list[int], policy: SinksAndWindow | EntropyMemory | None) -> float:
    """Appends; returns the seconds that it took."""
    began = time.thread_time()
    lm.append(cache, ids, policy)
    return time.thread_time() - began


def through(
    lm: CausalLM,
    ids: list[int],
    policy: SinksAndWindow | EntropyMemory,
    *,
    block: int,
    parts: int,
    scored: int,
    recomputed: int,
) -> Iterator[list[object]]:
    """A row for each part of the stream, from tokens so far on."""
    cache = KVCache()
    window = policy.sinks + (
        policy.window if isinstance(policy, SinksAndWindow) else policy.memory + policy.recent
    )  # entries
    starts = range(0, len(ids) - block + 1, block)
    size = max(1, len(starts) // parts)
    listening = replace(policy, scored=True)
    for first in range(0, size * parts, size):
        part = Part()
        again = set(np.linspace(0, size - 1, recomputed + 1, dtype=int)[1:]) if recomputed else set()
        for number, start in enumerate(starts[first : first + size]):
            piece = ids[start : start + block]
            judged = number in again
            hears = listening if judged or number % scored == 0 else policy
            part.blocks.append(timed(lm, cache, piece, hears))
            if hears.scored and start:
                nats = cache.scores[-block:].tolist()
                part.nats += nats
                if judged:
                    part.there += nats
                    alone = KVCache()
                    lm.append(alone, ids[max(0, start + block - window) : start + block], listening)
                    part.recomputed += alone.scores[-block:].tolist()
        end = starts[first + size - 1] + block
        trial = cache.fork()
        one_by_one = replace(policy, slack=window // SLACK)
        part.alone = [timed(lm, trial, [token], one_by_one) for token in ids[end - window // SLACK : end]]
        part.windows = [timed(lm, KVCache(), ids[max(0, end - window) : end], None) for _ in range(min(3, recomputed))]
        yield [end, *part.row(cache)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=RANDOM, help="a folder, a GGUF file, a name of the store, or 'random'")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--window", type=int, default=256, help="entries of the cache")
    parser.add_argument("--block", type=int, default=1, help="tokens that are appended at once")
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--kept", nargs="*", default=["sinks", "window", "entropy"])
    parser.add_argument("--data", type=Path, help="the data folder, whose dialogues are the text")
    parser.add_argument("--scored", type=int, default=1, help="perplexity is of every such block")
    parser.add_argument("--recomputed", type=int, default=2, help="blocks of each part that are computed from nothing")
    args = parser.parse_args()
    lm = CausalLM(open_network(args.model), chunk=args.window)
    if args.data is None or args.model == RANDOM:
        ids = np.random.default_rng(0).integers(10, lm.model.config.vocab_size, args.tokens).tolist()
    else:
        ids = token_stream(open_tokenizer(args.model), args.data, args.tokens)
    slack = max(0, args.window // SLACK - args.block)
    policies = {
        "sinks": SinksAndWindow(SINKS, args.window - SINKS, slack),
        "window": SinksAndWindow(0, args.window, slack),
        "entropy": EntropyMemory(SINKS, args.window // 2 - SINKS, args.window // 2, slack=slack),
    }
    print(f"{args.model}: {len(ids)} tokens, {args.block} at a time, a cache of {args.window}, one thread")
    rows: list[list[object]] = []
    for name in args.kept:
        found = through(
            lm,
            ids,
            policies[name],
            block=args.block,
            parts=args.parts,
            scored=args.scored,
            recomputed=args.recomputed,
        )
        for number, row in enumerate(found, 1):
            rows.append([name, f"{number}/{args.parts}", *row])
            print(*rows[-1], file=sys.stderr, flush=True)
    print(table(HEADER, rows))
    print(versions(["torch", "transformers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

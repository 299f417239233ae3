"""Time to first token after the end of the turn: streaming prefill against prefill at the end.

python -m tests.benchmarks.prefill [--model random] [--histories 500,2000,8000] [--turn 24] [--turns 3] [--revised 0.2]

A dialogue has a history of so many tokens, and a turn of `--turn` tokens is said, four tokens every 0.4 s (as 150 words
a minute are); of some hypotheses the last tokens are wrong, and the next revises them. At the end of the turn the reply
header and the last four tokens are new.

at the end: nothing was computed before (a server without a cache). kept history: the cache of the turn before is there,
the turn is not. streaming: the words entered the cache as they were heard. computed: tokens left at the end of the
turn. while listening: seconds of computing for each second of speech; above 1 the cache falls behind. The history is in
the cache when the turn begins, as it is from the second turn of a dialogue on. Times are CPU time of the one thread, so
that what else runs on the machine does not count.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.prefill import reuse, update
from tests.benchmarks.language_models import RANDOM, open_network
from tests.benchmarks.report import quantile, table, versions

HEARD = 4
"""Tokens that a hypothesis is longer than the last."""
SECONDS = 0.4
"""Between two hypotheses."""
HEADER = 5
"""Tokens of a chat template behind the turn."""


def first_token(lm: CausalLM, cache: KVCache, prompt: list[int]) -> tuple[float, int]:
    """(seconds until the first token of the reply is chosen, tokens that were computed)."""
    began = time.thread_time()
    left = len(prompt) - reuse(cache, prompt)
    update(lm, cache, prompt)
    int(cache.logits.argmax())
    return time.thread_time() - began, left


def listen(
    lm: CausalLM, cache: KVCache, prompt: list[int], history: int, revised: float, draw: Callable[[], int]
) -> float:
    """The turn is heard up to its last words; returns the seconds that it took to compute."""
    rng = np.random.default_rng(draw())
    spent = 0.0
    end = len(prompt) - HEADER - HEARD
    for upto in range(history + HEARD, end + 1, HEARD):
        hypothesis = prompt[:upto]
        if rng.random() < revised and upto < end:
            hypothesis = [*hypothesis[:-2], draw(), draw()]
        began = time.thread_time()
        update(lm, cache, hypothesis)
        spent += time.thread_time() - began
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", default=RANDOM, help="a folder, a GGUF file, a name of the store, 'random', 'random-0.5b'"
    )
    parser.add_argument("--histories", default="500,2000,8000", help="tokens")
    parser.add_argument("--turn", type=int, default=24, help="tokens of a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--revised", type=float, default=0.2, help="share of the hypotheses that end in wrong words")
    args = parser.parse_args()
    lm = CausalLM(open_network(args.model))
    rng = np.random.default_rng(0)

    def draw() -> int:
        return int(rng.integers(10, lm.model.config.vocab_size))

    rows = []
    for history in (int(each) for each in args.histories.split(",")):
        before, kept, streamed, left, busy = [], [], [], [], []
        past = [draw() for _ in range(history)]
        known = KVCache()
        update(lm, known, past)
        for _ in range(args.turns):
            prompt = past + [draw() for _ in range(args.turn + HEADER)]
            before.append(first_token(lm, KVCache(), prompt)[0])
            kept.append(first_token(lm, known.fork(), prompt)[0])
            cache = known.fork()
            busy.append(listen(lm, cache, prompt, history, args.revised, draw) / (args.turn / HEARD * SECONDS))
            seconds, tokens = first_token(lm, cache, prompt)
            streamed.append(seconds)
            left.append(tokens)
        middle = [1000 * quantile(each, 0.5) for each in (before, kept, streamed)]
        rows.append([history, *middle, f"{middle[0] / middle[2]:.1f}", max(left), f"{np.mean(busy):.2f}"])
    print(f"{args.model}: {sum(each.numel() for each in lm.model.parameters()) / 1e6:.1f} M parameters, one thread")
    header = ["history", "at the end ms", "kept history ms", "streaming ms", "times", "computed", "while listening"]
    print(table(header, rows))
    print(versions(["torch", "transformers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

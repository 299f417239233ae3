"""What FReTNA learns from: translations of growing sources by the autoregressive network, each begun like the last.

`python -m duplex.models.translation.fretna.train.distill TRAINING --out FOLDER --data FOLDER` writes numbered files of
chains until it is stopped, and goes on behind the last one. Sequence-level distillation (Kim and Rush, 2016) takes the
many ways to say a thing out of the targets, which a network that writes all words at once cannot tell apart; the bias
towards the last translation (SSBD, arXiv 2509.21740) takes out those revisions that make nothing better.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from duplex.models.corpora.training_run import add_line

from ...network import TranslationNet
from ...train.corpus import Pair
from ...train.examples import Examples, Recipe
from ...train.greedy import greedy_batch
from ...train.training import prepare
from ...train.weights_file import load_weights
from ...vocabulary import Vocabulary

BIAS, FINAL_BIAS = 0.25, 0.1
"""Weight of the last translation, while the source grows and when it is whole."""
SHARE = 4000
"""Chains of a file."""
RECIPE = Recipe(prefixes=0.0, joined=0.3, seed=7)


@dataclass(frozen=True, slots=True)
class Chain:
    """Sources that grow, the last one whole, as the encoder reads them; and the translation of each, with no end."""

    sources: tuple[tuple[int, ...], ...]
    targets: tuple[tuple[int, ...], ...]


def cuts(words: int, rng: Random) -> list[int]:
    """After how many words a source is translated: a few times in a row from somewhere on, and at its end."""
    place, places = rng.randint(1, min(words, 4)) if rng.random() < 0.5 else rng.randint(1, words), []
    while place < words and len(places) < 4:
        places.append(place)
        place += rng.choice((1, 1, 2, 3))
    return [*places, words]


def drawn(examples: Examples, vocabulary: Vocabulary, pairs: Sequence[Pair], seed: int) -> Iterator[list[list[int]]]:
    """Endless growing sources."""
    rng = Random(seed)
    while True:
        target = rng.choice(("de", "en"))
        source, _, _ = examples.example(rng.choice(pairs), target, rng)
        words = source.split()
        if words:
            found = [
                vocabulary.source(" ".join(words[:place]), target, place < len(words))
                for place in cuts(len(words), rng)
            ]
            if len(found[-1]) <= RECIPE.longest:
                yield found


def translated(net: TranslationNet, sources: list[list[list[int]]], batch: int = 96) -> list[Chain]:
    """Chains of these sources."""
    targets: list[list[list[int]]] = [[] for _ in sources]
    for step in range(max(map(len, sources))):
        order = sorted((n for n in range(len(sources)) if len(sources[n]) > step), key=lambda n: len(sources[n][step]))
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            drafts = [targets[n][-1] if step else [] for n in some]
            biases = [FINAL_BIAS if len(sources[n]) == step + 1 else BIAS for n in some]
            for n, found in zip(some, greedy_batch(net, [sources[n][step] for n in some], drafts, biases), strict=True):
                targets[n].append(found)
    return [
        Chain(tuple(map(tuple, source)), tuple(map(tuple, target)))
        for source, target in zip(sources, targets, strict=True)
    ]


def write_chains(path: Path, chains: Sequence[Chain]) -> None:
    """A file of chains, never half of it."""
    unfinished = path.with_suffix(".tmp")
    with gzip.open(unfinished, "wt", encoding="ascii") as lines:
        for chain in chains:
            lines.write(json.dumps([chain.sources, chain.targets], separators=(",", ":")) + "\n")
    unfinished.replace(path)


def read_chains(path: Path) -> list[Chain]:
    """All chains of a file."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        return [Chain(*(tuple(map(tuple, side)) for side in row)) for row in map(json.loads, lines)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Translate growing sources, for FReTNA to learn from.")
    parser.add_argument("training", help="folder of the translator's training: best.safetensors and vocabulary.model")
    parser.add_argument("--out", required=True, help="folder of the chains")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--files", type=int, default=1000, help=f"files at most, of {SHARE} chains each")
    arguments = parser.parse_args()
    training, out = Path(arguments.training), Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    net = load_weights(training / "best.safetensors")
    parts, vocabulary, noise = prepare(arguments.data, training, len(net.embedding.weight), RECIPE.seed)
    examples = Examples(parts["train"], vocabulary, noise, RECIPE)
    for number in range(arguments.files):
        path = out / f"{number:04}.jsonl.gz"
        if not path.exists():
            sources = itertools.islice(drawn(examples, vocabulary, parts["train"], 1000 + number), SHARE)
            chains = translated(net, list(sources))
            write_chains(path, chains)
            add_line(out / "log.jsonl", {"file": number, "words": sum(len(t) for c in chains for t in c.targets)})


if __name__ == "__main__":
    main()

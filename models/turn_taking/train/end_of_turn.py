"""Trains the regression behind `end_of_turn_score`: whole turns against beginnings of turns.

    python -m duplex.models.turn_taking.train.end_of_turn DATA [--evaluate]

DATA holds sgd_dialogues.jsonl.gz, clinc150.jsonl.gz, tatoeba_en_de.tsv.gz, recognized_speech.jsonl.gz, and for
evaluation on domains never trained on snips.jsonl.gz and taskmaster4_coffee.jsonl.gz; CARD.md names their sources and
licences. A turn is cut at random places; a cut at the end of one of its sentences counts as an end. Orders from a
grammar (orders.py) are added.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from duplex.models.turn_taking.end_of_turn import BUCKETS, WEIGHTS, end_of_turn_score, features, spoken_words
from duplex.models.turn_taking.train.orders import beginnings, orders
from duplex.models.turn_taking.train.orders import whole as without_marks

Turn = list[list[str]]
"""A turn as the words of its sentences."""
MOST, ORDERS = 700_000, 60_000
"""Samples of the corpora, and orders of the grammar, that are trained on."""


def turns(texts: Iterable[str]) -> Iterator[Turn]:
    for text in texts:
        sentences = [spoken_words(sentence) for sentence in re.split(r"(?<=[.?!])\s+", text)]
        if any(sentences):
            yield [sentence for sentence in sentences if sentence]


def sgd(folder: Path, split: str) -> Iterator[str]:
    """What users say in the Schema-Guided Dialogues."""
    for dialogue in _lines(folder / "sgd_dialogues.jsonl.gz"):
        if dialogue["split"] == split:
            yield from (text for speaker, text, _ in dialogue["turns"] if speaker == "U")


def clinc(folder: Path, split: str) -> Iterator[str]:
    yield from (row["text"] for row in _lines(folder / "clinc150.jsonl.gz") if row["split"] == split)


def recognized(folder: Path) -> Iterator[str]:
    """What Moonshine tiny makes of such turns, spoken by synthesizers in quiet and in noise: its errors."""
    yield from (row["recognized"] for row in _lines(folder / "recognized_speech.jsonl.gz"))


def snips(folder: Path) -> Iterator[str]:
    yield from ("".join(part["text"] for part in row["parts"]) for row in _lines(folder / "snips.jsonl.gz"))


def coffee(folder: Path) -> Iterator[str]:
    for dialogue in _lines(folder / "taskmaster4_coffee.jsonl.gz"):
        yield from (text for speaker, text in dialogue["turns"] if speaker == "user")


def tatoeba(folder: Path) -> Iterator[str]:
    """English sentences, each once."""
    with gzip.open(folder / "tatoeba_en_de.tsv.gz", "rt", encoding="utf-8") as rows:
        yield from dict.fromkeys(row.split("\t")[0] for row in rows)


def samples(source: Iterable[Turn], cuts: int, rng: random.Random, *, inner: bool) -> Iterator[tuple[list[str], bool]]:
    """(words, whether they are whole): every turn, `cuts` beginnings of it, and if `inner` its first sentences."""
    for turn in source:
        words = [word for sentence in turn for word in sentence]
        ends = set(np.cumsum([len(sentence) for sentence in turn]).tolist())
        yield words, True
        if inner:
            yield from ((words[:end], True) for end in ends if end < len(words))
        places = [place for place in range(1, len(words)) if place not in ends]
        yield from ((words[:place], False) for place in rng.sample(places, min(cuts, len(places))))


def train(data: Path, *, epochs: int = 3, seed: int = 0) -> None:
    """Fits the weights and writes them as int8."""
    import torch  # only training needs it

    torch.manual_seed(seed)
    rng = random.Random(seed)
    labelled = [
        sample
        for texts, cuts in (
            (sgd(data, "train"), 2),
            (clinc(data, "train"), 4),
            (tatoeba(data), 1),
            (recognized(data), 2),
        )
        for sample in samples(turns(texts), cuts, rng, inner=True)
    ]
    rng.shuffle(labelled)
    labelled = labelled[:MOST]
    spoken = list(orders(ORDERS, rng))
    labelled += [(without_marks(words), True) for words in spoken]
    cut = list(beginnings(spoken))
    labelled += [(words, False) for words in rng.sample(cut, min(len(cut), 2 * ORDERS))]
    buckets = [np.fromiter(features(words), np.int64) for words, _ in labelled]
    whole = torch.tensor([is_whole for _, is_whole in labelled], dtype=torch.float32)
    # Both classes weigh the same, so that 0.5 means "cannot tell".
    weight = torch.where(whole > 0, 0.5 / whole.mean(), 0.5 / (1 - whole.mean()))
    table = torch.nn.EmbeddingBag(BUCKETS, 1, mode="sum")
    torch.nn.init.zeros_(table.weight)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.02)
    steps = epochs * (len(whole) // 2048 + 1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, steps)
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(whole)).split(2048):
            rows = [buckets[place] for place in batch.tolist()]
            starts = torch.from_numpy(np.cumsum([0, *(len(row) for row in rows[:-1])]))
            logits = table(torch.from_numpy(np.concatenate(rows)), starts).squeeze(1)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, whole[batch], weight[batch])
            optimizer.zero_grad()
            (loss + 1e-6 * table.weight.square().sum()).backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}/{epochs}: loss {total / len(whole):.4f} over {len(whole)} samples", flush=True)
    weights = table.weight.detach().squeeze(1).numpy()
    scale = np.float32(np.abs(weights).max() / 127)
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file({"weights": np.round(weights / scale).astype(np.int8), "scale": np.array([scale])}, WEIGHTS)


def evaluate(data: Path, *, seed: int = 1, most: int = 8000) -> None:
    """Prints the area under the ROC curve: whole turns against one random beginning of each."""
    sets = {
        "sgd dev": sgd(data, "dev"),
        "clinc150 val": clinc(data, "val"),
        "snips (domain not trained on)": snips(data),
        "taskmaster coffee (domain not trained on)": coffee(data),
    }
    for name, texts in sets.items():
        chosen = random.Random(seed)
        found = list(samples(list(turns(texts))[:most], 1, chosen, inner=False))
        whole = np.array([is_whole for _, is_whole in found])
        score = np.array([end_of_turn_score(" ".join(words)) for words, _ in found])
        held, cut = (score[~whole] > 0.5).mean(), (score[whole] < 0.5).mean()
        right = ((score > 0.5) == whole).mean()
        print(
            f"{name}, {len(found)} samples: AUC {area(score, whole):.3f}, accuracy {right:.3f}; "
            f"{held:.1%} of beginnings pass for whole, {cut:.1%} of wholes for beginnings"
        )


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    wins = ranks[positive].sum() - positive.sum() * (positive.sum() + 1) / 2
    return float(wins / (positive.sum() * (~positive).sum()))


def _lines(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="only evaluate the weights that are there")
    arguments = parser.parse_args()
    if not arguments.evaluate:
        train(arguments.data)
    evaluate(arguments.data)

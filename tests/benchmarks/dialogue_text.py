"""Written dialogues as text for language models: one long stream, or the turns of each."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

ROLES = {"U": "user", "S": "assistant", "user": "user", "assistant": "assistant"}


def dialogues(folder: Path, seed: int = 0) -> list[list[tuple[str, str]]]:
    """The task dialogues of the data folder `folder`, each as (role, text) by turn; shuffled, as they lie by domain."""
    found = []
    for name in ("sgd_dialogues", "taskmaster4_coffee"):
        with gzip.open(folder / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            found += [[(ROLES[turn[0]], turn[1]) for turn in json.loads(line)["turns"]] for line in file]
    random.Random(seed).shuffle(found)
    return found


def prose(folder: Path) -> Iterator[str]:
    """A line for each turn, an empty one behind each dialogue."""
    for dialogue in dialogues(folder):
        yield "".join(f"{role.capitalize()}: {text}\n" for role, text in dialogue) + "\n"


def token_stream(tokenizer: object, folder: Path, count: int) -> list[int]:
    """The first `count` token ids of the dialogues; fewer where there are not so many, as none comes twice."""
    ids: list[int] = []
    for text in prose(folder):
        if len(ids) >= count:
            break
        ids += tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    return ids[:count]

"""The command of `training.py`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import torch

from duplex.models.corpora.manifest import data_folder
from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.train.examples import Examples, Recipe, held_out
from duplex.models.interaction.nano.train.speech import HELD_OUT, Manner
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.training import Plan, Training, make_vocabulary
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.validation import Validation
from duplex.models.interaction.nano.vocabulary import Vocabulary

CHOICES = (NanoConfig, Plan, Recipe)
"""Every field of these is an option of its own name; what it means is told there."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train Duplex-nano; the same command goes on where it stopped.")
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoints, vocabulary and log")
    parser.add_argument("--data", help="folder with manifest.jsonl and text/ (default: $DUPLEX_DATA)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="computing time in all (default: no end)")
    parser.add_argument("--streams", type=int, default=80, help="held-out streams of a validation (default 80)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    field_options(parser, CHOICES)
    return parser


def field_options(parser: argparse.ArgumentParser, choices: Iterable[type[Any]]) -> None:
    """An option for every field of the dataclasses `choices`."""
    for choice in choices:
        group = parser.add_argument_group(choice.__name__)
        for field in fields(choice):
            option = f"--{field.name.replace('_', '-')}"
            group.add_argument(option, type=type(field.default), default=field.default, help=f"default {field.default}")


def chosen(choice: type[Any], arguments: argparse.Namespace) -> Any:
    """The dataclass `choice` of the options."""
    return choice(**{field.name: getattr(arguments, field.name) for field in fields(choice)})


def main() -> None:
    arguments = parser().parse_args()
    config, plan, recipe = (chosen(choice, arguments) for choice in CHOICES)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder, understanding = data_folder(arguments.data), Understanding()
    texts, path = load_texts(folder, "train"), arguments.out / "vocabulary.model"
    make_vocabulary(path, texts, understanding, config, recipe.seed)
    vocabulary = Vocabulary(path)

    def validation() -> Validation:
        unseen = Simulation(load_texts(folder, "valid"), HELD_OUT, understanding)
        return Validation(held_out(unseen, vocabulary, recipe, arguments.streams))

    examples = Examples(Simulation(texts, Manner(), understanding), vocabulary, recipe)
    Training(arguments.out, examples, config, plan).run(cache(validation), arguments.minutes)


if __name__ == "__main__":
    main()

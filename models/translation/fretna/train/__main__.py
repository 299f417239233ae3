"""The command of `training.py`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...train.corpus import read_pairs, split, text_folder
from ...train.options import begun, run_options
from ...train.weights_file import load_weights
from ...vocabulary import Vocabulary
from .examples import Chains, Recipe
from .training import Plan, Training
from .validation import Validation


def main() -> None:
    parser = argparse.ArgumentParser(description="Train FReTNA; the same command goes on where it stopped.")
    run_options(parser, Plan())
    parser.add_argument("--teacher", required=True, type=Path, help="folder of the translator's training")
    parser.add_argument("--chains", required=True, type=Path, help="folder that distill.py wrote")
    arguments = parser.parse_args()
    plan, teacher = begun(Plan(), arguments), arguments.teacher
    held_out = split(read_pairs(text_folder(arguments.data)))["valid"]
    validation = Validation(held_out, Vocabulary(teacher / "vocabulary.model"))
    network = load_weights(teacher / "best.safetensors")
    training = Training(arguments.out, network, Chains(arguments.chains, Recipe()), plan)
    training.run(validation, arguments.minutes, arguments.cool_down)


if __name__ == "__main__":
    main()

"""The command of `training.py`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch

from ...train.corpus import read_pairs, split, text_folder
from ...train.weights_file import load_weights
from ...vocabulary import Vocabulary
from .examples import Chains, Recipe
from .training import Plan, Training
from .validation import Validation


def main() -> None:
    plan = Plan()
    parser = argparse.ArgumentParser(description="Train FReTNA; the same command goes on where it stopped.")
    parser.add_argument("--teacher", required=True, help="folder of the translator's training")
    parser.add_argument("--chains", required=True, help="folder that distill.py wrote")
    parser.add_argument("--out", required=True, help="folder of checkpoints and log")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="computing time in all (default: no end)")
    parser.add_argument("--cool-down", type=int, default=0, help="end within so many steps, the rate falling to 0")
    parser.add_argument("--rate", type=float, default=plan.rate, help=f"peak learning rate (default {plan.rate})")
    parser.add_argument("--check", type=float, default=plan.check, help=f"minutes between validations ({plan.check})")
    parser.add_argument("--save", type=float, default=plan.save, help=f"minutes between checkpoints ({plan.save})")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    teacher, out = Path(arguments.teacher), Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    plan = Plan(rate=arguments.rate, check=arguments.check, save=arguments.save)
    held_out = split(read_pairs(text_folder(arguments.data)))["valid"]
    validation = Validation(held_out, Vocabulary(teacher / "vocabulary.model"))
    training = Training(out, load_weights(teacher / "best.safetensors"), Chains(Path(arguments.chains), Recipe()), plan)
    training.run(validation, arguments.minutes, arguments.cool_down)


if __name__ == "__main__":
    main()

"""The command of `training.py`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch

from ..config import TranslatorConfig
from .examples import Examples, Recipe
from .training import Plan, Training, prepare
from .validation import Validation


def main() -> None:
    plan, config = Plan(), TranslatorConfig()
    parser = argparse.ArgumentParser(description="Train the translator; the same command goes on where it stopped.")
    parser.add_argument("--out", required=True, help="folder of checkpoints, vocabulary and log")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="computing time in all (default: no end)")
    parser.add_argument("--cool-down", type=int, default=0, help="end within so many steps, the rate falling to 0")
    parser.add_argument("--rate", type=float, default=plan.rate, help=f"peak learning rate (default {plan.rate})")
    parser.add_argument("--check", type=float, default=plan.check, help=f"minutes between validations ({plan.check})")
    parser.add_argument("--save", type=float, default=plan.save, help=f"minutes between checkpoints ({plan.save})")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(seed=arguments.seed)
    plan = Plan(rate=arguments.rate, check=arguments.check, save=arguments.save, recipe=recipe)
    parts, vocabulary, noise = prepare(arguments.data, out, config.vocabulary, arguments.seed)
    examples = Examples(parts["train"], vocabulary, noise, recipe)
    training = Training(out, examples, vocabulary, config, plan)
    training.run(Validation(parts["valid"], vocabulary, noise, plan.sentences), arguments.minutes, arguments.cool_down)


if __name__ == "__main__":
    main()

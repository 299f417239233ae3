"""The command of `training.py`."""

from __future__ import annotations

import argparse

from ..config import TranslatorConfig
from .examples import Examples, Recipe
from .options import begun, run_options
from .training import Plan, Training, prepare
from .validation import Validation


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the translator; the same command goes on where it stopped.")
    run_options(parser, Plan())
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    out, config, recipe = arguments.out, TranslatorConfig(), Recipe(seed=arguments.seed)
    plan = begun(Plan(recipe=recipe), arguments)
    parts, vocabulary, noise = prepare(arguments.data, out, config.vocabulary, arguments.seed)
    examples = Examples(parts["train"], vocabulary, noise, recipe)
    training = Training(out, examples, vocabulary, config, plan)
    training.run(Validation(parts["valid"], vocabulary, noise, plan.sentences), arguments.minutes, arguments.cool_down)


if __name__ == "__main__":
    main()

"""The command of `training.py`."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import torch

from duplex.models.corpora.manifest import data_folder
from duplex.models.interaction.adapter.spelling import CONTROL
from duplex.models.interaction.adapter.train.answers import AnswerRecipe
from duplex.models.interaction.adapter.train.decisions import DecisionRecipe, decision_pack
from duplex.models.interaction.adapter.train.training import Examples, Plan, Training
from duplex.models.interaction.adapter.train.validation import Validation
from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.decider.control_token import control_tokens
from duplex.models.interaction.nano.train.__main__ import chosen, field_options
from duplex.models.interaction.nano.train.speech import HELD_OUT, Manner
from duplex.models.interaction.nano.train.streams import Mixture, Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.understood import Understanding

BASE = "smollm2-135m-instruct"
REQUESTS = Mixture(dialogues=0.25, orders=0.75, over=0.0, aside=0.0, event=0.0, echo=(0.0,))
"""Streams for answers."""
CHOICES = (Plan, DecisionRecipe, AnswerRecipe)
"""Every field of these is an option of its own name; what it means is told there."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train an adapter; the same command goes on where it stopped.")
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoints and log")
    parser.add_argument("--data", help="folder with manifest.jsonl and text/ (default: $DUPLEX_DATA)")
    parser.add_argument("--base", default=BASE, help=f"the model that is adapted (default {BASE})")
    parser.add_argument("--held-out", type=int, default=12, help="streams of a validation (default 12)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    field_options(parser, CHOICES)
    return parser


def main() -> None:
    arguments = parser().parse_args()
    plan, decisions, answers = (chosen(choice, arguments) for choice in CHOICES)
    torch.set_num_threads(arguments.threads)
    folder, understanding = data_folder(arguments.data), Understanding()
    tokenizer, model = load_causal(arguments.base)
    control = control_tokens(arguments.base, tokenizer, CONTROL)

    def examples(split: str, manner: Manner) -> Examples:
        texts = load_texts(folder, split)  # type: ignore[arg-type]
        talk, requests = (Simulation(texts, manner, understanding, mixture) for mixture in (None, REQUESTS))
        return Examples(talk, requests, tokenizer, control, decisions, answers)

    def validation() -> Validation:
        unseen, streams = examples("valid", HELD_OUT), range(arguments.held_out)
        blocks = [unseen.talk.stream(f"valid {number}").blocks for number in streams]
        return Validation(
            [decision_pack(each, unseen.encode, control) for each in blocks],
            [unseen.answer(f"valid {number}") for number in streams],
            control,
            tokenizer.encode('{"', add_special_tokens=False),
        )

    made = examples("train", Manner())
    Training(arguments.out, model, arguments.base, made, plan).run(cache(validation))


if __name__ == "__main__":
    main()

"""The options that trainings of a translator share."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from duplex.models.corpora.averaged_run import Schedule

S = TypeVar("S", bound=Schedule)


def run_options(parser: argparse.ArgumentParser, plan: Schedule) -> None:
    """Adds them, with the plan's values as defaults."""
    parser.add_argument("--out", required=True, type=Path, help="folder of checkpoints and log")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="computing time in all (default: no end)")
    parser.add_argument("--cool-down", type=int, default=0, help="end within so many steps, the rate falling to 0")
    parser.add_argument("--rate", type=float, default=plan.rate, help=f"peak learning rate (default {plan.rate})")
    parser.add_argument("--check", type=float, default=plan.check, help=f"minutes between validations ({plan.check})")
    parser.add_argument("--save", type=float, default=plan.save, help=f"minutes between checkpoints ({plan.save})")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")


def begun(plan: S, arguments: argparse.Namespace) -> S:
    """The plan as the options have it; the folder is made, and torch given its threads."""
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    return replace(plan, rate=arguments.rate, check=arguments.check, save=arguments.save)

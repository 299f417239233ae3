"""Coins, dice and numbers by chance; drawn from the moment of the request, so that a recording gives the same again."""

from __future__ import annotations

import random

from duplex.models.interaction.contract import Request
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError

MOST_DICE = 6


@builtin(say=lambda facts: f"{facts['side']}.")
def flip_coin(context: Context) -> Facts:
    """Flip a coin."""
    return {"side": _by(context.request).choice(("Heads", "Tails"))}


@builtin(say=lambda facts: f"{', '.join(map(str, facts['dice']))}.")
def roll_dice(context: Context, count: int = 1) -> Facts:
    """Roll dice.

    count: how many, at most six
    """
    if not 1 <= count <= MOST_DICE:
        raise ToolError("I roll one to six dice.")
    by = _by(context.request)
    return {"dice": [by.randint(1, 6) for _ in range(count)]}


@builtin(say=lambda facts: f"{facts['number']}.")
def random_number(context: Context, low: int = 1, high: int = 10) -> Facts:
    """Pick a whole number by chance.

    low: the least that it may be
    high: the greatest
    """
    low, high = sorted((low, high))
    return {"number": _by(context.request).randint(low, high)}


def _by(request: Request) -> random.Random:
    return random.Random(f"{request.now:.3f} {len(request.history)} {request.wall_time.isoformat()}")

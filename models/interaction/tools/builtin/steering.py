"""Steering the conversation itself: again, louder, slower, stop."""

from __future__ import annotations

from typing import Literal

from duplex.models.interaction.contract import Control
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts

LOUDER, QUIETER = 1.5, 1 / 1.5
FASTER, SLOWER = 1.2, 1 / 1.2
"""Factors of the level and of the rate."""

_VOLUME = {"louder": LOUDER, "quieter": QUIETER}
_RATE = {"faster": FASTER, "slower": SLOWER}


@builtin(say=lambda facts: "Is this better?")
def change_volume(context: Context, change: Literal["louder", "quieter"]) -> Facts:
    """Speak louder or quieter from now on.

    change: which of the two
    """
    context.controls.append(Control("volume", value=_VOLUME[change]))
    return {"volume": change}


@builtin(say=lambda facts: f"I will speak {facts['speech']}.")
def change_rate(context: Context, change: Literal["faster", "slower"]) -> Facts:
    """Speak faster or slower from now on.

    change: which of the two
    """
    context.controls.append(Control("rate", value=_RATE[change]))
    return {"speech": change}


@builtin(say=lambda facts: "")
def repeat(
    context: Context, manner: Literal["as before", "louder", "quieter", "faster", "slower"] = "as before"
) -> Facts:
    """Say the last answer once more.

    manner: how
    """
    if manner in _VOLUME:
        context.controls.append(Control("volume", value=_VOLUME[manner]))
    if manner in _RATE:
        context.controls.append(Control("rate", value=_RATE[manner]))
    context.controls.append(Control("repeat"))
    return {"repeated": manner}


@builtin(say=lambda facts: "")
def stop(context: Context) -> Facts:
    """Say no more."""
    context.controls.append(Control("stop"))
    return {"stopped": True}

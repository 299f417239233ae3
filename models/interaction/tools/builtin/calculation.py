"""Sums and averages, exactly where that can be."""

from __future__ import annotations

from fractions import Fraction

from duplex.models.interaction.skills.numbers import exact, round_significant, written
from duplex.models.interaction.skills.sums import Undefined, evaluate
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError


def _say_sum(facts: Facts) -> str:
    if "undefined" in facts:
        return str(facts["undefined"])
    said = facts["expression"]
    return f"{said[0].upper()}{said[1:]} is {facts['result']}."


@builtin(say=_say_sum)
def calculate(context: Context, expression: str) -> Facts:
    """Calculate a sum.

    expression: in signs or in words: "12 * 7", "15 percent of 80", "the square root of two"
    """
    try:
        found = evaluate(plain(expression).split())
    except Undefined as error:
        return {"undefined": str(error)}
    if found is None:
        raise ToolError(f"I cannot calculate {expression}.")
    value, said, is_exact = found
    return {"expression": said, "result": _rounded(value) if is_exact else f"about {written(value)}"}


@builtin(say=lambda facts: f"The average is {facts['average']}.")
def average(context: Context, numbers: list[float]) -> Facts:
    """Tell the average of two or more numbers.

    numbers: the numbers
    """
    if len(numbers) < 2:
        raise ToolError("An average needs two numbers or more.")
    return {"average": _rounded(sum(map(exact, numbers), Fraction(0)) / len(numbers))}


def _rounded(value: Fraction) -> str:
    digits = max(6, len(str(abs(int(value)))) + 2)
    near = round_significant(value, digits)
    return written(value, digits=digits) if near == value else f"about {written(value, digits=max(4, digits - 4))}"

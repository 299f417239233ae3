"""Conversion between units of measure."""

from __future__ import annotations

from fractions import Fraction

from duplex.models.interaction.skills.measures import alike, is_money, measure, parse_quantity, parse_unit
from duplex.models.interaction.skills.numbers import round_significant
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError


def _say_converted(facts: Facts) -> str:
    if "impossible" in facts:
        return str(facts["impossible"])
    said = facts["quantity"]
    return f"{said[0].upper()}{said[1:]} {facts['verb']} {facts['result']}."


@builtin(say=_say_converted)
def convert_units(context: Context, quantity: str, unit: str) -> Facts:
    """Convert a quantity to another unit of measure.

    quantity: what is converted: "10 miles", "six feet two inches", "70 degrees fahrenheit"
    unit: what it is wanted in, such as kilometers
    """
    source, wanted = plain(quantity).split(), plain(unit).split()
    terms, target = parse_quantity(source), parse_unit(wanted)
    if terms is None and is_money(source) and is_money(wanted):
        return {"impossible": "I have no exchange rates."}
    if terms is None or target is None:
        raise ToolError(f"I do not know the {'quantity ' + quantity if terms is None else 'unit ' + unit}.")
    terms = [(value, alike(source_unit, target)) for value, source_unit in terms]
    target = alike(target, terms[0][1])
    if any(each.quantity != target.quantity for _, each in terms):
        return {"impossible": f"{terms[0][1].many.capitalize()} cannot be converted to {target.many}."}
    if all(each == target for _, each in terms):
        raise ToolError(f"{quantity} is in {target.many} already.")
    base = sum((value * each.size + each.offset for value, each in terms), Fraction(0))
    result = (base - target.offset) / target.size
    near = round_significant(result, 4)
    about = "" if near == result else "about "
    verb = "is" if len(terms) > 1 or terms[0][0] <= 1 or about or near <= 1 else "are"
    said = " and ".join(measure(value, each) for value, each in terms)
    return {"quantity": said, "verb": verb, "result": f"{about}{measure(result, target)}"}

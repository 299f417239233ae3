"""Measures as people say them: units by name, and quantities such as "six feet two inches"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from duplex.models.interaction.skills.numbers import HOMOPHONES, counted, take_number, written
from duplex.models.turn_taking.word_lists import word_set

# quantity: unit = size in the quantity's base unit: names (the first two are said: singular, plural)
_TABLE = """
length: 0.000001: micrometer, micrometers, micron, microns
length: 0.001: millimeter, millimeters, mm, millimeter's
length: 0.01: centimeter, centimeters, cm
length: 1: meter, meters, m
length: 1000: kilometer, kilometers, km, kilometer's, kay, klicks
length: 0.0254: inch, inches, in
length: 0.3048: foot, feet, ft
length: 0.9144: yard, yards, yd
length: 1609.344: mile, miles, mi
length: 1852: nautical mile, nautical miles
length: 9460730472580800: light year, light years
mass: 0.000001: milligram, milligrams, mg
mass: 0.001: gram, grams, g
mass: 1: kilogram, kilograms, kilo, kilos, kg
mass: 1000: metric ton, metric tons, tonne, tonnes, ton, tons
mass: 0.028349523125: ounce, ounces, oz
mass: 0.45359237: pound, pounds, lb, lbs
mass: 6.35029318: stone, stones
volume: 0.001: milliliter, milliliters, ml
volume: 0.01: centiliter, centiliters, cl
volume: 0.1: deciliter, deciliters
volume: 1: liter, liters, l
volume: 1000: cubic meter, cubic meters
volume: 0.0295735295625: fluid ounce, fluid ounces
volume: 0.2365882365: cup, cups
volume: 0.473176473: pint, pints
volume: 0.946352946: quart, quarts
volume: 3.785411784: gallon, gallons
volume: 0.01478676478125: tablespoon, tablespoons
volume: 0.00492892159375: teaspoon, teaspoons
time: 0.001: millisecond, milliseconds, ms
time: 1: second, seconds
time: 60: minute, minutes
time: 3600: hour, hours
time: 86400: day, days
time: 604800: week, weeks
time: 2629746: month, months
time: 31556952: year, years
time: 315569520: decade, decades
time: 3155695200: century, centuries
speed: 1: meter per second, meters per second, m/s
speed: 5/18: kilometer per hour, kilometers per hour, km/h, kilometers an hour, kph
speed: 0.44704: mile per hour, miles per hour, mph, miles an hour
speed: 463/900: knot, knots
area: 0.0001: square centimeter, square centimeters
area: 1: square meter, square meters
area: 1000000: square kilometer, square kilometers
area: 10000: hectare, hectares
area: 4046.8564224: acre, acres
area: 0.09290304: square foot, square feet
area: 2589988.110336: square mile, square miles
energy: 1: joule, joules
energy: 1000: kilojoule, kilojoules
energy: 4.184: calorie, calories
energy: 4184: kilocalorie, kilocalories
energy: 3600000: kilowatt hour, kilowatt hours
power: 1: watt, watts
power: 1000: kilowatt, kilowatts
power: 745.699871582: horsepower, horsepower
pressure: 100: hectopascal, hectopascals
pressure: 100000: bar, bars
pressure: 6894.757293168: pound per square inch, pounds per square inch, psi
pressure: 101325: atmosphere, atmospheres
data: 1: byte, bytes
data: 0.125: bit, bits
data: 1000: kilobyte, kilobytes
data: 1000000: megabyte, megabytes, mb
data: 1000000000: gigabyte, gigabytes, gb, gigs
data: 1000000000000: terabyte, terabytes, tb
angle: 1: degree, degrees
angle: 57.29577951308232: radian, radians
"""
_TEMPERATURES = {
    "celsius": "celsius",
    "centigrade": "celsius",
    "c": "celsius",
    "fahrenheit": "fahrenheit",
    "f": "fahrenheit",
    "kelvin": "kelvin",
    "kelvins": "kelvin",
}
_CURRENCIES = word_set("dollar dollars euro euros yen rupee rupees peso pesos franc francs sterling yuan crowns")


@dataclass(frozen=True, slots=True)
class Unit:
    quantity: str
    size: Fraction
    one: str
    many: str
    offset: Fraction = Fraction(0)
    """Base value at zero of the unit; only temperatures have one."""


def _units() -> dict[str, Unit]:
    table = {}
    for line in _TABLE.strip().splitlines():
        quantity, size, names = line.split(": ")
        one, many, *_ = spoken = names.split(", ")
        table.update(dict.fromkeys(spoken, Unit(quantity, Fraction(size), one, many)))
    fahrenheit = Fraction(5, 9)
    zero = Fraction("459.67") * fahrenheit
    scales = {
        "celsius": Unit("temperature", Fraction(1), "degree Celsius", "degrees Celsius", Fraction("273.15")),
        "fahrenheit": Unit("temperature", fahrenheit, "degree Fahrenheit", "degrees Fahrenheit", zero),
        "kelvin": Unit("temperature", Fraction(1), "kelvin", "kelvins"),
    }
    for name, scale in _TEMPERATURES.items():
        for lead in ("", "degree ", "degrees "):
            table[lead + name] = scales[scale]
    return table


UNITS = _units()


def measure(value: Fraction, unit: Unit) -> str:
    """ "three feet": a value with its unit, in words."""
    number = counted(int(value)) if value.denominator == 1 and 0 <= value <= 12 else written(value)
    return f"{number} {unit.one if value == 1 else unit.many}"


def parse_unit(words: Sequence[str]) -> Unit | None:
    """The unit that the words name, else None."""
    words = [word for word in words if word not in ("the", "unit", "units", "of")]
    words = words[1:] if words[:1] in (["a"], ["an"]) else words
    return UNITS.get(" ".join(words))


def parse_quantity(words: Sequence[str]) -> list[tuple[Fraction, Unit]] | None:
    """ "six feet two inches", "a pound", "ten miles", "miles" (one of them)."""
    if (unit := UNITS.get(" ".join(words))) and len(words[0]) > 1:
        return [(Fraction(1), unit)]
    terms, at = [], 0
    while at < len(words):
        at += bool(terms) and words[at] == "and"
        taken = take_number(words, at)
        if taken is None and at + 1 < len(words) and (words[at] in ("a", "an") or words[at] in HOMOPHONES):
            taken = Fraction(HOMOPHONES.get(words[at], 1)), at + 1
        if taken is None:
            return None
        value, at = taken
        at += words[at : at + 1] in (["a"], ["an"]) or words[at : at + 1] == ["of"]
        for end in range(min(len(words), at + 4), at, -1):
            unit = UNITS.get(" ".join(words[at:end]))
            if unit:
                terms.append((value, unit))
                at = end
                break
        else:
            return None
    return terms or None


def alike(unit: Unit, other: Unit) -> Unit:
    """An ounce of volume where volumes are spoken of."""
    return UNITS["fluid ounce"] if unit.one == "ounce" and other.quantity == "volume" else unit


def is_money(words: Sequence[str]) -> bool:
    """Whether the words name a currency."""
    return bool(words) and words[-1] in _CURRENCIES

from __future__ import annotations

import pytest

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.measures import UNITS
from tests.models.interaction.asking import ask

SKILLS = Skills()

ANSWERS = [
    ("convert ten miles to kilometers", "Ten miles is about 16.09 kilometers."),
    ("what is ten miles in kilometres", "Ten miles is about 16.09 kilometers."),
    ("to miles in kilometers", "Two miles is about 3.219 kilometers."),
    ("how many feet are in two meters", "Two meters is about 6.562 feet."),
    ("how many ounces in a pound", "One pound is 16 ounces."),
    ("how many ounces are in a cup", "One cup is eight fluid ounces."),
    ("how many inches are in a foot", "One foot is twelve inches."),
    ("how many seconds in a day", "One day is 86,400 seconds."),
    ("how tall is six feet two inches in centimeters", "Six feet and two inches is about 188 centimeters."),
    ("what is seventy degrees fahrenheit in celsius", "70 degrees Fahrenheit is about 21.11 degrees Celsius."),
    ("0°C in °F", "Zero degrees Celsius is 32 degrees Fahrenheit."),
    ("minus forty celsius in fahrenheit", "Minus 40 degrees Celsius is minus 40 degrees Fahrenheit."),
    ("100 km/h in mph", "100 kilometers per hour is about 62.14 miles per hour."),
    ("convert 36 kilometers per hour to meters per second", "36 kilometers per hour are ten meters per second."),
    ("how do you convert pounds to grams", "One pound is about 453.6 grams."),
    ("what is the conversion between tablespoons and teaspoons", "One tablespoon is three teaspoons."),
    ("how many miles in a kilometer", "One kilometer is about 0.6214 miles."),
    ("12 feet is equal to how many inches", "Twelve feet are 144 inches."),
    ("convert five kilos to meters", "Kilograms cannot be converted to meters."),
    ("what is ten dollars in euros", "I have no exchange rates."),
]


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_answers(text, answer):
    assert ask(SKILLS, text) == (answer, [])


@pytest.mark.parametrize(
    ("unit", "other", "factor"),
    [
        ("mile", "kilometer", 1.609344),
        ("gallon", "liter", 3.785411784),
        ("stone", "pound", 14),
        ("acre", "square foot", 43560),
    ],
)
def test_sizes_agree_with_their_definitions(unit, other, factor):
    assert float(UNITS[unit].size / UNITS[other].size) == pytest.approx(factor, rel=1e-9)

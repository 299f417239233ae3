"""A parser of spoken sums: words → an exact value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NoReturn

from duplex.models.interaction.skills.numbers import HOMOPHONES, parse_ordinal, take_number, written

LARGEST = 10**60

_BINARY = {
    ("plus",): "+",
    ("added", "to"): "+",
    ("minus",): "-",
    ("less",): "-",
    ("take", "away"): "-",
    ("times",): "*",
    ("time",): "*",
    ("multiplied", "by"): "*",
    ("multiplied", "with"): "*",
    ("x",): "*",
    ("divided", "by"): "/",
    ("over",): "/",
    ("by",): "/",
    ("modulo",): "%",
    ("mod",): "%",
    ("to", "the", "power", "of"): "^",
    ("to", "the", "power"): "^",
    ("raised", "to"): "^",
    ("raised", "to", "the", "power", "of"): "^",
    ("of",): "of",
    ("off",): "off",
    ("off", "of"): "off",
    ("tip", "on"): "of",
    ("tip", "for"): "of",
    ("percent",): "percent",
    ("squared",): "squared",
    ("cubed",): "cubed",
    ("factorial",): "!",
    ("dollars",): "unit",
    ("dollar",): "unit",
    ("euros",): "unit",
}
_ROOTS = {
    ("the", "square", "root", "of"): 2,
    ("square", "root", "of"): 2,
    ("the", "root", "of"): 2,
    ("root", "of"): 2,
    ("the", "cube", "root", "of"): 3,
    ("cube", "root", "of"): 3,
}
_FACTORS = {("twice",): 2, ("double",): 2, ("triple",): 3, ("half", "of"): Fraction(1, 2), ("half",): Fraction(1, 2)}
_SPOKEN = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divided by",
    "%": "modulo",
    "^": "to the power of",
    "!": "factorial",
}


class Undefined(Exception):
    """What was asked has no value, or none that could be said; the message says so."""


def evaluate(words: Sequence[str]) -> tuple[Fraction, str, bool] | None:
    """(value, the sum in writing, exact); None if `words` are no sum. Raises Undefined if it has no value.

    Usual precedence: power, then percent and "of", then times and divided, then plus and minus.
    """
    parser = _Parser(words)
    try:
        value = parser.sum()
    except _NoSum:
        return None
    return (value, " ".join(parser.said), parser.exact) if parser.at == len(words) and parser.operations else None


class _NoSum(Exception):
    pass


class _Parser:
    """Recursive descent over words; `said` gathers the sum as it should be read back."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.at = 0
        self.said: list[str] = []
        self.operations = 0
        self.exact = True

    def sum(self) -> Fraction:
        value = self.product()
        while operator := self.take("+", "-"):
            right = self.product()
            value = value + right if operator == "+" else value - right
        return value

    def product(self) -> Fraction:
        value = self.share()
        while operator := self.take("*", "/", "%"):
            right = self.share()
            if operator != "*" and right == 0:
                self.by_zero()
            value = value * right if operator == "*" else value / right if operator == "/" else value % right
        return self.checked(value)

    def share(self) -> Fraction:
        """ "15 percent of 80", "20 percent off 50", "three quarters of 12"."""
        value = self.power()
        if "over" in self.words[self.at : self.at + 1] and "of" in self.words[self.at + 2 : self.at + 3]:
            self.take("/")
            value = value / (self.power() or self.by_zero())  # "3 over 4 of 18", from "3/4 of 18"
        if self.take("percent"):
            part = value / 100
            self.said.append("percent")
            if self.take("of"):
                self.said.append("of")
                return part * self.share()
            if self.take("off"):
                self.said.append("off")
                return (1 - part) * self.share()
            return part
        if value.denominator > 1 and self.take("of"):
            self.said.append("of")
            return value * self.share()
        return value

    def power(self) -> Fraction:
        value = self.number()
        while operator := self.take("^", "squared", "cubed", "!", "unit") or self.take_ordinal_power():
            if operator == "unit":
                self.said.append(self.words[self.at - 1])
                self.operations -= 1
            elif operator == "!":
                if value.denominator != 1 or not 0 <= value <= 40:
                    raise Undefined("I can do factorials of whole numbers up to forty.")
                value = Fraction(math.factorial(int(value)))
            elif operator.isdecimal():
                value = self.raised(value, Fraction(int(operator)))
            elif operator == "^":
                value = self.raised(value, self.power())
            else:
                self.said.append(operator)
                value = self.raised(value, Fraction(2 if operator == "squared" else 3))
        return value

    def number(self) -> Fraction:
        for opening, degree in _ROOTS.items():
            if self.skip(opening):
                self.operations += 1
                self.said.extend([*opening])
                return self.root(self.number(), degree)
        for opening, factor in _FACTORS.items():
            if tuple(self.words[self.at : self.at + len(opening)]) == opening and self.at + len(opening) < len(
                self.words
            ):
                start = self.at
                self.skip(opening)
                self.said.extend(opening)
                try:
                    value = factor * self.number()
                except _NoSum:
                    self.at = start
                    del self.said[-len(opening) :]
                    break
                self.operations += 1
                return value
        if self.words[self.at : self.at + 1] in (["a"], ["an"]) and take_number(self.words, self.at) is None:
            self.at += 1
        taken = take_number(self.words, self.at)
        if taken is None and self.at < len(self.words) and self.words[self.at] in HOMOPHONES:
            taken = Fraction(HOMOPHONES[self.words[self.at]]), self.at + 1
        if taken is None:
            raise _NoSum
        start, (value, self.at) = self.at, taken
        spoken = self.words[start : self.at]
        decimal = "point" in spoken or "." in spoken[0]
        self.said.append(written(value, digits=12) if value.denominator == 1 or decimal else " ".join(spoken))
        return value

    def raised(self, base: Fraction, exponent: Fraction) -> Fraction:
        if base == 0 and exponent < 0:
            self.by_zero()
        if abs(exponent) * math.log10(max(abs(base), 1 / abs(base)) if base else 1) > 60:
            raise Undefined("That number is too large for me.")
        if exponent.denominator == 1:
            return base ** int(exponent)
        if base < 0:
            raise Undefined("A root of a negative number is no real number.")
        self.exact = False
        return Fraction(float(base) ** float(exponent))

    def root(self, value: Fraction, degree: int) -> Fraction:
        if value < 0 and degree == 2:
            raise Undefined("A root of a negative number is no real number.")
        sign = -1 if value < 0 else 1
        found = Fraction(abs(float(value)) ** (1 / degree))
        near = Fraction(round(found * 1000), 1000)
        if near**degree == abs(value):
            return sign * near
        self.exact = False
        return sign * found

    def by_zero(self) -> NoReturn:
        raise Undefined("Dividing by zero has no answer.")

    def checked(self, value: Fraction) -> Fraction:
        if abs(value) > LARGEST:
            raise Undefined("That number is too large for me.")
        return value

    def take(self, *wanted: str) -> str:
        """The operator at this place if it is one of `wanted`, moving past it; else empty."""
        for length in (5, 4, 3, 2, 1):
            operator = _BINARY.get(tuple(self.words[self.at : self.at + length]), "")
            if operator in wanted and len(self.words) >= self.at + length:
                self.at += length
                self.operations += 1
                if operator in _SPOKEN:
                    self.said.append(_SPOKEN[operator])
                return operator
        return ""

    def take_ordinal_power(self) -> str:
        """The exponent of "to the sixth power"; else empty."""
        rest = self.words[self.at :]
        if rest[:2] != ["to", "the"] or rest[3:4] != ["power"]:
            return ""
        exponent = parse_ordinal(rest[2:3])
        if exponent is None:
            return ""
        self.at += 4
        self.operations += 1
        self.said.append(f"to the power of {exponent}")
        return str(exponent)

    def skip(self, opening: tuple[str, ...]) -> bool:
        if tuple(self.words[self.at : self.at + len(opening)]) != opening:
            return False
        self.at += len(opening)
        return True

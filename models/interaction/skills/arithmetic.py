"""Sums as they are spoken: "twelve times seven", "fifteen percent of eighty", "the square root of two"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import round_significant, take_number, written
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.sums import Undefined, evaluate


class Arithmetic(Skill):
    title = "arithmetic"
    offer = "calculate"
    rules: ClassVar[Mapping[str, str]] = {
        "ask": "(what (is|are|does|would)|how much (is|are)|tell me|give me|what do you get if you)",
        "order": "(calculate|compute|work out|figure out|solve|find|evaluate|what is the (answer|result) (to|of))",
    }

    @phrases(
        "[and] (<ask>|<order>) [what] [is] {sum} [equal|equals|make|be|is|come to]",
        "[and] how much (does|do|would) {sum} (make|be|come to|equal)",
        "{sum} [equals|is] [what|how much]",
        "(what|how much) {sum} is",
    )
    def calculate(self, slots: Slots, request: Request) -> Reply | None:
        words = slots.words("sum")
        if words[:1] == ["the"] and words[1:2] not in (["square"], ["cube"], ["root"]):
            words = words[1:]
        return _answer(words)

    @phrases(
        "(add|what is the sum of|the sum of|sum of|sum) {one} (and|to|plus|with) {other} [for me|together]",
        "add up {one} and {other}",
    )
    def add(self, slots: Slots, request: Request) -> Reply | None:
        return _answer([*slots.words("one"), "plus", *slots.words("other")])

    @phrases("(subtract|take|take away|deduct) {one} [away] from {other}")
    def subtract(self, slots: Slots, request: Request) -> Reply | None:
        return _answer([*slots.words("other"), "minus", *slots.words("one")])

    @phrases("[what is] [the] difference (between|of) {one} and {other}")
    def difference(self, slots: Slots, request: Request) -> Reply | None:
        return _answer([*slots.words("one"), "minus", *slots.words("other")])

    @phrases("multiply {one} (by|with|and|times) {other}", "[what is] [the] product of {one} and {other}")
    def multiply(self, slots: Slots, request: Request) -> Reply | None:
        return _answer([*slots.words("one"), "times", *slots.words("other")])

    @phrases(
        "divide {one} by {other}",
        "how many times (does|can|do) {other} go into {one}",
        "[what is] [the] quotient of {one} and {other}",
    )
    def divide(self, slots: Slots, request: Request) -> Reply | None:
        return _answer([*slots.words("one"), "divided", "by", *slots.words("other")])

    @phrases(
        "[what is] [the] (average|mean) (of|between) {numbers}",
        "what is the (average|mean) of {numbers}",
    )
    def average(self, slots: Slots, request: Request) -> Reply | None:
        values, words, at = [], slots.words("numbers"), 0
        while at < len(words):
            taken = take_number(words, at + (words[at] == "and"))
            if taken is None:
                return None
            values.append(taken[0])
            at = taken[1]
        mean = sum(values, Fraction(0)) / len(values)
        return Reply.say(f"The average is {_rounded(mean)}.") if len(values) > 1 else None


def _answer(words: Sequence[str]) -> Reply | None:
    try:
        found = evaluate(words)
    except Undefined as error:
        return Reply.say(str(error))
    if found is None:
        return None
    value, said, exact = found
    result = _rounded(value) if exact else f"about {written(value)}"
    return Reply.say(f"{said[0].upper()}{said[1:]} is {result}.")


def _rounded(value: Fraction) -> str:
    digits = max(6, len(str(abs(int(value)))) + 2)
    near = round_significant(value, digits)
    return written(value, digits=digits) if near == value else f"about {written(value, digits=max(4, digits - 4))}"

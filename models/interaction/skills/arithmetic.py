"""Sums as they are spoken: "twelve times seven", "fifteen percent of eighty", "the square root of two"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import take_number
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class Arithmetic(Skill):
    title = "arithmetic"
    offer = "calculate"
    rules: ClassVar[Mapping[str, str]] = {
        "ask": "(what (is|are|does|would)|how much (is|are)|tell me|give me|what do you get if you)",
        "get": "(what (do|would|will) (i|you|we) get (if|when) (i|you|we)|what (is|happens) if (i|you|we))",
        "order": "(calculate|compute|work out|figure out|solve|find|evaluate|what is the (answer|result) (to|of))",
    }

    @phrases(
        "[and] (<ask>|<order>) [what] [is] {sum} [equal|equals|make|be|is|come to]",
        "[and] (how much|what) (does|do|would) {sum} (make|be|come to|equal|give)",
        "{sum} [equals|is] [what|how much]",
        "(what|how much) {sum} is",
    )
    def calculate(self, slots: Slots, request: Request) -> Reply | None:
        words = slots.words("sum")
        if words[:1] == ["the"] and words[1:2] not in (["square"], ["cube"], ["root"]):
            words = words[1:]
        return self._sum(words, request)

    @phrases(
        "[<get>] (add|what is the sum of|the sum of|sum of|sum) {one} (and|to|plus|with) {other} [for me|together]",
        "add up {one} and {other}",
    )
    def add(self, slots: Slots, request: Request) -> Reply | None:
        return self._sum([*slots.words("one"), "plus", *slots.words("other")], request)

    @phrases("[<get>] (subtract|take|take away|deduct) {one} [away] from {other}")
    def subtract(self, slots: Slots, request: Request) -> Reply | None:
        return self._sum([*slots.words("other"), "minus", *slots.words("one")], request)

    @phrases("[what is] [the] difference (between|of) {one} and {other}")
    def difference(self, slots: Slots, request: Request) -> Reply | None:
        return self._sum([*slots.words("one"), "minus", *slots.words("other")], request)

    @phrases("[<get>] multiply {one} (by|with|and|times) {other}", "[what is] [the] product of {one} and {other}")
    def multiply(self, slots: Slots, request: Request) -> Reply | None:
        return self._sum([*slots.words("one"), "times", *slots.words("other")], request)

    @phrases(
        "[<get>] divide {one} by {other}",
        "how many times (does|can|do) {other} go into {one}",
        "[what is] [the] quotient of {one} and {other}",
    )
    def divide(self, slots: Slots, request: Request) -> Reply | None:
        return self._sum([*slots.words("one"), "divided", "by", *slots.words("other")], request)

    def _sum(self, words: Sequence[str], request: Request) -> Reply | None:
        return self.call(request, "calculate", expression=" ".join(words))

    @phrases(
        "[<ask>|<order>|get] [the] (average|mean) (of|between) {numbers}",
    )
    def average(self, slots: Slots, request: Request) -> Reply | None:
        values, words, at = [], slots.words("numbers"), 0
        while at < len(words):
            taken = take_number(words, at + (words[at] == "and"))
            if taken is None:
                return None
            values.append(taken[0])
            at = taken[1]
        return self.call(request, "average", numbers=[float(value) for value in values])

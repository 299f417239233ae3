"""Coins, dice and numbers by chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases

PAIR = ("a pair of", "a couple of", "both", "both the")


class Chance(Skill):
    title = "chance"
    rules: ClassVar[Mapping[str, str]] = {"pick": "(pick|choose|give me|tell me|think of|say|draw|generate|make|get)"}

    @phrases(
        "(flip|toss|throw) [a|the|me a|us a] coin [for me|for us] [to decide|to choose]",
        "heads or tails",
        "[do|make|give me] [a] (coin flip|coin toss)",
    )
    def coin(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "flip_coin")

    @phrases(
        "(roll|throw) [a|the|me a|one] (die|dice) [for me]",
        "(roll|throw) {count} dice [for me]",
        "[do|make|give me] [a] (dice roll|dice throw|roll of the dice)",
    )
    def dice(self, slots: Slots, request: Request) -> Reply | None:
        count = 1
        if "count" in slots:
            words = ["two"] if slots["count"] in PAIR else slots.words("count")
            number = parse_number(words, homophones=True)
            if number is None or number != int(number):
                return None
            count = int(number)
        return self.call(request, "roll_dice", count=count)

    @phrases(
        "[<pick>] (a|any|a random|another|random) number (between|from) {low} (and|to) {high}",
        "<pick> (a|any|a random|another) number",
        "[a|another] random number",
    )
    def number(self, slots: Slots, request: Request) -> Reply | None:
        if "low" not in slots:
            return self.call(request, "random_number")
        first, last = parse_number(slots.words("low")), parse_number(slots.words("high"))
        if first is None or last is None or first != int(first) or last != int(last):
            return None
        return self.call(request, "random_number", low=int(first), high=int(last))

"""Coins, dice and numbers by chance; drawn from the moment of the request, so that a recording gives the same again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class Chance(Skill):
    title = "chance"
    rules: ClassVar[Mapping[str, str]] = {"pick": "(pick|choose|give me|tell me|think of|say|draw)"}

    @phrases("(flip|toss|throw) [a|the|me a] coin [for me]", "heads or tails", "(coin flip|coin toss)")
    def coin(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(_by(request).choice(("Heads.", "Tails.")))

    @phrases("(roll|throw) [a|the|me a|one] (die|dice) [for me]", "(roll|throw) {count} dice")
    def dice(self, slots: Slots, request: Request) -> Reply | None:
        count = 1
        if "count" in slots:
            number = parse_number(slots.words("count"))
            if number is None or number != int(number) or not 1 <= number <= 6:
                return None
            count = int(number)
        by = _by(request)
        return Reply.say(f"{', '.join(str(by.randint(1, 6)) for _ in range(count))}.")

    @phrases(
        "<pick> (a|any|a random|another) number (between|from) {low} (and|to) {high}",
        "<pick> (a|any|a random|another) number",
        "random number",
    )
    def number(self, slots: Slots, request: Request) -> Reply | None:
        low, high = 1, 10
        if "low" in slots:
            first, last = parse_number(slots.words("low")), parse_number(slots.words("high"))
            if first is None or last is None or first != int(first) or last != int(last):
                return None
            low, high = sorted((int(first), int(last)))
        return Reply.say(f"{_by(request).randint(low, high)}.")


def _by(request: Request) -> random.Random:
    return random.Random(f"{request.now:.3f} {len(request.history)} {request.wall_time.isoformat()}")

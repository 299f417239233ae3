"""Lists by name: "put milk on my shopping list". "The list" is the one spoken of last."""

from __future__ import annotations

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.kept_lists import (
    ADDING,
    ADDING_WANTED,
    CLEARING,
    TAKING,
    kept_lists,
    list_name,
    listed_items,
)
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.tools.builtin.timers import KINDS

MOST_WANTED = 6
"""Words of what is needed, where an order does not name it itself."""


class Lists(Skill):
    title = "lists"
    offer = "keep lists"

    @phrases(*ADDING)
    def add(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "add_to_list", items=listed_items(slots), name=list_name(slots))

    @phrases("[and] (add|put) {items} [too|as well|to it|on it|there]")
    def add_more(self, slots: Slots, request: Request) -> Reply | None:
        """Only where a list was spoken of before."""
        lists, _ = kept_lists(request)
        number = parse_number(slots.words("items")[:1]) is not None  # "add five and six" is a sum
        pending = not KINDS.isdisjoint(slots.words("items"))  # and "put an alarm" no thing for a list
        return None if not lists or number or pending else self.call(request, "add_to_list", items=listed_items(slots))

    @phrases(*ADDING_WANTED)
    def add_wanted(self, slots: Slots, request: Request) -> Reply | None:
        return self.add(slots, request) if len(slots.words("items")) <= MOST_WANTED else None

    @phrases("(make|take|write) [me] [down] a note to {items}", "note to self {items}", "put {items} on my to do list")
    def to_do(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "add_to_list", items=[slots.quote("items")], name="to do")

    @phrases(*CLEARING)
    def clear(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "clear_list", name=list_name(slots))

    @phrases(*TAKING)
    def take(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "remove_from_list", items=listed_items(slots), name=list_name(slots))

    @phrases(
        "[read me|tell me] (what is|what do i have|what have i got|what have i) on [the|my|our] {name} list",
        "[read me|tell me] (what is|what do i have|what have i got|what have i) on [the|my|our] list",
        "(read|show|tell|read out|go through|go over|give) [me] (the|my|our) {name} list [to me|out|out loud|aloud]",
        "(read|show|tell) [me] {name} list",
        "(read|show|tell|read out|go through|go over|give) [me] (the|my|our) list [to me|out|out loud|aloud]",
        "(is|do i have|do we have) [there] (anything|something) on [the|my|our] {name} list",
        "(is|do i have|do we have) [there] (anything|something) on (the|my|our) list",
    )
    def read(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "read_list", name=list_name(slots))

    @phrases(
        "what (do|should|must) (i|we) [need to|have to|still need to|want to] (buy|get at the store|get from the store)"
    )
    def read_shopping(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "read_list", name="shopping")

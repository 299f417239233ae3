"""Conversion between units of measure: "ten miles in kilometers", "how many feet are in two meters"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class Units(Skill):
    title = "units"
    offer = "convert units"
    rules: ClassVar[Mapping[str, str]] = {
        "is": "(what is|how much is|how many is|what are|how much are|how (far|long|tall|heavy|hot|cold|fast|big) is)",
        "contain": "(are there|is there|are|is|do you get|fit|go|make up|make|does it take to make)",
    }

    @phrases(
        "(convert|change|turn|translate) {quantity} (to|into|in) {unit}",
        "<is> {quantity} (in|to|into|as|converted to|expressed in|when converted to) {unit}",
        "[and] {quantity} (in|to|into) {unit}",
        "how (do|would|can) (you|i|we) (convert|change|turn) {quantity} (to|into) {unit}",
        "[what is|what would be] [the] conversion (between|from|of|for) {quantity} (and|to|into) {unit}",
        "how to (convert|change) {quantity} (to|into) {unit}",
        "what (would|will) {quantity} be in {unit}",
        "what {quantity} (in|to) {unit} is",
    )
    def convert(self, slots: Slots, request: Request) -> Reply | None:
        # "miles in a kilometer" asks how many; what one converts into has no article.
        target = slots.words("unit")
        if target[0] in ("a", "an", "one"):
            return None
        return self.call(request, "convert_units", quantity=slots["quantity"], unit=slots["unit"])

    @phrases(
        "[and] how (many|much) {unit} <contain> [in|into|to|from] {quantity}",
        "[and] how many {unit} (does|do|would) {quantity} (have|make|equal|contain|be)",
        "(what|which) (amount|number) of {unit} (are|is) in {quantity}",
        "how many {unit} in {quantity}",
        "how many {unit} to {quantity}",
        "how many {unit} (is|has) {quantity}",
        "{quantity} (is equal to|equals|is) how many {unit}",
        "if i have {quantity} how many {unit} (is that|do i have)",
        "{unit} in {quantity}",
    )
    def how_many(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "convert_units", quantity=slots["quantity"], unit=slots["unit"])

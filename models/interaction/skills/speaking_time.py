"""Who has spoken how long, by the session's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class SpeakingTime(Skill):
    title = "speaking time"
    offer = "say who has spoken how long"
    own = True
    rules: ClassVar[Mapping[str, str]] = {
        "spoken": "(spoken|speak|spoke|talked|talk|said|say|been talking|been speaking)",
        "most": "(how long|how much|the most|most|the longest|longest|more)",
        "each": "(everyone|everybody|each|each (one|person|party|speaker|of us)|both of us|they)",
    }

    @phrases(
        "who (has|had|is|did) (<spoken>|speaking|talking) [for] <most> [so far]",
        "who (spoke|talked|speaks|talks) [for] <most> [so far]",
        "how (long|much) (has|did|have) <each> [each] <spoken> [for] [so far]",
        "[what is|what are|tell me|give me] [the] (speaking|talking|talk|speech) (time|times|share|shares)",
    )
    def everybody(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "speaking_time")

    @phrases(
        "how (long|much) (have|did|has) {party} <spoken> [for] [so far]",
    )
    def one(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "speaking_time", party=slots["party"])

    @phrases(
        "how long (have we been|are we|has this been) (talking|speaking|going|going on|here)",
        "how long (is|has) this (conversation|session|call) [been|going|lasted] [on|so far]",
    )
    def together(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "conversation_length")

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
        "talk": "(conversation|session|call|talk)",
        "each": "(everyone|everybody|each|each (one|person|party|speaker|of us)|both of us|they)",
    }

    @phrases(
        "who (has|had|is|did) (<spoken>|speaking|talking) [for] <most> [so far]",
        "who (spoke|talked|speaks|talks) [for] <most> [so far]",
        "how (long|much) (has|did|have) <each> [each] <spoken> [for] [so far]",
        "how (long|much time) (has|have) <each> [each] (spent|been) (talking|speaking) [so far]",
        "[what is|what are|tell me|give me] [the] (speaking|talking|talk|speech) (time|times|share|shares)",
    )
    def everybody(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "speaking_time")

    @phrases(
        "how (long|much) (have|did|has) {party} <spoken> [for] [so far]",
        "how much (time|of the time) (have|has) {party} (spent talking|spent speaking|talked|spoken)",
    )
    def one(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "speaking_time", party=slots["party"])

    @phrases(
        "[for] how long (have we been|are we|has this been) (talking|speaking|going|going on|here) [already|now]",
        "[for] how long (is|has|does) this <talk> [been|going|lasted|last|taken] [on|going|going on] [so far]",
        "how (much time|long) (has passed|is it) since we (started|began) [talking|speaking|this <talk>]",
        "since when (are|have) we [been] (talking|speaking)",
        "(when did|how long ago did) we (start|begin) [talking|speaking|this call|this conversation]",
        "what is the (length|duration) of (this|our|the) (conversation|session|call|talk)",
    )
    def together(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "conversation_length")

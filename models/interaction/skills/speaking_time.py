"""Who has spoken how long, by the session's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.durations import say_duration
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
    def everybody(self, slots: Slots, request: Request) -> Reply:
        totals = _totals(request)
        if not totals:
            return Reply.say("Nobody has spoken before this.")
        said = []
        for party, seconds in sorted(totals.items(), key=lambda item: -item[1]):
            who = {request.party: "you", "assistant": "I"}.get(party, party)
            said.append(f"{who} for {say_duration(seconds)}")
        verb = "have" if said[0].startswith(("you ", "I ")) else "has"
        said[0] = said[0].replace(" for ", f" {verb} spoken for ", 1)
        text = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
        return Reply.say(text[0].upper() + text[1:] + ".")

    @phrases(
        "how (long|much) (have|did|has) {party} <spoken> [for] [so far]",
    )
    def one(self, slots: Slots, request: Request) -> Reply | None:
        named = slots["party"]
        party = {"i": request.party, "you": "assistant"}.get(named, named)
        known = {
            name.lower(): name for name in (*(heard.party for heard in request.history), request.party, "assistant")
        }
        if party.lower() not in known:
            return None
        party = known[party.lower()]
        who = {request.party: "You have", "assistant": "I have"}.get(party, f"{party} has")
        seconds = _totals(request).get(party, 0.0)
        return Reply.say(f"{who} spoken for {say_duration(seconds)}." if seconds else f"{who} not spoken yet.")

    @phrases(
        "how long (have we been|are we|has this been) (talking|speaking|going|going on|here)",
        "how long (is|has) this (conversation|session|call) [been|going|lasted] [on|so far]",
    )
    def together(self, slots: Slots, request: Request) -> Reply:
        began = min((heard.start for heard in request.history), default=request.now)
        return Reply.say(f"We have been talking for {say_duration(request.now - began)}.")


def _totals(request: Request) -> dict[str, float]:
    """Seconds spoken by each party so far."""
    totals: dict[str, float] = {}
    for heard in request.history:
        totals[heard.party] = totals.get(heard.party, 0.0) + heard.end - heard.start
    return totals

"""Quoting the session's own record: "what did I say about the car"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.subjects import content, mentions, when


class Recall(Skill):
    """Quotes the session's own record."""

    title = "transcript"
    offer = "find what was said"
    own = True
    rules: ClassVar[Mapping[str, str]] = {
        "say": "(say|said|saying|tell you|told you|mention|mentioned|talk|talked|discuss|discussed)",
        "anybody": "(we|anybody|anyone|somebody|someone|they)",
    }

    @phrases(
        "what (did|have|was it that) i <say> about {subject}",
        "what did i (say|tell you) {subject} (was|is|were|are)",
        "what did i say (of|on) {subject}",
        "(did|have) i <say> [you] [anything|something] [about] {subject}",
        "when did i <say> [about] {subject}",
        "(tell me|repeat|remind me) what i said about {subject}",
    )
    def said_by_me(self, slots: Slots, request: Request) -> Reply | None:
        return quote(slots["subject"], request, request.party)

    @phrases(
        "what did <anybody> <say> [about] {subject}",
        "(did|have|has) <anybody> <say> [anything] [about] {subject}",
        "what was said about {subject}",
        "who <say> [something|anything] [about] {subject}",
    )
    def said_by_anybody(self, slots: Slots, request: Request) -> Reply | None:
        return quote(slots["subject"], request, None)

    @phrases(
        "what did {party} (say|mention|tell you|tell us|tell me) about {subject}",
        "what did {party} say {subject} (was|is)",
    )
    def said_by_party(self, slots: Slots, request: Request) -> Reply | None:
        named = slots["party"]
        party = (
            "assistant"
            if named == "you"
            else next((heard.party for heard in request.history if heard.party.lower() == named), None)
        )
        return quote(slots["subject"], request, party) if party else None

    @phrases(
        "what did i [just] say [just now|last|before|before that|earlier|to you]",
        "what was (my|the) last (sentence|question|request|thing i said|thing)",
        "what (did|have) i [just] (ask|asked) [you] [just now|before|last]",
        "what was i (saying|talking about)",
        "(read back|repeat) what i [just] said",
        "what did you (hear|understand) [me say]",
    )
    def last(self, slots: Slots, request: Request) -> Reply:
        own = [heard for heard in request.history if heard.party == request.party]
        if not own:
            return Reply.say("You have not said anything before this.")
        return Reply.say(f'{when(own[-1], request)} you said: "{own[-1].text.strip()}"')


def quote(subject: str, request: Request, party: str | None) -> Reply | None:
    """The one or two latest sentences on the subject by `party` (None: by anybody), and when they were said."""
    wanted = content(subject.split())
    if not wanted:
        return None
    found = list(mentions(wanted, request, party))
    if not found:
        who = {None: "Nobody has", request.party: "You have", "assistant": "I have"}.get(party, f"{party} has")
        return Reply.say(f"{who} not said anything about {to_hearer(subject)} yet.")
    best = max(score for score, _, _ in found)
    latest = [(heard, text) for score, heard, text in found if score == best][-2:]
    said = [f'{when(heard, request)} {_speaker(heard, request)} said: "{text}"' for heard, text in reversed(latest)]
    return Reply.say(" ".join(said))


def _speaker(heard: Utterance, request: Request) -> str:
    return {"assistant": "I", request.party: "you"}.get(heard.party, heard.party)

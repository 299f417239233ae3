"""Quoting the session's own record: "what did I say about the car"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


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
        "[tell me|repeat|remind me] what i (said|told you) about {subject}",
    )
    def said_by_me(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "search_transcript", subject=slots["subject"], party="me")

    @phrases(
        "what did <anybody> <say> [about] {subject}",
        "(did|have|has) <anybody> <say> [anything] [about] {subject}",
        "what was said about {subject}",
        "who <say> [something|anything] [about] {subject}",
    )
    def said_by_anybody(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "search_transcript", subject=slots["subject"])

    @phrases(
        "what did {party} (say|mention|tell you|tell us|tell me) about {subject}",
        "what did {party} say {subject} (was|is)",
    )
    def said_by_party(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "search_transcript", subject=slots["subject"], party=slots["party"])

    @phrases(
        "what did i [just] say [just now|last|before|before that|earlier|to you]",
        "what was (my|the) last (sentence|question|request|thing i said|thing)",
        "what (did|have) i [just] (ask|asked) [you] [just now|before|last]",
        "what was i (saying|talking about)",
        "(read back|repeat) what i [just] said",
        "what did you (hear|understand) [me say]",
    )
    def last(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "last_said")

"""Remembering: what the user asked to be remembered, and what was said."""

from __future__ import annotations

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.kept_facts import (
    FORGETTING,
    FORGETTING_LAST,
    STATEMENTS,
    forgotten,
    is_fact,
    kept_facts,
    to_be_forgotten,
)
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class Memory(Skill):
    title = "memory"
    offer = "remember things for you"

    @phrases(*STATEMENTS)
    def remember(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "remember", fact=slots.quote("fact")) if is_fact(slots.words("fact")) else None

    @phrases(*FORGETTING)
    def forget(self, slots: Slots, request: Request) -> Reply | None:
        if forgotten(slots) is None or slots.get("subject") == "name":  # a name was told, and not asked to be kept
            return None
        return self.call(request, "forget", subject=slots.get("subject"))

    @phrases(FORGETTING_LAST)
    def forget_last(self, slots: Slots, request: Request) -> Reply | None:
        gone = to_be_forgotten(request.text, kept_facts(request), request.history, request.party)
        return self.call(request, "forget", subject=gone[0].text) if gone else None

    @phrases(
        "(where|when|who|what) (is|are|was|were) [the|my|our] {subject}",
        "where did (i|we) (put|park|leave|place|hide|store|keep) [the|my|our] {subject}",
        "where (do|have) (i|we) (have|keep|put|parked|left) [the|my|our] {subject}",
        "(which|what) {kind} (is|are|was) [the|my|our] {subject} [on|in|at]",
        "what was (it|that) about {subject}",
    )
    def ask(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "recall", subject=slots["subject"])

    @phrases(
        "do you [still] remember {subject}",
        "what do you (remember|know) [about] {subject}",
        "do you know [anything] about [my] {subject}",
        "tell me what you (know|remember) about {subject}",
    )
    def recall(self, slots: Slots, request: Request) -> Reply | None:
        subject = slots["subject"]
        found = self.call(request, "recall", subject=subject, most=2)
        return found or self.call(request, "search_transcript", subject=subject, party="me")

    @phrases(
        "what (do|can) you remember",
        "what (should|did) (you|i ask you to|i tell you to) remember",
        "what (have|did) i (asked|ask|told|tell) you to remember",
        "(list|tell me) (everything|all|what) you remember",
        "what is in your memory",
    )
    def everything(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "recall", most=3)

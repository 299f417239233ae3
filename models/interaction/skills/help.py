"""What there is to ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, cues, phrases


class Help(Skill):
    """offers: what the skills can do."""

    title = "help"
    slight = True
    rules: ClassVar[Mapping[str, str]] = {
        "kind": "(kind|kinds|type|types|sort|sorts) of",
        "things": "things|stuff|questions|queries|requests|commands",
        "abilities": "skills|abilities|capabilities|functions",
    }

    def __init__(self, offers: Sequence[str]) -> None:
        self.offers = offers

    @phrases(
        "help [me] [out]",
        "what (can|do|could) you [actually] (do|offer) [for me|for us|with]",
        "(what|which) (things|else|else|sort of things|kind of things|kinds of things) (can|do) you do",
        "what can you help [me] with [exactly]",
        "what [exactly] can you help [me] with",
        "what (can|may|could|should) i (ask|say|tell|say to|ask you|ask of you) [you] [about|for] [here]",
        "what <kind> (<things>) (can|may|should) (i|you) (ask|answer|do|say) [you] [about]",
        "what are (you able to do|you capable of|my options|your (<abilities>))",
        "what are you good (at|for)",
        "how (can|do) (i|you) (use you|talk to you|help|help me|work)",
        "(list|tell me) your (skills|commands|abilities)",
        "what do you know [how to do]",
    )
    @cues(
        "what help|assist you",
        "what|which|your subjects|topics|commands|<abilities>",
        "what|which|kind|kinds|sort|sorts|type|types <things> ask|answer|know|help|assist",
        "what able|capable you",
        "what ask|say|answer you",
    )
    def help(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"I can {_listed(self.offers)}. For example: set a timer for five minutes.")


def _listed(offers: Sequence[str]) -> str:
    return offers[0] if len(offers) == 1 else f"{', '.join(offers[:-1])}, and {offers[-1]}"

"""What people ask of the program itself: what it hears and keeps, what it is, and their own name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.words import sentences
from duplex.models.turn_taking.word_lists import word_set

_NAMING = (
    "my name is {name}",
    "(call me|you can call me|i am called) {name}",
    "(hello|hi|hey) (i am|this is|my name is) {name}",
    "nice to meet you [too] (i am|my name is) {name}",
)
_FORGETTING = ("forget [all about] my name", "do not (call me|use) (that|my name|by my name) [again|any more]")
_NO_NAMES = word_set("a an the so very not back here there fine good tired sorry called going just also later again")
_NAME = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+)?")


class AboutItself(Skill):
    title = "about itself"
    slight = True
    rules: ClassVar[Mapping[str, str]] = {
        "me": "(me|us|everything i say|what i say)",
        "net": "(internet|network|web|internet connection|connection|wifi)",
    }

    @phrases(
        "(do|can) you [really|actually] (have|feel) [any] (feelings|emotions|pain|a soul|consciousness)",
        "are you (conscious|alive|self aware|intelligent|sentient|happy|sad|lonely)",
    )
    def feelings(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("No, I only follow what is said. But I listen well.")

    @phrases(
        "are you [always] (listening to|recording|spying on) <me> [now|always|all the time]",
        "(do|can) you (record|spy on|store|save) <me>",
        "are you recording [this|now]",
        "(what happens to|what do you do with|where does) (what i say|my voice|my data|my words|the recording) [go]",
        "is this (private|confidential|safe|being recorded)",
        "who (can hear|hears|listens to) (me|us|this|what i say)",
    )
    def privacy(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I listen while this conversation is open. What I hear stays on this machine.")

    @phrases(
        "(do|can|will) you remember (me|us|my name|our last conversation|what we talked about [yesterday|last time])",
        "have we (met|talked|spoken) [before]",
    )
    def acquaintance(self, slots: Slots, request: Request) -> Reply:
        name = _named(request)
        return Reply.say(f"You are {name}, you told me." if name else "I know what was said in this conversation.")

    @phrases("(can|do) you see (me|us|this|anything|what i am doing)", "do you have [a] (eyes|camera)")
    def sight(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I cannot see, I only hear.")

    @phrases(
        "(what|which|how many) languages (do|can) you (speak|understand|know)",
        "(do|can) you (speak|understand) (german|french|spanish|italian|chinese|japanese|russian|arabic|{language})",
        "in (what|which) language (do|can|should) (you|i) speak",
    )
    def languages(self, slots: Slots, request: Request) -> Reply | None:
        if slots.get("language"):
            return None
        return Reply.say("I talk English. Captions I can also give in German, and in others with a larger model.")

    @phrases(
        "(do|can) you work (without|without the|without an|with no) <net>",
        "(do|are) you (need|connected to|on) (the|an) <net>",
        "are you (online|offline)",
    )
    def network(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I need no network: all that I do is done on this machine.")

    @phrases(*_FORGETTING)
    def forget_name(self, slots: Slots, request: Request) -> Reply | None:
        return Reply.say("I will not bring your name up again.") if _named(request) else None

    @phrases("what is my name", "who am i", "do you know (my name|who i am|me)")
    def own_name(self, slots: Slots, request: Request) -> Reply:
        name = _named(request)
        return Reply.say(f"You are {name}." if name else "You have not told me your name.")

    @phrases(*_NAMING)
    def naming(self, slots: Slots, request: Request) -> Reply | None:
        name = _name(slots)
        return Reply.say(f"Nice to meet you, {name}.") if name else None


def _named(request: Request) -> str:
    """The name that the party gave last, or empty, as when it was to be forgotten."""
    for heard in reversed(request.history):
        for words in sentences(heard.text) if heard.party == request.party else ():
            if any(True for wording in _FORGETTING for _ in template(wording).matches(words, heard.text)):
                return ""
            for wording in _NAMING:
                for slots in template(wording).matches(words, heard.text):
                    if name := _name(slots):
                        return name
    return ""


def _name(slots: Slots) -> str:
    """What stands in the slot, if it can be a name."""
    words = slots.words("name")
    said = slots.quote("name").strip(" .,!")
    if len(words) > 2 or words[0] in _NO_NAMES or not _NAME.fullmatch(said):
        return ""
    return " ".join(part[0].upper() + part[1:] for part in said.split())

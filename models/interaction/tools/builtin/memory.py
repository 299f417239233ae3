"""What the user asked to be remembered. It follows from what was said (`kept_facts`): the answer is the record."""

from __future__ import annotations

from duplex.models.interaction.skills.durations import say_ago
from duplex.models.interaction.skills.kept_facts import is_meant, kept_facts, matching_facts
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.subjects import content
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError


@builtin(say=lambda facts: f"I will remember that {facts['fact']}.")
def remember(context: Context, fact: str) -> Facts:
    """Keep something in mind for the user.

    fact: what, in the user's own words: "my car is on level three"
    """
    if not content(plain(fact).split()):
        raise ToolError("Nothing was said to remember.")
    return {"fact": to_hearer(fact.strip().rstrip("."))}


@builtin(
    say=lambda facts: "I will not bring that up again." if facts["gone"] else "There was nothing to forget.",
    destructive=True,
    ask="Shall I forget {subject}?",
)
def forget(context: Context, subject: str = "everything") -> Facts:
    """Forget what the user asked to be remembered.

    subject: what about; everything: all of it
    """
    kept = kept_facts(context.request)
    wanted = frozenset() if subject in ("", "everything", "all") else content(plain(subject).split())
    return {"gone": sum(is_meant(fact, wanted) for fact in kept)}


def _say_recalled(facts: Facts) -> str:
    if not facts["facts"]:
        return "You have not asked me to remember anything."
    return " ".join(f"{one['when']} {one['who']} told me: {one['fact']}." for one in facts["facts"])


@builtin(say=_say_recalled)
def recall(context: Context, subject: str = "", most: int = 1) -> Facts:
    """Tell what the user asked to be remembered.

    subject: what about, such as car; empty: all of it
    most: how many facts are told
    """
    request = context.request
    found = kept_facts(request)
    if subject:
        wanted = content(plain(subject).split())
        found = matching_facts(wanted, found)[:most] if wanted else []
        if not found:
            raise ToolError(f"You have told me nothing about {subject}.")
    told = []
    for fact in found if subject else found[-most:]:
        when = say_ago(request.now - fact.at)
        who = "you" if fact.by == request.party else fact.by
        told.append({"when": when[0].upper() + when[1:], "who": who, "fact": fact.text.rstrip(".")})
    return {"facts": told}

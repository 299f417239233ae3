"""The session's own record: who said what, and who has spoken how long."""

from __future__ import annotations

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.durations import say_duration
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.subjects import NOTHING_SAID, SAID, content, mentions, when
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError

ANYBODY, ME, YOU = "anybody", "me", "you"


def _say_found(facts: Facts) -> str:
    if not facts["said"]:
        return f"{facts['who']} {NOTHING_SAID} {facts['subject']} yet."
    return " ".join(f'{one["when"]} {one["who"]} {SAID}{one["text"]}"' for one in facts["said"])


@builtin(say=_say_found)
def search_transcript(context: Context, subject: str, party: str = ANYBODY) -> Facts:
    """Find what was said about something in this conversation.

    subject: what about
    party: who said it: me (the user), you (the assistant), a name, or anybody but the assistant
    """
    request = context.request
    who = _party(party, request) if party != ANYBODY else None
    wanted = content(plain(subject).split())
    if not wanted:
        raise ToolError(f"I do not know what to look for in {subject}.")
    found = list(mentions(wanted, request, who))
    if not found:
        known = {None: "Nobody has", request.party: "You have not", "assistant": "I have not"}
        nobody = known.get(who, f"{who} has not")
        return {"said": [], "who": nobody, "subject": to_hearer(subject)}
    best = max(score for score, _, _ in found)
    latest = [(heard, text) for score, heard, text in found if score == best][-2:]
    return {
        "said": [
            {"when": when(heard, request), "who": _called(heard.party, request), "text": text}
            for heard, text in reversed(latest)
        ]
    }


def _say_last(facts: Facts) -> str:
    return f'{facts["when"]} you {SAID}{facts["text"]}"' if facts else "You have not said anything before this."


@builtin(say=_say_last)
def last_said(context: Context) -> Facts:
    """Tell what the user said before this turn."""
    request = context.request
    own = [heard for heard in request.history if heard.party == request.party]
    return {"when": when(own[-1], request), "text": own[-1].text.strip()} if own else {}


def _say_shares(facts: Facts) -> str:
    if "party" in facts:
        has = f"{facts['party']} {'have' if facts['party'] in ('You', 'I') else 'has'}"
        return f"{has} spoken for {facts['time']}." if facts["time"] else f"{has} not spoken yet."
    if not facts["shares"]:
        return "Nobody has spoken before this."
    said = [f"{one['who']} for {one['time']}" for one in facts["shares"]]
    verb = "have" if said[0].startswith(("you ", "I ")) else "has"
    said[0] = said[0].replace(" for ", f" {verb} spoken for ", 1)
    text = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"{text[0].upper()}{text[1:]}."


@builtin(say=_say_shares)
def speaking_time(context: Context, party: str = "") -> Facts:
    """Tell who has spoken how long.

    party: me (the user), you (the assistant), or a name; empty: everybody
    """
    request = context.request
    totals: dict[str, float] = {}
    for heard in request.history:
        totals[heard.party] = totals.get(heard.party, 0.0) + heard.end - heard.start
    if party:
        who = _party(party, request)
        seconds = totals.get(who, 0.0)
        named = {request.party: "You", "assistant": "I"}.get(who, who)
        return {"party": named, "time": say_duration(seconds) if seconds else ""}
    longest = sorted(totals.items(), key=lambda item: -item[1])
    return {"shares": [{"who": _called(who, request), "time": say_duration(seconds)} for who, seconds in longest]}


@builtin(say=lambda facts: f"We have been talking for {facts['time']}.")
def conversation_length(context: Context) -> Facts:
    """Tell how long this conversation has lasted."""
    request = context.request
    began = min((heard.start for heard in request.history), default=request.now)
    return {"time": say_duration(request.now - began)}


def _party(named: str, request: Request) -> str:
    """Raises ToolError for somebody who is not in the conversation."""
    meant = {ME: request.party, "i": request.party, YOU: "assistant"}.get(named.lower(), named).lower()
    known = (*(heard.party for heard in request.history), request.party, "assistant")
    found = next((party for party in known if party.lower() == meant), None)
    if found is None:
        raise ToolError(f"{named} is not in this conversation.")
    return found


def _called(party: str, request: Request) -> str:
    return {"assistant": "I", request.party: "you"}.get(party, party)

"""What to say to a turn that no skill understands: short, about the thing that was said, and honest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.words import plain
from duplex.models.turn_taking.word_lists import word_set

_ASKING = word_set(
    "what who whose whom where when why how which is are was were do does did can could will would should shall may "
    "has have had am"
)
_ORDERS = word_set(
    "tell show find give make play open close call send write read search turn switch order book buy translate explain "
    "describe sing draw look start pause take put bring go let describe recommend suggest compare define spell count"
)
_NEWS = {
    **dict.fromkeys(word_set("weather forecast temperature rain rainy sunny snow umbrella"), "the weather"),
    **dict.fromkeys(word_set("news headlines"), "the news"),
    **dict.fromkeys(word_set("score scores"), "scores"),
    **dict.fromkeys(word_set("stock stocks price prices"), "prices"),
    "traffic": "the traffic",
}
"""What changes from day to day, by words that ask for it."""
_DEVICES = {
    **dict.fromkeys(word_set("music song songs radio playlist"), "play music with"),
    **dict.fromkeys(word_set("video movie television tv"), "show films with"),
    **dict.fromkeys(word_set("light lights lamp lamps"), "switch lights with"),
    **dict.fromkeys(word_set("heating thermostat"), "heat with"),
    **dict.fromkeys(word_set("door garage window"), "open doors with"),
    **dict.fromkeys(word_set("call phone"), "make calls with"),
    **dict.fromkeys(word_set("message email mail emails messages"), "read or send mail with"),
    **dict.fromkeys(word_set("order pizza taxi ticket book buy"), "order or book anything with"),
    "camera": "take pictures with",
}
"""What needs a device or an account, by words that ask for it."""
_THERE = word_set("here there it that this they he she we i you one some")
_FELT = (
    (word_set("died dead headache pain hurts sick ill broke broken lost stolen accident failed fired cry crying"),
     "I am sorry to hear that."),
    (word_set("won married engaged promoted passed birthday vacation holiday holidays"), "That is good to hear."),
)  # fmt: skip
"""What a statement is about that deserves more than an acknowledgement."""
ACKNOWLEDGED = ("I see.", "All right.", "I understand.", "Okay.")
UNKNOWN = ("I do not know that.", "That I cannot answer.", "I have no answer to that.")
UNABLE = ("I cannot do that.", "That is beyond me, sorry.")


def beyond(request: Request, connecting: str) -> str:
    """The reply. connecting: how to connect a larger model, which is said once in a session."""
    words = plain(request.text).split()
    said = [heard.text for heard in request.history if heard.party == "assistant"]
    told = any(connecting in text for text in said)
    ordering = bool(words) and _verb(words) in _ORDERS
    asking = not ordering and is_question(request.text, words)
    if not asking and not ordering:
        return next((answer for feeling, answer in _FELT if feeling & set(words)), "") or _next(ACKNOWLEDGED, said)
    for thing in words:
        if thing in _NEWS:
            return f"I cannot look up {_NEWS[thing]}: I work without the network."
    if ordering:
        for thing in words:
            if thing in _DEVICES:
                return f"I have nothing here to {_DEVICES[thing]}."
    answer = _next(UNKNOWN if asking else UNABLE, said)
    return answer if told else f"{answer} {connecting}"


def is_question(text: str, words: Sequence[str]) -> bool:
    """Whether a turn asks something; words: its plain words."""
    if text.rstrip(" \"'”’").endswith("?"):
        return True
    if not words or _verb(words) not in _ASKING:
        return False
    # "When we came home, the door was open" tells; "when did we come home" asks.
    return words[0] not in ("when", "where", "what", "how", "who", "which", "why") or not (
        len(words) > 2 and words[1] in _THERE and words[0] in ("when", "where")
    )


def _verb(words: Sequence[str]) -> str:
    """The word with which a sentence says what it is, past "please", "can you", "and so" and their kind."""
    if words[0] in ("can", "could", "will", "would") and words[1:2] == ["you"] and len(words) > 2:
        words = words[2:]
    for word in words:
        if word not in ("please", "and", "so", "but", "okay", "now", "then", "just", "well", "hey"):
            return word
    return words[0]


def _next(answers: Sequence[str], said: Sequence[str]) -> str:
    """The answer after the one given last, so that none comes twice in a row."""
    given = [answer for text in said for answer in answers if text.startswith(answer)]
    following = dict(pairwise((*answers, answers[0])))
    return following[given[-1]] if given else answers[0]

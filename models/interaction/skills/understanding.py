"""From a turn to the requests in it: politeness and false starts set aside, several requests told apart.

"uh okay could you tell me what time it is and set a timer for ten seconds" holds two requests. The turn is cut at words
that can join or open a request so that the fewest words stay unexplained; a part that no skill takes stays as it is,
for a language model or for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.indirect import direct
from duplex.models.interaction.skills.misheard import repairs
from duplex.models.interaction.skills.patterns import Gist
from duplex.models.interaction.skills.phonetic_match import corrections
from duplex.models.interaction.skills.skill import Reply, Skill
from duplex.models.interaction.skills.words import Word, sentences
from duplex.models.turn_taking.consent import is_yes
from duplex.models.turn_taking.word_lists import phrase_set, word_set

MOST_WORDS = 80
"""A longer turn is a story, not a request; of such a turn the end is looked at."""
_COMMON = ("stop", "repeat")
"""Tools that are asked for so shortly that a misheard word hits them by chance."""
DID_YOU_SAY = "Did you say:"
LEAST_COVERAGE, LEAST_WORDS = 0.45, 5
"""A request inside other talk counts if it is about half of the turn, or too long to be one by chance."""

_JOINING = word_set("and then also but")
_OPENING = word_set(
    "what who where when how which set remind convert remember cancel tell repeat wake can could calculate stop speak"
)
_LEADS = phrase_set(
    "and then|and also|and|then|also|but|so|okay|well|now|hey|hi|hello|yeah|yes|no|alright|all right|right|listen|look|"
    "actually|computer|ai|assistant|duplex|oops|whoa|excuse me|sorry|i mean|just|maybe|quickly|you know|i wonder|"
    "i was wondering|i forgot|i forget|do you still know|do you still remember|do you know if|find out|look up|find|"
    "check|see|like|can you|could you|would you|will you|can i|could i|may i|should i|i want you to|"
    "i would like you to|i need you to|i would like to know|i need to know|i want to know|i would like to|i want to|"
    "i need to|i really need to|i have to|i got to|i would like|i wish to|i want|i need|i am needing|you must|"
    "you need to|i am going to|go ahead and|let me know|let us|do you know|do you happen to know|can you tell me|"
    "could you tell me|tell me|would you mind|are you able to|is it possible to|help me|kindly|be so kind and|to|"
    "if you can|if you could"
)
_TAILS = phrase_set(
    "thank you very much|thank you|thanks|for me|right now|now|then|okay|if you can|if you could|computer|ai|assistant|"
    "duplex|though|actually|exactly|real quick|quickly|alright|all right|or something|you know"
)
_LONGEST_EDGE = max(map(len, _LEADS | _TAILS))
_OPEN_ENDED = word_set("the a an my your and or so but oh in to of is at for with from by than as")
_STRAY = word_set("the a an and or so but oh in to of is it that at")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the turn: its text as it was said, and the skill that takes it with its reply, if one does.

    core: how many of the words are the request itself, without politeness and joining words. separate: it stands apart
    from the rest by a joining word or a full stop, not just by what it means; sentence: by full stops only.
    """

    text: str
    words: tuple[Word, ...]
    skill: Skill | None = None
    reply: Reply | None = None
    core: int = 0
    separate: bool = True
    sentence: bool = True


def understand(request: Request, skills: Sequence[Skill]) -> list[Part]:
    """The turn cut into parts, in their order; one part without a skill if nothing in it is a request."""
    request = replace(request, text=_confirmed(request))
    parts = _understood(request, skills)
    if any(part.skill for part in parts):
        return parts
    for sounding in corrections(request.text):
        second = _understood(replace(request, text=sounding), skills)
        if second and all(part.skill for part in second):
            return second
    for repaired in repairs([word.text for word in bare(_edges(request.text)[0])], skills):
        second = _understood(replace(request, text=repaired), skills)
        calls = [part.reply.call if part.reply else None for part in second]
        if not calls or any(call is None or call.tool in _COMMON for call in calls):
            continue
        if any(call and _destroys(call.tool) for call in calls):
            # Of what cannot be taken back a guess is no order.
            return [
                replace(second[0], text=request.text, reply=Reply.say(f"{DID_YOU_SAY} {repaired}?", finished=False))
            ]
        return second
    return parts


def _confirmed(request: Request) -> str:
    """What a yes to "did you say: clear the list" comes to."""
    last = request.history[-1] if request.history else None
    if last is None or last.party != "assistant" or DID_YOU_SAY not in last.text or not is_yes(request.text):
        return request.text
    return last.text.partition(DID_YOU_SAY)[2].rpartition("?")[0].strip()


def _destroys(tool: str) -> bool:
    # Imported here: tools are made of what the modules beside this one know of numbers, times and measures.
    from duplex.models.interaction.tools.builtin import BUILTIN

    return BUILTIN[tool].destructive


def taken_whole(request: Request, skills: Sequence[Skill]) -> tuple[Skill, Reply] | None:
    """Who takes the turn, and the reply, if skills take every word of it as it stands; of the last part, if several."""
    words, edges = _edges(request.text)
    if not words or words[-1].text in _OPEN_ENDED:
        return None
    parts = _cut(words, edges, request, skills)
    last = parts[-1]
    if last.skill is None or last.reply is None or not all(part.skill for part in parts):
        return None
    return last.skill, last.reply


def _understood(request: Request, skills: Sequence[Skill]) -> list[Part]:
    words, edges = _edges(request.text)
    if not words:
        return []
    parts = _cut(words, edges, request, skills)
    matched = [part for part in parts if part.skill]
    covered = sum(len(part.words) for part in matched)
    if covered >= LEAST_COVERAGE * len(words) or any(part.sentence or part.core >= LEAST_WORDS for part in matched):
        return parts
    stripped = words
    while stripped and stripped[-1].text in _STRAY:
        stripped = stripped[:-1]
        taken = _take(stripped, request, skills)
        if taken:
            return [Part(request.text, words, *taken)]
    return [Part(_source(words, request.text), words)]


def _edges(source: str) -> tuple[tuple[Word, ...], dict[int, str]]:
    """All words, and the places where a part may begin: "." a sentence, "&" a joining word, "?" an opening word."""
    words: list[Word] = []
    edges: dict[int, str] = {0: "."} if source else {}
    for sentence in sentences(source):
        if words:
            edges[len(words)] = "."
        for word in sentence:
            place = len(words)
            before = words[-1].text if words else ""
            if word.text in _JOINING and before not in _JOINING:
                edges.setdefault(place, "&")
            elif word.text in _OPENING and before not in _JOINING:
                edges.setdefault(place, "?")
            words.append(word)
    if len(words) > MOST_WORDS:
        cut = len(words) - MOST_WORDS
        words = words[cut:]
        edges = {0: "?"} | {place - cut: kind for place, kind in edges.items() if place > cut}
    edges.pop(0, None)
    return tuple(words), edges


def _cut(words: tuple[Word, ...], edges: dict[int, str], request: Request, skills: Sequence[Skill]) -> list[Part]:
    """The cheapest way to cut the turn, by dynamic programming from its end."""
    places = [0, *sorted(edges)][-16:] if edges else [0]
    places = sorted({0, *places})
    kinds = {0: ".", len(words): ".", **edges}
    best: dict[int, tuple[float, list[Part]]] = {len(words): (0.0, [])}
    for start in reversed(places):
        options = []
        for end in [place for place in (*places, len(words)) if place > start]:
            span = words[start:end]
            bounds = kinds[start] + kinds[end]
            separate, sentence = "?" not in bounds, bounds == ".."
            inner = sum(1 for place in places if start < place < end and kinds[place] != "?")
            cost, rest = best[end]
            text = _source(span, request.text)
            options.append((cost + 1 + 3 * len(span), [Part(text, span, separate=separate, sentence=sentence), *rest]))
            taken = _take(span, request, skills)
            # An opening word in the midst of other talk opens a request only if there is some more of it.
            if taken and (separate or (not taken[0].slight and (kinds[start] != "?" or len(span) >= 3))):
                part = Part(text, span, *taken, separate=separate, sentence=sentence)
                options.append((cost + 1 + 1.5 * inner, [part, *rest]))
        best[start] = min(options, key=lambda option: option[0])
    return best[0][1]


def _take(words: tuple[Word, ...], request: Request, skills: Sequence[Skill]) -> tuple[Skill, Reply, int] | None:
    for variant in _variants(words):
        gist = Gist.of(variant)
        for skill in skills:
            if not skill.may_reply(gist):
                continue
            reply = skill.reply(variant, request.text, request)
            if reply is not None:
                return skill, reply, len(variant)
    return None


def _variants(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The words as they are, then without what opens a request politely, then without what closes it; at last, as
    direct questions, what may be indirect ones."""
    seen: set[tuple[int, int]] = set()
    questions: list[tuple[Word, ...]] = []
    current: tuple[Word, ...] | None = words
    while current:
        shorter: tuple[Word, ...] | None = current
        while shorter:
            span = shorter[0].start, shorter[-1].end
            if span not in seen:
                seen.add(span)
                yield shorter
                questions += direct(shorter)
            shorter = _without(shorter, _TAILS, at_end=True)
        current = _without(current, _LEADS, at_end=False)
    yield from questions


def bare(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words without all politeness and joining words around them; at least one is left of any."""
    if not words:
        return ()
    while shorter := _without(words, _LEADS, at_end=False):
        words = shorter
    while shorter := _without(words, _TAILS, at_end=True):
        words = shorter
    return words


def _without(words: tuple[Word, ...], edges: frozenset[tuple[str, ...]], *, at_end: bool) -> tuple[Word, ...] | None:
    """`words` less the longest of `edges` that they begin or end with; None if they do not."""
    near = tuple(word.text for word in (words[-_LONGEST_EDGE:] if at_end else words[:_LONGEST_EDGE]))
    for length in range(min(_LONGEST_EDGE, len(words) - 1), 0, -1):
        if (near[-length:] if at_end else near[:length]) in edges:
            return words[:-length] if at_end else words[length:]
    return None


def _source(words: Sequence[Word], source: str) -> str:
    return source[words[0].start : words[-1].end]

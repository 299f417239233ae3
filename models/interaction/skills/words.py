"""Text as a recognizer or a keyboard gives it → plain words that phrases can be matched against.

Recognizers disagree about capitals, punctuation, numbers and contractions, and people hesitate and repeat themselves.
Here "What's, uh, what's 5% of 80?" and "what is five percent of eighty" become the same kind of thing. Every word keeps
its place in the source, so what is quoted later is quoted as it was said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from duplex.models.turn_taking.word_lists import word_set

FILLERS = word_set("ah eh er erm err ha hm hmm huh mhm mm mmm uh uhm um umm")

_TOKEN = re.compile(
    r"""
    (?P<meridiem>(?<![^\W\d_])[ap]\.?\ ?m\b\.?(?!['’]))  # p.m., pm, p m
    | (?P<clock>\d{1,2}:\d{2}(?!\d))
    | (?P<number>\d+(?:,\d{3})*(?:\.\d+)?)(?P<ordinal>st|nd|rd|th)?
    | (?P<rate>[a-z]+/[a-z]+)
    | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
    | (?P<end>[.?!;]+(?=\s|$))
    | (?P<sign>[-−–+*×÷/^%°$€£&])
    """,
    re.VERBOSE,
)
_SIGNS = {
    "+": "plus",
    "*": "times",
    "×": "times",
    "÷": "divided by",
    "/": "over",
    "^": "to the power of",
    "%": "percent",
    "°": "degrees",
    "&": "and",
}
_CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds sterling"}
_CONTRACTIONS = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "let's": "let us",
    "o'clock": "oclock",
    "whats": "what is",
    "wheres": "where is",
    "whos": "who is",
    "hows": "how is",
    "thats": "that is",
    "im": "i am",
    "dont": "do not",
    "didnt": "did not",
    "cant": "can not",
    "youre": "you are",
    "todays": "today's",
    "wanna": "want to",
    "gonna": "going to",
    "gotta": "got to",
    "gimme": "give me",
    "lemme": "let me",
    "ok": "okay",
    "kilometre": "kilometer",
    "kilometres": "kilometers",
    "metre": "meter",
    "metres": "meters",
    "litre": "liter",
    "litres": "liters",
    "centimetre": "centimeter",
    "centimetres": "centimeters",
    "millimetre": "millimeter",
    "millimetres": "millimeters",
}
_MERGED = {
    ("per", "cent"): "percent",
    ("alarm", "clock"): "alarm",
    ("to", "day"): "today",
    ("to", "day's"): "today's",
    ("to", "morrow"): "tomorrow",
    ("o", "clock"): "oclock",
    ("after", "noon"): "afternoon",
}
_IS = word_set("what who where when how it that there here he she this")
_ENDINGS = {"n't": " not", "'d": " would", "'ll": " will", "'ve": " have", "'re": " are", "'m": " am"}
_KEEP_DOUBLE = word_set(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety minus bye no louder slower"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A plain word and the characters source[start:end] that it stands for."""

    text: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def sentences(source: str) -> tuple[tuple[Word, ...], ...]:
    """The plain words of `source`, sentence by sentence where it has punctuation; hesitations are left out."""
    lowered = source.lower() if len(source.lower()) == len(source) else source
    found: list[list[Word]] = [[]]
    for match in _TOKEN.finditer(lowered):
        if match["end"]:
            found.append([])
        else:
            words = (Word(text, match.start(), match.end()) for text in _plain(match, lowered, found[-1]))
            found[-1].extend(words)
    cleaned = (_without_repeats(_merged(_without_fillers(sentence))) for sentence in found)
    return tuple(tuple(sentence) for sentence in cleaned if sentence)


def plain(source: str) -> str:
    """All plain words of `source` as one string."""
    return " ".join(word.text for sentence in sentences(source) for word in sentence)


def _plain(match: re.Match[str], source: str, before: list[Word]) -> list[str]:
    if match["meridiem"]:
        letter = match["meridiem"][0]
        # "am" alone is a verb as often; the two letters apart or with full stops never are.
        return [letter + "m"]
    if match["clock"] or match["rate"]:
        return [match[0]]
    if match["number"]:
        number = match["number"].replace(",", "") + (match["ordinal"] or "")
        currency = _CURRENCIES.get(source[match.start() - 1 : match.start()]) if match.start() else None
        return [number, *currency.split()] if currency else [number]
    if match["sign"]:
        return _sign(match, source, before)
    return _expand(match["word"].replace("’", "'")).split()


def _sign(match: re.Match[str], source: str, before: list[Word]) -> list[str]:
    sign = match["sign"]
    if sign in _CURRENCIES:
        return []  # spoken after its number
    if sign in "-−–":
        joins_letters = bool(re.search(r"[^\W\d_]$", source[: match.start()]))
        opens_number = source[match.end() : match.end() + 1].isdecimal()
        spaced = source[match.end() : match.end() + 1] == " " and bool(before) and before[-1].text[-1:].isdecimal()
        return ["minus"] if (opens_number and not joins_letters) or spaced else []
    return _SIGNS[sign].split()


def _expand(word: str) -> str:
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)] + full
    if word.endswith("'s") and word[:-2] in _IS:
        return word[:-2] + " is"
    return word


def _without_fillers(words: list[Word]) -> list[Word]:
    kept: list[Word] = []
    for place, word in enumerate(words):
        if word.text in FILLERS or word.text == "please":
            continue
        if word.text == "oh":  # a digit between numbers ("five oh three"), else an exclamation
            around = [words[at].text for at in (place - 1, place + 1) if 0 <= at < len(words)]
            if not any(text in _KEEP_DOUBLE or text.isdecimal() for text in around):
                continue
        kept.append(word)
    return kept


def _merged(words: list[Word]) -> list[Word]:
    kept: list[Word] = []
    for word in words:
        whole = _MERGED.get((kept[-1].text, word.text)) if kept else None
        if whole:
            kept[-1] = Word(whole, kept[-1].start, word.end)
        else:
            kept.append(word)
    return kept


def _without_repeats(words: list[Word]) -> list[Word]:
    """Drops the first of two equal runs of up to three words: "what is what is the time" is a restart."""
    kept = list(words)
    for length in (3, 2, 1):
        place = 0
        while place + 2 * length <= len(kept):
            run = [word.text for word in kept[place : place + length]]
            again = [word.text for word in kept[place + length : place + 2 * length]]
            after = kept[place + 2 * length].text if place + 2 * length < len(kept) else ""
            misheard = run in (["for"], ["to"]) and after.startswith(
                ("second", "minute", "hour", "day")
            )  # "for four minutes"
            if run == again and not misheard and not all(text in _KEEP_DOUBLE or text[0].isdecimal() for text in run):
                del kept[place : place + length]
            else:
                place += 1
    return kept

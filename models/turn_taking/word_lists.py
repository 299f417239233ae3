"""Word lists, written as text, and the words that every model of turn taking knows."""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    """The words of `text`.

    >>> sorted(word_set("uh um"))
    ['uh', 'um']
    """
    return frozenset(text.split())


def phrase_list(text: str) -> tuple[tuple[str, ...], ...]:
    """The phrases of `text`, separated by bars, as tuples of words.

    >>> phrase_list("i see|got it")
    (('i', 'see'), ('got', 'it'))
    """
    return tuple(tuple(phrase.split()) for phrase in text.split("|"))


def phrase_set(text: str) -> frozenset[tuple[str, ...]]:
    """The phrases of `phrase_list` without their order."""
    return frozenset(phrase_list(text))


def plain_words(text: str) -> list[str]:
    """The words of a text without case and punctuation, as every list of words here has them.

    >>> plain_words("Mm-hmm. That’s 10!")
    ['mm', 'hmm', "that's", '10']
    """
    return re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'"))


FILLERS = word_set("ah eh er erm err ha hm hmm huh mhm mm mmm uh uhm um umm")
"""Hesitations."""

_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TO_NINETY = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS, _TENS = _TO_NINETEEN.split(), _TO_NINETY.split()
NUMBER_WORDS = frozenset([*_UNITS, *_TENS, "hundred", "thousand", "million", "billion", "dozen"])


def spell_small(digits: str) -> list[str]:
    """A number of up to four digits in words; a longer one digit by digit.

    >>> spell_small("1984")
    ['one', 'thousand', 'nine', 'hundred', 'eighty', 'four']
    """
    if len(digits) > 4:
        return [_UNITS[int(digit)] for digit in digits]
    number, words = int(digits), []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        count, number = divmod(number, size)
        if count:
            words += [_UNITS[count], name]
    if number >= 20:
        words.append(_TENS[number // 10 - 2])
        number %= 10
    if number or not words:
        words.append(_UNITS[number])
    return words

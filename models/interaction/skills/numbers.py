"""Spoken English numbers ⇄ values.

Values are exact (`fractions.Fraction`), so that a tenth and two tenths are three tenths.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
TENS = {
    word: 10 * (place + 2)
    for place, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
HOMOPHONES = {"to": 2, "too": 2, "for": 4, "fore": 4, "won": 1, "ate": 8, "tree": 3, "free": 3, "tin": 10}
"""What a recognizer hears for a digit; only to be believed where nothing but a number can stand."""

_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
    **{word[:-1] + "ieth": value for word, value in TENS.items()},
}
_ORDINALS |= {word + "th": value for word, value in UNITS.items() if value not in _ORDINALS.values() and value > 3}
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
for _ordinal, _value in list(_ORDINALS.items()):
    if 3 <= _value <= 10:
        _PARTS |= {_ordinal: _value, _ordinal + "s": _value}
_ARTICLES = frozenset(["a", "an"])
_MINUS = frozenset(["minus", "negative"])

NUMBER_WORDS = frozenset([*UNITS, *TENS, *SCALES, *_ORDINALS, *_PARTS, *_MINUS, "hundred", "dozen", "point", "oh"])


def parse_number(words: Sequence[str], *, homophones: bool = False) -> Fraction | None:
    """The value of `words` if all of them together are one number, else None.

    >>> parse_number("minus two and a half".split())
    Fraction(-5, 2)
    """
    words = list(words)
    if homophones and len(words) == 1 and words[0] in HOMOPHONES:
        return Fraction(HOMOPHONES[words[0]])
    taken = take_number(words)
    return taken[0] if taken and taken[1] == len(words) else None


def take_number(words: Sequence[str], start: int = 0) -> tuple[Fraction, int] | None:
    """The longest number that begins at words[start], and the place after it; None if none begins there."""
    at = start
    negative = at < len(words) and words[at] in _MINUS
    at += negative
    taken = _take_mixed(words, at)
    if taken is None:
        return None
    return (-taken[0] if negative else taken[0]), taken[1]


def parse_ordinal(words: Sequence[str]) -> int | None:
    """ "twenty third", "3rd" or "three" as 1…; for days of the month."""
    words = list(words)
    if len(words) == 1:
        word = words[0]
        if word[:-2].isdecimal() and word[-2:] in ("st", "nd", "rd", "th"):
            return int(word[:-2])
        if word in _ORDINALS:
            return _ORDINALS[word]
    if len(words) == 2 and words[0] in TENS and 0 < _ORDINALS.get(words[1], 0) < 10:
        return TENS[words[0]] + _ORDINALS[words[1]]
    value = parse_number(words)
    return int(value) if value is not None and value.denominator == 1 and value > 0 else None


def parse_year(words: Sequence[str]) -> int | None:
    """ "nineteen eighty four", "twenty twenty six", "two thousand and six", "1984"."""
    for split in range(1, len(words)):
        century, rest = parse_number(words[:split]), parse_number(words[split:])
        if century and rest and 10 <= century <= 30 and century.denominator == 1 and 10 <= rest <= 99:
            return int(century) * 100 + int(rest)
    value = parse_number(words)
    return int(value) if value and value.denominator == 1 and 1000 <= value <= 9999 else None


def spell(number: int) -> str:
    """An integer below 10^15 in words.

    >>> spell(1234)
    'one thousand two hundred thirty four'
    """
    if abs(number) >= 10**15:
        raise ValueError(f"{number} is too large to spell")
    if number < 0:
        return "minus " + spell(-number)
    names = [*UNITS]
    if number < 20:
        return names[number]
    if number < 100:
        tens = [*TENS][number // 10 - 2]
        return tens if number % 10 == 0 else f"{tens} {names[number % 10]}"
    scale, name = (
        (100, "hundred")
        if number < 1000
        else next((value, word) for word, value in reversed(SCALES.items()) if number >= value)
    )
    head = f"{spell(number // scale)} {name}"
    return head if number % scale == 0 else f"{head} {spell(number % scale)}"


def written(value: Fraction, *, digits: int = 4) -> str:
    """A value as a transcript shows it and a synthesizer reads it: "1,234", "0.3", "minus 5".

    digits: significant ones of a value that is no integer; an integer is given in full.
    """
    if value < 0:
        return "minus " + written(-value, digits=digits)
    if value.denominator == 1 and value < 10**15:
        return f"{value.numerator:,}"
    if value >= 10**15 or 0 < value < Fraction(1, 10**9):
        power = _exponent(value)
        mantissa = round_significant(value / Fraction(10) ** power, digits)
        if mantissa >= 10:  # 9.9999 has been rounded up
            mantissa, power = mantissa / 10, power + 1
        return (
            f"{written(mantissa, digits=digits)} times 10 to the power of {f'minus {-power}' if power < 0 else power}"
        )
    rounded = round_significant(value, digits)
    if rounded.denominator == 1:
        return f"{rounded.numerator:,}"
    places = max(0, digits - 1 - _exponent(rounded))
    return f"{float(rounded):,.{min(places, 15)}f}".rstrip("0").rstrip(".")


def exact(value: float) -> Fraction:
    """The short fraction that a number which came through floating point stands for."""
    return Fraction(value).limit_denominator(10**9)


def counted(number: int) -> str:
    """Small counts as words, others in digits, as running text has them."""
    return spell(number) if 0 <= number <= 12 else f"{number:,}"


def round_significant(value: Fraction, digits: int) -> Fraction:
    """`value` to so many significant digits; at least to whole numbers."""
    if value == 0:
        return value
    places = max(0, digits - 1 - _exponent(abs(value)))
    return Fraction(round(value * 10**places), 10**places)


def _exponent(value: Fraction) -> int:
    """The power of ten of the first significant digit of a positive value."""
    exponent = len(str(value.numerator)) - len(str(value.denominator))
    return exponent if value >= Fraction(10) ** exponent else exponent - 1


def _take_mixed(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """An integer, a decimal, a fraction, or an integer "and a half"."""
    part = _take_part(words, at)
    if part:
        return part
    whole = _take_whole(words, at)
    if whole is None:
        return None
    value, at = whole
    if at < len(words) and words[at] == "and":
        part = _take_part(words, at + 1)
        if part and part[0] < 1:
            return value + part[0], part[1]
    return value, at


def _take_part(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """ "half", "a half", "three quarters", "two thirds"."""
    if at < len(words) and words[at] == "half":
        return Fraction(1, 2), at + 1
    if at + 1 < len(words) and words[at + 1] in _PARTS:
        count = 1 if words[at] in _ARTICLES else UNITS.get(words[at], int(words[at]) if words[at].isdecimal() else 0)
        singular = not words[at + 1].endswith("s")
        if count and singular == (count == 1):
            return Fraction(count, _PARTS[words[at + 1]]), at + 2
    return None


def _take_whole(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """Digits or number words, with scales and a decimal point."""
    taken = _take_digits(words, at) or _take_words(words, at)
    if taken is None:
        nought = at + (words[at : at + 1] == ["oh"])
        return _take_decimals(words, nought)
    value, at = taken
    point = _take_decimals(words, at)
    if point:
        value, at = value + point[0], point[1]
    if at < len(words) and words[at] in SCALES and (point or "." in words[at - 1]):
        value, at = value * SCALES[words[at]], at + 1  # "one point five million"
    return value, at


def _take_digits(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    if at >= len(words) or not words[at].replace(".", "", 1).isdecimal():
        return None
    value = Fraction(words[at])
    at += 1
    while at < len(words) and (words[at] in SCALES or words[at] in ("hundred", "dozen")):
        value *= SCALES.get(words[at], 100 if words[at] == "hundred" else 12)
        at += 1
    return value, at


def _take_words(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    start, total, group, room = at, 0, None, 0
    # `group`: the value below the next scale, None before its first word. `room`: what may still be added to it
    # (after "twenty" a unit, after "hundred" anything below 100).
    while at < len(words):
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in UNITS and (group is None or (0 < UNITS[word] < room and following != "hundred")):
            group, room = (group or 0) + UNITS[word], 0
        elif word in TENS and (group is None or room >= 100):
            group, room = (group or 0) + TENS[word], 10
        elif (
            word in _ARTICLES
            and group is None
            and at == start
            and following in ("hundred", "thousand", "million", "dozen")
        ):
            group = 1
        elif word == "hundred" and 0 < (group or 1) < 100 and (group is not None or at == start):
            group, room = (group or 1) * 100, 100
        elif word == "dozen" and group:
            group, room = group * 12, 0
        elif word in SCALES and (group or at == start) and (total == 0 or total % (SCALES[word] * 1000) == 0):
            total, group, room = total + (group or 1) * SCALES[word], None, 0
        elif word == "and" and (room == 100 or (group is None and total)) and (following in UNITS or following in TENS):
            pass
        else:
            break
        at += 1
    if at == start or (group is None and not total):
        return None
    return Fraction(total + (group or 0)), at


def _take_decimals(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """ "point one four": digits one by one."""
    if at >= len(words) or words[at] != "point":
        return None
    digits = ""
    at += 1
    while at < len(words):
        word = words[at]
        if word in UNITS and UNITS[word] < 10:
            digits += str(UNITS[word])
        elif word == "oh":
            digits += "0"
        elif word.isdecimal() or (not digits and word in TENS):
            digits += word if word.isdecimal() else str(TENS[word])  # "point twenty five" opens with a ten
        else:
            break
        at += 1
    return (Fraction(int(digits), 10 ** len(digits)), at) if digits else None

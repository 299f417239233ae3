"""Numbers, dates, times and money as English writes them: small numbers in running text stay words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from duplex.models.asr.numbers.tokens import Number, Piece, Token, grouped, joined, piece, read_numbers

_DIGITS = {w: d for d, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])}
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DECADES = {f"{tens[:-1]}ies": 10 * number for number, tens in enumerate(_TENS, 2)}
_MAGNITUDES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_SMALL_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
_ORDINALS = [
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "thirtieth",
    "fortieth",
    "fiftieth",
    "sixtieth",
    "seventieth",
    "eightieth",
    "ninetieth",
    "hundredth",
    "thousandth",
    "millionth",
]
_WORDS = {*_DIGITS, *_TEENS, *_TENS, *_MAGNITUDES, *_SMALL_ORDINALS, *_ORDINALS}
_HYPHENED = re.compile(rf"({'|'.join(_TENS)})-({'|'.join([*list(_DIGITS)[1:], *_SMALL_ORDINALS])})")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_VERBS = {"may", "march"}
"""Months that are other words as well."""
_OH = {"oh", "o"}
_BEFORE_TIME = {"at", "until", "till", "before", "after", "since"}
_CURRENCIES = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
_CENTS = {"cent", "cents"}


class English:
    """The rules over one stretch of words; `pieces` holds what they have made of it so far."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self.pieces: list[Piece] = []
        self._at = 0

    def run(self) -> list[Piece]:
        """The places that are written anew, in order; all other words stay."""
        while self._at < len(self._words):
            self._at = self._clock_phrase(self._at) or self._digits(self._at) or self._run(self._at)
        return self.pieces

    def _core(self, at: int) -> str:
        return self._words[at].core if 0 <= at < len(self._words) else ""

    def _before(self, at: int) -> str:
        """The word before, unless punctuation parts the two."""
        return self._core(at - 1) if at and joined(self._words, at - 1, at + 1) else ""

    def _after(self, end: int) -> str:
        """The word that follows the one before `end`, unless punctuation parts the two."""
        return self._core(end) if end < len(self._words) and joined(self._words, end - 1, end + 1) else ""

    def _write(self, start: int, end: int, text: str) -> int:
        self.pieces.append(piece(self._words, start, end, text))
        return end

    def _hour(self, at: int) -> int:
        """An hour in a single word, else 0."""
        core = self._core(at)
        hour = _DIGITS.get(core) or (10 + _TEENS.index(core) if core in _TEENS[:3] else 0)
        return hour

    def _clock_phrase(self, at: int) -> int:
        """ "half past four", "quarter to five", "ten past nine": the end, or 0."""
        minutes = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20}.get(self._core(at))
        if minutes is None or not joined(self._words, at, at + 3) or not (hour := self._hour(at + 2)):
            return 0
        if self._after(at + 3) in _WORDS or self._after(at + 3)[:1].isdigit():
            return 0
        start = at - 1 if self._core(at) == "quarter" and self._before(at) == "a" else at
        if self._core(at + 1) == "past":
            pass
        elif self._core(at + 1) == "to" and self._core(at) == "quarter":
            hour, minutes = (hour - 2) % 12 + 1, 60 - minutes
        else:
            return 0
        return self._half_day(self._write(start, at + 3, f"{hour}:{minutes:02}"))

    def _half_day(self, end: int) -> int:
        """Writes the "p m" that follows as PM; the new end."""
        length = self._half_day_length(end)
        return self._write(end, end + length, self._core(end)[0].upper() + "M") if length else end

    def _half_day_length(self, end: int) -> int:
        """How many words after `end` say before or after noon."""
        after = self._after(end)
        if after in {"am", "pm", "a.m", "p.m"}:
            return 0 if "." in after else 1
        return 2 if after in {"a", "p"} and self._after(end + 1) == "m" else 0

    def _says_half_day(self, end: int) -> bool:
        return bool(self._half_day_length(end)) or self._after(end) in {"a.m", "p.m"}

    def _digits(self, at: int) -> int:
        """Three or more digits in a row: the end, or 0."""
        if self._core(at) not in _DIGITS or self._before(at) == "point":
            return 0
        end = at + 1
        while self._after(end) in _DIGITS or self._after(end) in _OH:
            end += 1
        if self._after(end) in _MAGNITUDES or self._after(end) == "point":
            end -= 1
        while self._core(end - 1) in _OH:
            end -= 1
        clock = end - at == 3 and self._core(at + 1) in _OH and self._before(at) in _BEFORE_TIME
        if end - at < 3 or clock or self._says_half_day(end):
            return 0
        return self._write(at, end, "".join(str(_DIGITS.get(self._core(n), 0)) for n in range(at, end)))

    def _number_word(self, at: int) -> bool:
        return self._core(at) in _WORDS or bool(_HYPHENED.fullmatch(self._core(at)))

    def _run(self, at: int) -> int:
        """The number words from `at` on, each number by the first rule that fits; the end, at least `at` + 1."""
        if not self._number_word(at):
            return at + 1
        end = at + 1
        while joined(self._words, end - 1, end + 1):
            core = self._core(end)
            links = core == "point" or (core == "and" and self._adds(end))
            if not self._number_word(end) and not (
                links and joined(self._words, end, end + 2) and self._number_word(end + 1)
            ):
                break
            end += 1
        numbers = self._read(at, end)
        while numbers:
            done = self._digits(numbers[0].start) or self._one(numbers)
            numbers = [number for number in numbers if number.start >= done]
            end = max(end, done)
        return end

    def _adds(self, at: int) -> bool:
        """The "and" at `at` joins one number, as in "one hundred and two", unlike "one hundred and two hundred"."""
        magnitude, after = self._core(at - 1), at + 1
        while self._number_word(after) and self._core(after) not in _MAGNITUDES:
            after += 1
        return magnitude in _MAGNITUDES and self._core(after) != magnitude

    def _read(self, at: int, end: int) -> list[Number]:
        cores = [self._core(n) for n in range(at, end)]
        if cores[:2] == ["one", "point"] and self._before(at) == "at":  # "at one point two people ..."
            return self._read(at + 2, end) if end > at + 2 else []
        numbers = []
        for number in read_numbers(cores, "en", at):
            if number.ordinal and self._core(number.end - 1) == "second" and not self._is_day(number):
                # "a twenty second clip": the last word is no number.
                numbers += read_numbers(cores[number.start - at : number.end - at - 1], "en", number.start)
            else:
                numbers.append(number)
        return numbers

    def _is_day(self, number: Number) -> bool:
        before, after = self._before(number.start), self._after(number.end)
        return before in {*_MONTHS, "the"} or after == "of" or "-" in self._core(number.end - 1)

    def _one(self, numbers: list[Number]) -> int:
        """Writes the first of the numbers, and those that belong to it; the end of what is done."""
        first = numbers[0]
        start, end = first.start, first.end
        if first.ordinal:
            return self._ordinal(first)
        value, text = first.value, first.text
        second = numbers[1] if len(numbers) > 1 and numbers[1].start == end else None
        if (
            second is None
            and self._after(end) in _OH
            and _DIGITS.get(self._after(end + 1))
            and (self._after(end + 2) not in _WORDS)
        ):
            second = Number(end, end + 2, "0", _DIGITS[self._core(end + 1)], False)
        third = second is not None and len(numbers) > 2 and numbers[2].start == second.end
        if second is not None and not second.ordinal and not third and second.value == int(second.value):
            oh = second.text == "0"
            if end - start == 1 and 13 <= value <= 20 and (10 <= second.value <= 99 or oh):
                value, end = value * 100 + second.value, second.end
                text = str(int(value))
            elif (
                self._hour(start)
                and end - start == 1
                and (10 <= second.value <= 59 or oh)
                and self._is_time(start, second.end)
            ):
                return self._half_day(self._write(start, second.end, f"{int(value)}:{int(second.value):02}"))
        return self._cardinal(start, end, value, text)

    def _is_time(self, start: int, end: int) -> bool:
        """Two numbers are hour and minute before "p m", or after a word such as "at" unless something is counted."""
        counted = self._after(end) in {*_CURRENCIES, *_CENTS, "percent", "people", "years", "minutes"}
        return self._says_half_day(end) or (self._before(start) in _BEFORE_TIME and not counted)

    def _ordinal(self, number: Number) -> int:
        start, end = number.start, number.end
        if self._core(start) in _MAGNITUDES:
            return end
        before, after = self._before(start), self._after(end)
        if before in _MONTHS and 1 <= number.value <= 31:
            self._month(start - 1)
            return self._write(start, end, str(int(number.value)))
        if after == "of" and self._after(end + 1) in _MONTHS and 1 <= number.value <= 31:
            self._write(start, end, number.text)
            self._month(end + 1)
            return end + 2
        fraction = self._core(end - 1) in {"hundredth", "thousandth", "millionth"} and before != "the"
        return self._write(start, end, number.text) if number.value >= 10 and not fraction else end

    def _month(self, at: int) -> None:
        if not (self.pieces and self.pieces[-1].end > at):
            self._write(at, at + 1, self._core(at).capitalize())

    def _cardinal(self, start: int, end: int, value: float, text: str) -> int:
        article = self._core(start) in _MAGNITUDES
        if article and self._before(start) == "a":
            start -= 1
        elif article:
            return end
        after = self._after(end)
        whole = value == int(value) and "." not in text
        if after in _DECADES and end - start == 1 and 13 <= value <= 20:
            return self._write(start, end + 1, f"{int(value)}{_DECADES[after]}s")
        if not whole and after in {"million", "billion"} and self._after(end + 1) in _CURRENCIES:
            self._write(start, end, _CURRENCIES[self._core(end + 1)] + text)
            return self._write(end, end + 2, after)
        if after in _CURRENCIES:
            return self._money(start, end, value, text, whole)
        if after == "percent" or (after == "per" and self._after(end + 1) == "cent"):
            number = grouped(value, ",") if whole else text
            return self._write(start, end + (1 if after == "percent" else 2), f"{number}%")
        if article and end - start == 2:
            return end  # "a hundred"
        if self._says_half_day(end) and end - start == 1 and self._hour(start):
            return self._half_day(self._write(start, end, text))
        if after in {"o'clock", "o’clock"} or (self._before(start) in {*_MONTHS} - _VERBS and 1 <= value <= 31):
            if self._before(start) in _MONTHS and after not in {"o'clock", "o’clock"}:
                self._month(start - 1)
            return self._write(start, end, text)
        if whole and value < 10 and (end - start > 1 or after not in _CENTS):
            return end
        return self._amount(start, end, value, text, whole)

    def _amount(self, start: int, end: int, value: float, text: str, whole: bool, sign: str = "") -> int:
        """Millions and billions keep their word: "5 million"."""
        scale = _MAGNITUDES.get(self._core(end - 1), 0)
        if whole and scale >= 10**6 and value % scale == 0 and end - start > 1:
            self._write(start, end - 1, sign + grouped(value / scale, ","))
            return end
        return self._write(start, end, sign + (grouped(value, ",", 1000 if sign else 10_000) if whole else text))

    def _money(self, start: int, end: int, value: float, text: str, whole: bool) -> int:
        """ "twenty three dollars and fifty cents"."""
        sign, close = _CURRENCIES[self._core(end)], end + 1
        at = close + 1 if self._after(close) == "and" else close
        cents_end = at
        while joined(self._words, close - 1, cents_end + 1) and self._number_word(cents_end):
            cents_end += 1
        if whole and cents_end > at and self._after(cents_end) in _CENTS:
            cents = read_numbers([self._core(n) for n in range(at, cents_end)], "en", at)
            if len(cents) == 1 and cents[0].end - cents[0].start == cents_end - at and 0 < cents[0].value < 100:
                amount = f"{sign}{grouped(value, ',', 1000)}.{int(cents[0].value):02}"
                return self._write(start, cents_end + 1, amount)
        done = self._amount(start, end, value, text, whole, sign)
        last = self.pieces.pop()
        if last.end < done:  # "$5" and "million dollars": the currency's word goes with the magnitude
            self.pieces.append(last)
            return self._write(done - 1, close, self._core(done - 1))
        return self._write(last.start, close, last.text[len(self._words[last.start].lead) :])

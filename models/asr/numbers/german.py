"""Numbers, dates, times and money as German writes them: up to twelve they stay words in running text."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.asr.numbers.tokens import Number, Piece, Token, grouped, joined, piece, read_numbers

_DIGITS = {
    w: d for d, w in enumerate(["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"])
} | {"zwo": 2}
_HOURS = {**_DIGITS, "ein": 1, "zehn": 10, "elf": 11, "zwölf": 12}
_MONTHS = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
]
_MILLIONS = {"million": 10**6, "millionen": 10**6, "milliarde": 10**9, "milliarden": 10**9}
_LARGEST_WORD = 12


class German:
    """The rules over one stretch of words."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self.pieces: list[Piece] = []

    def run(self) -> list[Piece]:
        """The places that are written anew, in order; all other words stay."""
        at = 0
        while at < len(self._words):
            at = self._clock_phrase(at) or self._digits(at) or self._number(at) or at + 1
        return self.pieces

    def _core(self, at: int) -> str:
        return self._words[at].core if 0 <= at < len(self._words) else ""

    def _after(self, end: int) -> str:
        return self._core(end) if end < len(self._words) and joined(self._words, end - 1, end + 1) else ""

    def _write(self, start: int, end: int, text: str) -> int:
        self.pieces.append(piece(self._words, start, end, text))
        return end

    def _clock_phrase(self, at: int) -> int:
        """ "halb vier", "viertel nach vier", "viertel vor vier": the end, or 0. "halb vier" is half an hour before."""
        first, second = self._core(at), self._after(at + 1)
        hour_at, minutes = at + 1, 30
        if first == "viertel" and second in {"nach", "vor"}:
            hour_at, minutes = at + 2, 15 if second == "nach" else 45
        elif first != "halb":
            return 0
        hour = _HOURS.get(self._after(hour_at), 0)
        if not hour:
            return 0
        if minutes != 15:
            hour = (hour - 2) % 12 + 1
        return self._write(at, hour_at + 1, f"{hour}:{minutes:02}")

    def _digits(self, at: int) -> int:
        """Three or more digits in a row: the end, or 0."""
        end = at
        while (self._after(end) if end > at else self._core(end)) in _DIGITS:
            end += 1
        if self._after(end) in {"komma", "uhr"} and end > at:
            end -= 1
        if end - at < 3:
            return 0
        return self._write(at, end, "".join(str(_DIGITS[self._core(n)]) for n in range(at, end)))

    def _read(self, at: int) -> Number | None:
        """The number that begins at `at`; "komma" and "ein hundert" join words, nothing else does."""
        if not self._core(at).isalpha() or at >= len(self._words):
            return None
        end = at + 1
        while end - at < 8 and joined(self._words, at, end + 1) and self._core(end).isalpha():
            end += 1
        found = read_numbers([self._core(n) for n in range(at, end)], "de", at)
        return found[0] if found and found[0].start == at else None

    def _number(self, at: int) -> int:
        number = self._read(at)
        if number is None:
            return 0
        end, value = number.end, number.value
        after = self._after(end)
        if number.ordinal:
            day = after in _MONTHS and value <= 31
            if day or value > _LARGEST_WORD:
                self._write(at, end, number.text)
            if day:
                self._write(end, end + 1, self._core(end).capitalize())
                return end + 1
            return end
        if self._core(at) in {"hundert", "tausend", *_MILLIONS}:  # "tausend Dank", "eine Million"
            return end
        scale = _MILLIONS.get(self._core(end - 1), 0)
        if scale and value % scale == 0:  # "20 Millionen"
            if value / scale > _LARGEST_WORD:
                self._write(at, end - 1, grouped(value / scale, "."))
            return end
        whole = "," not in number.text
        text = grouped(value, ".") if whole else number.text
        second = self._read(end + 1) if after in {"euro", "uhr"} and joined(self._words, end, end + 2) else None
        if second is not None and whole and not second.ordinal and second.end == end + 2 and "," not in second.text:
            if after == "euro" and 10 <= second.value < 100:
                return self._pair(at, second, f"{text},{int(second.value):02}", "€")
            if after == "uhr" and value <= 24 and 0 < second.value < 60:
                return self._pair(at, second, f"{int(value)}:{int(second.value):02}", "Uhr")
        if after in {"prozent", "euro"}:
            self._write(at, end, text)
            return self._write(end, end + 1, "%" if after == "prozent" else "€")
        if whole and value <= _LARGEST_WORD and after != "uhr":
            return end
        self._write(at, end, text)
        return self._write(end, end + 1, "Uhr") if after == "uhr" else end

    def _pair(self, at: int, second: Number, text: str, unit: str) -> int:
        """The unit, spoken between the two numbers, is written behind them."""
        self._write(at, second.start, text)
        return self._write(second.start, second.end, unit)

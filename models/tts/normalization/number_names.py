"""Numbers in words, English and German: cardinals, ordinals, years, digits."""

from __future__ import annotations

LARGEST = 10**15
"""Numbers from here on are read digit by digit."""


def _words(text: str) -> list[str]:
    return text.split()


_EN = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_EN_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_EN_LARGE = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_EN_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_DE = _words(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_DE_TENS = _words("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_DE_LARGE = ((10**12, "Billion", "Billionen"), (10**9, "Milliarde", "Milliarden"), (10**6, "Million", "Millionen"))
_DE_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def cardinal(number: int, language: str) -> str:
    """42 → "forty-two", "zweiundvierzig"."""
    if number < 0:
        return f"minus {cardinal(-number, language)}"
    if number >= LARGEST:
        return digits(str(number), language)
    return _german(number) if language == "de" else _english(number)


def ordinal(number: int, language: str, ending: str = "er") -> str:
    """3 → "third", "dritter"; ending: of the German word, as the sentence asks."""
    if language == "de":
        last = number % 100
        if last in _DE_ORDINALS:
            head = _german(number - last) if number > last else ""
            return f"{head}{_DE_ORDINALS[last]}{ending}"
        return f"{_german(number)}{'t' if 0 < last < 20 else 'st'}{ending}"
    head, dash, last_word = _english(number).rpartition("-")
    if not dash:
        head, dash, last_word = _english(number).rpartition(" ")
    if last_word in _EN_ORDINALS:
        return f"{head}{dash}{_EN_ORDINALS[last_word]}"
    return f"{head}{dash}{last_word[:-1] + 'ie' if last_word.endswith('y') else last_word}th"


def year(number: int, language: str) -> str:
    """1984 → "nineteen eighty-four", "neunzehnhundertvierundachtzig"; 2005 → "two thousand five"."""
    century, rest = divmod(number, 100)
    if not 11 <= century < 100 or 2000 <= number < 2010:
        return cardinal(number, language)
    if language == "de":
        return _german(number) if century >= 20 else f"{_DE[century]}hundert{_german(rest) if rest else ''}"
    if not rest:
        return f"{_english(century)} hundred"
    return f"{_english(century)} {'oh ' if rest < 10 else ''}{_english(rest)}"


def digits(text: str, language: str) -> str:
    """ "030" → "zero three zero"; what is no digit parts groups with a comma."""
    names = _DE if language == "de" else _EN
    groups = "".join(sign if sign in "0123456789" else " " for sign in text).split()
    return ", ".join(" ".join(names[int(sign)] for sign in group) for group in groups)


def decimal(whole: str, fraction: str, language: str) -> str:
    """("3", "14") → "three point one four", "drei Komma eins vier"."""
    return f"{cardinal(int(whole), language)} {'Komma' if language == 'de' else 'point'} {digits(fraction, language)}"


def _english(number: int) -> str:
    if number < 20:
        return _EN[number]
    if number < 100:
        tens, one = divmod(number, 10)
        return _EN_TENS[tens - 2] + (f"-{_EN[one]}" if one else "")
    size, name = next(entry for entry in _EN_LARGE if number >= entry[0])
    many, rest = divmod(number, size)
    return f"{_english(many)} {name}" + (f" {_english(rest)}" if rest else "")


def _german(number: int) -> str:
    if number < 20:
        return _DE[number]
    if number < 100:
        tens, one = divmod(number, 10)
        return (f"{'ein' if one == 1 else _DE[one]}und" if one else "") + _DE_TENS[tens - 2]
    if number < 10**6:
        size, name = (1000, "tausend") if number >= 1000 else (100, "hundert")
        many, rest = divmod(number, size)
        head = "ein" if many == 1 else _german(many)
        return f"{head.removesuffix('s') if head.endswith('eins') else head}{name}" + (_german(rest) if rest else "")
    size, one, several = next(entry for entry in _DE_LARGE if number >= entry[0])
    many, rest = divmod(number, size)
    head = f"eine {one}" if many == 1 else f"{_german(many)} {several}"
    return head + (f" {_german(rest)}" if rest else "")

"""The rules of text normalization, in the order in which they count: (pattern, what is said for a match or None).

What is said stands for the match, or for its group "part" where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from duplex.models.tts.normalization.number_names import cardinal, decimal, digits, ordinal, year
from duplex.models.tts.normalization.vocabulary import (
    ABBREVIATIONS,
    CURRENCIES,
    FRACTIONS,
    MONTHS,
    SCALES,
    SIGNS,
    UNITS,
    WORDS,
)

LANGUAGES = ("en", "de")

Said = Callable[[re.Match[str]], str | None]

_PICTOGRAPHS = re.compile(
    "(?:[0-9#*]\ufe0f?\u20e3|[\U0001f000-\U0001faff\U000e0020-\U000e007f☀-➿⬀-⯿⌀-⏿■-◿\u200d\ufe0f\u20e3])+"
)
_FILES = (
    "py js ts c h cpp rs go java rb sh md txt json toml yaml yml xml html css csv pdf png jpg gif svg wav mp3 mp4 zip "
    "gz tar exe log cfg ini"
)

_ADDRESS_SIGNS = (
    (".", "dot"), ("/", "slash"), ("\\", "backslash"), ("-", "dash"), ("_", "underscore"), ("@", "at"), ("~", "tilde"),
    ("+", "plus"), (":", "colon"),
)  # fmt: skip


@cache
def rules(language: str) -> tuple[tuple[re.Pattern[str], Said], ...]:
    """Of one of LANGUAGES."""
    words = WORDS[language]
    german = language == "de"
    whole = r"\d{1,3}(?:\.\d{3})+(?![\d.])|\d+" if german else r"\d{1,3}(?:,\d{3})+(?![\d,])|\d+"
    point = "," if german else r"\."
    number = rf"(?P<sign>(?<![\w.,])[-−])?(?<![\w.,])(?P<whole>{whole})(?:{point}(?P<fraction>\d+))?"
    month = "|".join(sorted(MONTHS[language], key=len, reverse=True))
    units = "|".join(re.escape(unit) for unit in sorted(UNITS[language], key=len, reverse=True))
    money = "|".join(re.escape(sign) for sign in CURRENCIES[language])
    scale = "|".join(SCALES[language])
    abbreviations = "|".join(re.escape(each) for each in sorted(ABBREVIATIONS[language], key=len, reverse=True))
    extensions = "|".join(_FILES.split())

    def counted(match: re.Match[str]) -> str:
        """The number of the match's groups sign, whole and fraction."""
        plain = re.sub(r"[.,]", "", match["whole"])
        sign = f"{words['minus']} " if match["sign"] else ""
        if match["fraction"]:
            return sign + decimal(plain, match["fraction"], language) if len(plain) < 16 else digits(plain, language)
        if (plain.startswith("0") and len(plain) > 1) or len(plain) > 15:
            return sign + digits(plain, language)
        return sign + cardinal(int(plain), language)

    def one_or_many(match: re.Match[str], one: str, many: str) -> str:
        single = match["whole"] == "1" and not match["fraction"]
        if single and german:
            return f"{'eine' if one in words['feminine'].split() else 'ein'} {one}"
        return f"{counted(match)} {one if single else many}"

    def spelled(text: str) -> str:
        """An address or a path: its signs in words."""
        for sign, name in _ADDRESS_SIGNS:
            text = text.replace(sign, f" {words.get(name, name)} ")
        return " ".join(re.sub(r"[^\w\s]|_", " ", text).split())

    def address(match: re.Match[str]) -> str:
        path = match["path"].rstrip("/") if len(match["path"]) < 24 and not re.search("[?#&=%]", match["path"]) else ""
        return spelled(match["host"] + path)

    def date(day: str, name: str, year_: str | None, match: re.Match[str]) -> str | None:
        if not 1 <= int(day) <= 31:
            return None
        after = f" {year(int(year_), language)}" if year_ else ""
        if german:
            before = re.search(r"\b(am|vom|zum|dem|den|im|bis|seit|ab|beim)\s+$", match.string[: match.start()], re.I)
            return f"{ordinal(int(day), 'de', 'en' if before else 'er')} {name}{after}"
        return f"{name} {ordinal(int(day), 'en')}{',' if after else ''}{after}"

    def numeric_date(day: str, month_: str, year_: str, match: re.Match[str]) -> str | None:
        names = list(dict.fromkeys(MONTHS[language].values()))
        if not 1 <= int(month_) <= 12:
            return None
        full = str(2000 + int(year_)) if len(year_) == 2 else year_
        return date(day, names[int(month_) - 1], full, match)

    def any_date(match: re.Match[str]) -> str | None:
        return numeric_date(match["d"], match["m"], match["y"], match)

    def abbreviation(match: re.Match[str]) -> str:
        """At the end of the text its full stop is that of the sentence too."""
        over = match[0].endswith(".") and not match.string[match.end() :].strip()
        return ABBREVIATIONS[language][match[0]] + ("." if over else "")

    def clock(match: re.Match[str]) -> str | None:
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        if hour > 24 or minute > 59:
            return None
        if german:
            hours = "ein" if hour == 1 else cardinal(hour, "de")
            return f"{hours} Uhr{' ' + cardinal(minute, 'de') if minute else ''}"
        half = re.sub(r"[\s.]", "", match["half"] or "").upper()
        part = f" {' '.join(half)}" if half else ""
        said = f"oh {cardinal(minute, 'en')}" if 0 < minute < 10 else cardinal(minute, "en") if minute else ""
        if not said and not half:
            said = "o'clock" if hour <= 12 else "hundred"
        return f"{cardinal(hour, 'en')}{' ' + said if said else ''}{part}"

    def price(match: re.Match[str]) -> str:
        one, many, small, smalls = CURRENCIES[language][match["money"]]
        scale_ = match["scale"]
        if scale_:
            return f"{counted(match)} {scale_} {many}"
        fraction = match["fraction"]
        if fraction and len(fraction) == 2 and small:
            plain = int(re.sub(r"[.,]", "", match["whole"]))
            main = f"{'ein' if german and plain == 1 else cardinal(plain, language)} {one if plain == 1 else many}"
            cents = int(fraction)
            if not cents:
                return main
            rest = f"{'ein' if german and cents == 1 else cardinal(cents, language)} {small if cents == 1 else smalls}"
            return f"{main} {words['and']} {rest}"
        return one_or_many(match, one, many)

    def unit(match: re.Match[str]) -> str:
        one, many = UNITS[language][match["unit"]]
        return one_or_many(match, one, many)

    def years(match: re.Match[str]) -> str:
        return year(int(match["part"]), language)

    def telephone(match: re.Match[str]) -> str | None:
        if sum(sign.isdigit() for sign in match[0]) < 7:
            return None
        return f"{words['plus'] + ' ' if '+' in match[0] else ''}{digits(match[0], language)}"

    def identifier(match: re.Match[str]) -> str:
        parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", match[0].replace("()", ""))
        return " ".join(re.sub(r"[_.]+", " ", parted).split())

    listed: list[tuple[str, Said]] = [
        (r"(?:https?|ftp|wss?)://(?:www\.)?(?P<host>[\w.-]*\w)(?::\d+)?(?P<path>(?:/[^\s<>\"')\]]*[\w/=])?)", address),
        (r"\bwww\.(?P<host>[\w.-]*\w)(?P<path>(?:/[^\s<>\"')\]]*[\w/=])?)", address),
        (r"\b[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}\b", lambda match: spelled(match[0])),
        (r"(?<![\w/])(?:~|\.{1,2})?(?:/[\w.+-]*[\w+-]){2,}/?(?!\w)", lambda match: spelled(match[0])),
        (r"\b[A-Za-z]:\\[\w\\.-]*\w", lambda match: spelled(match[0])),
        (rf"(?<![\w/.])[\w-]+(?:[/.][\w-]+)*\.(?:{extensions})\b", lambda match: spelled(match[0])),
        (r"\b[A-Za-z]\w*_\w+(?:\(\))?|\b[A-Za-z]\w*\(\)", identifier),
        (r"\b[a-z]+(?:[A-Z][a-z]+){2,}\b", identifier),
        (rf"(?<!\w)(?:{abbreviations})(?!\w)", abbreviation),
        (r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", any_date),
    ]  # fmt: skip
    if german:
        listed += [
            (
                r"\b(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})\b",
                any_date,
            ),
            (
                rf"\b(?P<d>\d{{1,2}})\.\s*(?P<name>{month})\b(?:\s+(?P<y>\d{{4}})\b)?",
                lambda match: date(match["d"], MONTHS["de"][match["name"]], match["y"], match),
            ),
            (r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s*Uhr\b(?P<half>)", clock),
            (r"\b(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)\b(?P<half>)", clock),
        ]
    else:
        listed += [
            (
                r"\b(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})\b",
                any_date,
            ),
            (
                rf"\b(?P<name>{month})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)(?:,?\s+(?P<y>\d{{4}})\b)?",
                lambda match: date(match["d"], MONTHS["en"][match["name"]], match["y"], match),
            ),
            (
                rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<name>{month})\b(?:,?\s+(?P<y>\d{{4}})\b)?",
                lambda match: date(match["d"], MONTHS["en"][match["name"]], match["y"], match),
            ),
            (rf"\b(?:{month})\s+(?P<part>1[1-9]\d\d|20\d\d)\b(?![,.]\d)", years),
            (r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:\s?(?P<half>[AaPp]\.?[Mm]\b))?", clock),
            (r"\b(?P<hour>\d{1,2})(?P<minute>)\s?(?P<half>[AaPp]\.?[Mm]\b)", clock),
            (r"\b(?P<number>\d{1,9})(?:st|nd|rd|th)\b", lambda match: ordinal(int(match["number"]), "en")),
            (r"\b(?P<decade>1[1-9]\d0|20[1-9]0)s\b", lambda match: f"{year(int(match['decade']), 'en')[:-1]}ies"
             if match["decade"][2] != "0" else None),
        ]  # fmt: skip
    listed += [
        (rf"(?P<money>{money})\s?{number}(?:\s(?P<scale>{scale})\b)?", price),
        (rf"{number}(?:\s(?P<scale>{scale}))?\s?(?P<money>{money})(?!\w)", price),
        (r"(?<![\w.,])\+\d{1,3}[\s/-]?(?:\(?\d{1,5}\)?[\s/-]?){1,5}\d{2,}\b", telephone),
        (r"(?<![\w.,])\(?\d{3}\)?[\s-]\d{3}-\d{4}\b", telephone),
        (r"(?<![\w.,])\(?0\d{1,4}\)?[\s/-]\d{3,}(?:[\s-]\d{2,})*\b", telephone),
        (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)", lambda match: f" {words['point']} ".join(
            cardinal(int(part), language) if len(part) < 10 else digits(part, language) for part in match[0].split(".")
        )),
        (rf"{number}\s?(?P<unit>{units})(?![\w])", unit),
        (rf"\b(?i:{words['year_before']})\s+(?P<part>1[1-9]\d\d|20\d\d)\b(?![,.%]\d)", years),
        (r"(?<=\d)\s?[–-]\s?(?=\d)", lambda match: f" {words['to']} "),
        (r"(?<![\w/])(?P<top>\d)/(?P<bottom>\d{1,2})(?![\w/])", lambda match: FRACTIONS[language].get(match[0])),
        (rf"{number}(?![\w])", counted),
        (r"(?<=\d)\s?[x×]\s?(?=\d)", lambda match: f" {words['times']} "),
        ("|".join(re.escape(sign) for sign in sorted(SIGNS[language], key=len, reverse=True) if not sign.isascii()),
         lambda match: f" {SIGNS[language][match[0]]} "),
        (r"(?<!\S)(?:" + "|".join(re.escape(s) for s in sorted(SIGNS[language], key=len, reverse=True)) + r")(?!\S)",
         lambda match: SIGNS[language][match[0]]),
        (r"(?<=[\w\s])&(?=[\w\s])", lambda match: f" {words['and']} "),
        (r"#(?=\d)", lambda match: f"{words['number']} "),
        (r"(?<=\w)@(?=\w)", lambda match: f" {words['at']} "),
    ]  # fmt: skip
    return (
        (_PICTOGRAPHS, lambda match: "" if not match[0][0].isdigit() else match[0][0]),
        *((re.compile(pattern), said) for pattern, said in listed),
    )

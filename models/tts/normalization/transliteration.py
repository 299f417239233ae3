"""Words in other scripts → Latin letters that an English or German voice can say: Cyrillic, Greek, kana, Hangul.

Letter by letter, for names within a sentence. Scripts that cannot be read so (Han, Arabic, Thai …) give None.
"""

from __future__ import annotations

import unicodedata


def _each(text: str) -> list[str]:
    return text.split(" ")


_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґўё",
        _each("a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch | y | e yu ya i yi ye g w yo"),
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        _each("a v g d e z i th i k l m n x o p r s s t y f ch ps o"),
        strict=True,
    )
)
_GREEK_PAIRS = {
    "ου": "ou", "αι": "e", "ει": "i", "οι": "i", "μπ": "b", "ντ": "nt", "γγ": "ng", "γκ": "g", "αυ": "av", "ευ": "ev",
}  # fmt: skip
_KANA = {
    "": "アaイiウuエeオo", "k": "カaキiクuケeコo", "g": "ガaギiグuゲeゴo", "s": "サaスuセeソo", "z": "ザaズuゼeゾo",
    "t": "タaテeトo", "d": "ダaデeドo", "n": "ナaニiヌuネeノo", "h": "ハaヒiヘeホo", "b": "バaビiブuベeボo",
    "p": "パaピiプuペeポo", "m": "マaミiムuメeモo", "y": "ヤaユuヨo", "r": "ラaリiルuレeロo", "w": "ワaヲo",
}  # fmt: skip
_SYLLABLES = {
    "シ": "shi", "ジ": "ji", "チ": "chi", "ツ": "tsu", "フ": "fu", "ヂ": "ji", "ヅ": "zu", "ン": "n", "ヴ": "vu",
    "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "・": " ",
}  # fmt: skip
for _row, _pairs in _KANA.items():
    _SYLLABLES.update({_pairs[at]: _row + _pairs[at + 1] for at in range(0, len(_pairs), 2)})
_SMALL_Y = {"ャ": "ya", "ュ": "yu", "ョ": "yo"}
_INITIALS = _each("g kk n d tt r m b pp s ss  j jj ch k t p h")
_VOWELS = _each("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_FINALS = _each(" k k k n n n t l k m l l l p l m p p t t ng t t k t p t")


def latin(word: str) -> str | None:
    """The word in Latin letters; None if it has a letter of a script that cannot be read here."""
    out = ""
    letters = unicodedata.normalize("NFC", word)
    at = 0
    while at < len(letters):
        sign = letters[at]
        lower = _plain(sign)
        pair = lower + _plain(letters[at + 1]) if at + 1 < len(letters) else ""
        if pair in _GREEK_PAIRS:
            out, at = out + _cased(_GREEK_PAIRS[pair], sign), at + 2
            continue
        if lower in _CYRILLIC or lower in _GREEK:
            out += _cased(_CYRILLIC.get(lower, _GREEK.get(lower, "")).strip("|"), sign)
        elif "\uac00" <= sign <= "\ud7a3":
            code = ord(sign) - 0xAC00
            out += _INITIALS[code // 588] + _VOWELS[code % 588 // 28] + _FINALS[code % 28]
        elif (kana := _katakana(sign)) is not None:
            out = _with_kana(out, kana)
        elif sign.isalpha() and not unicodedata.name(sign, "").startswith("LATIN"):
            return None
        else:
            out += sign
        at += 1
    return out


def foreign(sign: str) -> bool:
    """A letter of another script than Latin."""
    return sign.isalpha() and sign > "\u036f" and not unicodedata.name(sign, "").startswith(("LATIN", "MODIFIER"))


def _plain(sign: str) -> str:
    """Lower case without accents; "й", "ї" and "ё" are letters of their own."""
    lower = sign.lower()
    if lower in _CYRILLIC:
        return lower
    return unicodedata.normalize("NFD", lower)[:1]


def _cased(latin: str, sign: str) -> str:
    return latin.capitalize() if sign.isupper() else latin


def _katakana(sign: str) -> str | None:
    if "\u3041" <= sign <= "\u3096":
        sign = chr(ord(sign) + 0x60)
    return sign if sign in _SYLLABLES or sign in _SMALL_Y or sign in "ーッ" else None


def _with_kana(out: str, kana: str) -> str:
    if kana in "ーッ":  # a long vowel, a long consonant
        return out
    if kana in _SMALL_Y:
        glide = _SMALL_Y[kana]
        head = out[:-1] if out.endswith("i") else out
        return head + (glide[1:] if head.endswith(("sh", "ch", "j")) else glide)
    return out + _SYLLABLES[kana]

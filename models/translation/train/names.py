"""Other names and numbers in both sides of a pair, so that they are copied rather than remembered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from random import Random

from .corpus import Pair


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _list(
    "Anna Ben Carla David Elif Farid Greta Hugo Ines Jonas Karim Lena Mehmet Nadia Oskar Paula Quentin Rosa Samuel "
    "Tara Umar Vera Wanda Xavier Yusuf Zoe Amira Bruno Chiara Dmitri Eva Fatima Georg Hana Igor Julia Katja Liam Maja "
    "Noah Olga Pedro Rania Stefan Theo Ursula Viktor Wolfgang Yara Zeynep Emily James Oliver Sophia Lucas Charlotte "
    "Henry Amelia Jack Grace William Chloe George Isla Thomas Ella Peter Laura Martin Sabine Andreas Monika Klaus "
    "Petra Jürgen Birgit Uwe Heike Ryan Megan Kevin Rachel Brian Nicole Aisha Omar Mei Hiroshi Priya Arjun Ngozi "
    "Kwame Ivan Svetlana"
)
FAMILY = _list(
    "Smith Johnson Miller Brown Wilson Taylor Clark Walker Hughes Murphy Kelly Cooper Bennett Foster Schmidt Becker "
    "Wagner Hoffmann Schäfer Koch Richter Klein Wolf Neumann Krüger Lehmann Vogel Yılmaz Kaya Nowak Kowalski Ivanov "
    "Petrov Rossi Bianchi Garcia Martinez Silva Costa Dubois Laurent Nguyen Tanaka Suzuki Chen Wang Singh Patel Khan "
    "Okafor Mensah"
)
_SYLLABLES = _list(
    "ka lo mi ran ter vi sen dor bel fa gru hol ni pas quo ri stu tam ul ver wex yan zo bri chel dra fen gar hin jo "
    "kre lun mor nel ost pri rul shi tro vak wil zan ber el an ton ik ova sky berg feld mann stein ley ford ham"
)
_NUMBER = re.compile(r"(?<![\d.,:/-])\d{1,4}(?![\d:/-]|[.,]\d)")


def invented(rng: Random) -> str:
    """A name that nobody has: two or three syllables."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((2, 2, 3)))).capitalize()


class Swapper:
    """Knows which words are names: capitalised on both sides alike, mostly not at the start, never written small."""

    def __init__(self, pairs: Iterable[Pair], least: int = 2) -> None:
        inner: Counter[str] = Counter()
        small: set[str] = set()
        for pair in pairs:
            english, german = re.findall(r"\w+", pair.en), set(re.findall(r"\w+", pair.de))
            small.update(word for word in english if word.islower())
            inner.update(w for w in english[1:] if w[0].isupper() and not w.isupper() and len(w) > 2 and w in german)
        self.names = frozenset(w for w, count in inner.items() if count >= least and w.lower() not in small)
        self._pool = sorted(self.names)

    def other_name(self, rng: Random) -> str:
        """Given names mostly; family names, invented ones and names of the corpus too."""
        chance = rng.random()
        if chance < 0.35:
            return rng.choice(GIVEN)
        if chance < 0.5:
            return f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"
        if chance < 0.6:
            return rng.choice(FAMILY)
        if chance < 0.85 or not self._pool:
            return invented(rng)
        return rng.choice(self._pool)

    def swap(self, pair: Pair, rng: Random, rate: float) -> Pair:
        """The pair with other names and numbers where both sides have the same ones; the genitive is kept."""
        english, german = pair.en, pair.de
        for name in dict.fromkeys(re.findall(r"\w+", english)):
            if name in self.names and rng.random() < rate:
                english, german = self._swap_name(name, english, german, rng)
        if any(c.isdigit() for c in english) and rng.random() < 2 * rate:
            english, german = _swap_numbers(english, german, rng)
        if english == pair.en:
            return pair
        return Pair(english, german)

    def _swap_name(self, name: str, english: str, german: str, rng: Random) -> tuple[str, str]:
        other = self.other_name(rng)
        plain = re.compile(rf"\b{name}\b(?!['’-])")
        owned_english, owned_german = re.compile(rf"\b{name}'s\b"), re.compile(rf"\b{name}s\b")
        count = len(plain.findall(english)), len(owned_english.findall(english))
        if count != (len(plain.findall(german)), len(owned_german.findall(german))) or not sum(count):
            return english, german
        owner = other + "'" if other[-1] in "sxzß" else other + "s"
        english = owned_english.sub(lambda _: f"{other}'s", plain.sub(lambda _: other, english))
        return english, owned_german.sub(lambda _: owner, plain.sub(lambda _: other, german))


def _swap_numbers(english: str, german: str, rng: Random) -> tuple[str, str]:
    for number in dict.fromkeys(_NUMBER.findall(english)):
        pattern = re.compile(rf"(?<![\d.,:/-]){number}(?![\d:/-]|[.,]\d)")
        if len(number) > 1 and len(pattern.findall(english)) == len(pattern.findall(german)):
            size = rng.randint(3, 9) if rng.random() < 0.2 else len(number)
            first = "12" if size == 4 else "123456789"
            other = rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(size - 1))
            english, german = pattern.sub(other, english), pattern.sub(other, german)
    return english, german

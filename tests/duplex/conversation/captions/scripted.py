"""Translators whose answers are known."""

from __future__ import annotations

from duplex.models.translation.contract import Translation


class TurningTranslator:
    """Last word first, so that words change while a sentence grows, and in capitals; "xxx" is hopeless; fails on
    "boom"."""

    name = "turning"
    pairs = frozenset({("en", "de"), ("en", "fr")})

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool]] = []

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        self.asked.append((text, target, partial))
        if "boom" in text:
            raise RuntimeError("no such word")
        words = [f"{word.upper()}" for word in reversed(text.split())]
        return Translation(" ".join(words), source, target, 0.1 if "xxx" in text else 0.9, "xxx" in text)


class Capitals:
    """Word for word, in capitals, behind the words that must stay. asked, drafts: what it was given."""

    name = "capitals"
    pairs = frozenset({("en", "de")})

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.drafts: list[str] = []

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        self.asked.append(text)
        self.drafts.append(draft)
        words, kept = text.upper().split(), begin.split()
        words = [*kept, *words[len(kept) :]]
        return Translation(" ".join(words), source, target, 0.9, False, tuple(range(len(words))))

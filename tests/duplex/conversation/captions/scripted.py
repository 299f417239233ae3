"""A translator that turns words round, so that its words change while a sentence grows."""

from __future__ import annotations

from duplex.models.translation.contract import Translation


class TurningTranslator:
    """Last word first, in capitals; "xxx" is hopeless; fails on "boom"."""

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

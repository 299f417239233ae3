"""What a translator is: text in one language in, text in another out, with an estimate of how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Translation:
    """One text in another language.

    source, target: languages by two letters; source is what the text was taken for, which is the target language if
    the speaker already spoke that: `text` is then the input unchanged.
    quality: estimated chance, 0 to 1, that the translation is usable. hopeless: better not shown as a translation.
    alignment: for each word of `text`, the number of the source word that it was made from; empty if unknown.
    complete: False if it was cut: a loop of repetitions, or more words than a translation can have.
    """

    text: str
    source: str
    target: str
    quality: float = 1.0
    hopeless: bool = False
    alignment: tuple[int, ...] = ()
    complete: bool = True


class Translator(Protocol):
    """Translates between the languages of `pairs`.

    name: short, for tables and logs. pairs: (source, target) languages it can do.
    """

    name: str
    pairs: frozenset[tuple[str, str]]

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        """partial: more words of the sentence will follow. begin: words of the translation that must stay as they are.
        draft: an earlier translation of a shorter or otherwise heard source, to start from; the result need not begin
        with it, and a translator may ignore it.

        An empty text has an empty translation. Raises SettingsError for another pair.
        """
        ...

"""Where a language model has begun to go round in circles, its answer is cut.

Small and heavily quantized models fall into loops: a word, a phrase or a sentence over and over, or an endless line of
signs or spaces. A person repeats too ("ha ha ha", the line of a song), so a loop is what goes on beyond that.
"""

from __future__ import annotations

import re

LONGEST_UNIT = 64
"""Words of the longest stretch whose repetition is seen."""
LEAST_WORDS = 18
"""Words that a loop has at least, however short what it repeats."""
LEAST_TIMES = 3
LONGEST_TOKEN = 400
"""Characters without a word's end, or of nothing but space, after which an answer is cut."""

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0eff]|[^\W_]+(?:['’][^\W_]+)*|_+|[^\w\s]+")
"""A word, a run of signs, or a character of a script without spaces."""


class RepetitionGuard:
    """Lets text through until it repeats itself without end, or has more than `most` characters.

    `done` is set then, and nothing comes after. Costs a fixed amount for each word.
    """

    def __init__(self, most: int = 1_000_000) -> None:
        self.done = False
        self._most = most
        self._open = ""
        """The end of the text, whose last word may go on."""
        self._last: list[str] = []
        """The latest words, at most LONGEST_UNIT."""
        self._runs = [0] * (LONGEST_UNIT + 1)
        """For each length of a unit: how many words in a row are what they were one unit before."""

    def push(self, text: str) -> str:
        """What of `text` comes before the cut."""
        if self.done:
            return ""
        text = text[: self._most]
        self._most -= len(text)
        self._open += text
        tokens = list(_TOKEN.finditer(self._open))
        if tokens and tokens[-1].end() == len(self._open):
            tokens.pop()
        for token in tokens:
            self._add(token[0].lower())
            if self.done:
                return text[: max(0, len(text) - (len(self._open) - token.end()))]
        self._open = self._open[tokens[-1].end() :] if tokens else self._open
        self.done = self._most <= 0 or len(self._open) > LONGEST_TOKEN
        return text

    def _add(self, word: str) -> None:
        for unit in range(1, len(self._last) + 1):
            run = self._runs[unit] + 1 if self._last[-unit] == word else 0
            self._runs[unit] = run
            whole = run + unit  # the first time counts
            if run and whole >= max(LEAST_WORDS, LEAST_TIMES * unit):
                self.done = True
        self._last = [*self._last[-(LONGEST_UNIT - 1) :], word]

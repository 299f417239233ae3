"""The bundled translator: English and German, both ways, in ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.onnx import session

from .contract import Translation
from .copying import lost_names, named_again, repaired, with_stand_ins
from .pieces import pieces
from .quality import LanguageGuess, QualityModel, features
from .sanity import keeps_numbers, without_endless_repetition
from .search import Hypothesis, search
from .vocabulary import END, LANGUAGES, Vocabulary, normalized

WEIGHTS = Path(__file__).parent / "weights"
LONGEST = 120
"""Subwords of a piece; a single word that has more is left as it is."""
UNREADABLE = 0.4
"""Share of subwords that are bytes of unknown characters from which a piece is left as it is."""
BIAS = 0.1
"""Towards the words of a draft. A third as many words are taken back as without a draft, and the last translation of a
sentence stays within about a point of BLEU of that by beam search alone, with this bias or none; from 0.2 on it keeps
too much of what was guessed before the end (tests/benchmarks/simultaneous.py)."""
SURE = 6.0
"""Log-odds from which a text is taken to be in the target language already."""


class Graphs:
    """The two graphs of a folder. Raises ModelError if they are missing or cannot be run."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        try:
            self._encoder, self._decoder = (
                session(folder / name, threads) for name in ("encoder.onnx", "decoder.onnx")
            )
        except Exception as error:
            raise ModelError(f"{folder} holds no translator that can be run: {error}") from error
        layers, _, _, heads, _, width = self._decoder.get_inputs()[3].shape
        self._shape = layers, heads, width

    def encode(self, source: np.ndarray) -> np.ndarray:
        """Subwords (batch, length) int64 to memory (layers, 2, batch, heads, length, head width)."""
        return self._encoder.run(None, {"source": source})[0]

    def step(
        self, numbers: np.ndarray, memory: np.ndarray, mask: np.ndarray, past: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As search.Decoder says."""
        return self._decoder.run(None, {"numbers": numbers, "memory": memory, "mask": mask, "past": past})

    def initial_past(self, batch: int) -> np.ndarray:
        layers, heads, width = self._shape
        return np.zeros((layers, 2, batch, heads, 0, width), np.float32)


class BundledTranslator:
    """See contract.Translator. Many callers may share one: it keeps nothing between calls.

    folder: of an export. beam: hypotheses at a time, 1 is greedy. threads: of ONNX Runtime. bias: to the words of a
    draft, 0 to 1 (speculative.py).
    """

    name = "duplex-en-de"
    pairs = frozenset({("en", "de"), ("de", "en")})

    def __init__(self, folder: str | Path, beam: int = 4, threads: int = 1, bias: float = BIAS) -> None:
        folder = Path(folder)
        self.bias = bias
        self.vocabulary = Vocabulary(folder / "vocabulary.model")
        self._beam = beam
        self._open(folder, threads)
        try:
            self._quality = QualityModel.from_dict(json.loads((folder / "quality.json").read_text(encoding="utf8")))
            self._language = LanguageGuess(np.load(folder / "language.npy"))
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder} holds no quality estimate of a translator: {error}") from error

    def _open(self, folder: Path, threads: int) -> None:
        self.graphs = Graphs(folder, threads)

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        """See contract.Translator. Long text is translated piece by piece: `begin` belongs to the first, and each piece
        starts from the sentence of the draft in its place."""
        if (source, target) not in self.pairs:
            raise SettingsError(f"the bundled translator has no {source}-{target}; it has en-de and de-en")
        text = normalized(text)
        if not any(c.isalpha() for c in text):
            return Translation(text, source, target, alignment=tuple(range(len(text.split()))))
        if self.language(text, source) == target:
            return Translation(text, target, target, alignment=tuple(range(len(text.split()))))
        spoken = text.split()
        kept = without_endless_repetition(spoken)
        text = " ".join(spoken[place] for place in kept)
        parts = [part for piece in pieces(text) for part in self._fitting(piece)]
        drafts = pieces(normalized(draft))
        done, words = [], 0
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            start = "" if number else begin, drafts[number] if number < len(drafts) else ""
            done.append(self._piece(part, source, target, partial and last, start, words))
            words += len(part.split())
        sizes = np.array([max(1, len(part)) for part in parts], float)
        quality = float(np.average([one.quality for one in done], weights=sizes))
        return Translation(
            " ".join(one.text for one in done if one.text),
            source,
            target,
            quality,
            quality < self._quality.hopeless,
            tuple(kept[place] for one in done for place in one.alignment),
            all(one.complete for one in done),
        )

    def language(self, text: str, announced: str) -> str:
        """The language of a text: the announced one unless its words say clearly that it is another."""
        odds = self._language.german(self.vocabulary.whole_words(text))
        if abs(odds) < SURE:
            return announced
        return "de" if odds > 0 else "en"

    def hypothesis(
        self, text: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> tuple[Hypothesis, list[int]]:
        """The best subwords for a piece of text, and those of its source. A draft counts while more is to come: what is
        written of the whole sentence stays, and is searched for afresh."""
        source = self.vocabulary.source(text, target, partial)
        memory = self.graphs.encode(np.array([source], np.int64))
        start, earlier = (self.vocabulary.encode(known) if known else [] for known in (begin, draft if partial else ""))
        found = search(self.graphs, source, memory, self._beam, start, draft=earlier, bias=self.bias)
        return found, source

    def features(self, found: Hypothesis, source: list[int]) -> tuple[float, ...]:
        """What the quality estimate goes by."""
        unknown = sum(self.vocabulary.is_odd(number) for number in source)
        return features(found, source, unknown)

    def _fitting(self, piece: str) -> list[str]:
        """A piece in halves until each has no more than LONGEST subwords, or is one word."""
        words = piece.split()
        if len(words) < 2 or len(self.vocabulary.encode(piece)) <= LONGEST:
            return [piece]
        middle = len(words) // 2
        return [part for half in (words[:middle], words[middle:]) for part in self._fitting(" ".join(half))]

    def _piece(
        self, text: str, source: str, target: str, partial: bool, start: tuple[str, str], before: int
    ) -> Translation:
        """start: its beginning and its draft. before: words of the source that stand before this piece."""
        read = self.vocabulary.encode(text)
        if len(read) > LONGEST or sum(map(self.vocabulary.is_byte, read)) > UNREADABLE * len(read):
            kept = tuple(range(before, before + len(text.split())))
            return Translation(text, source, target, 0.0, True, kept, False)
        found, numbers = self.hypothesis(text, target, partial, *start)
        words = repaired(self.vocabulary.decode(found.numbers), text, self.vocabulary)
        if source == "en" and not (partial or start[0]) and (lost := lost_names(words, text, self.vocabulary)):
            words, found, numbers = self._with_names(text, target, lost) or (words, found, numbers)
        quality = self._quality.quality(self.features(found, numbers))
        complete = found.ended and not found.looped
        return Translation(
            words,
            source,
            target,
            quality if complete and (partial or keeps_numbers(words, text)) else quality / 2,
            alignment=tuple(before + place for place in self._alignment(found, numbers)),
            complete=complete,
        )

    def _with_names(self, text: str, target: str, lost: list[str]) -> tuple[str, Hypothesis, list[int]] | None:
        """The translation with names that it had lost; None if there is none (copying.py)."""
        other = with_stand_ins(text, lost)
        if other is None:
            return None
        found, numbers = self.hypothesis(other[0], target)
        words = named_again(repaired(self.vocabulary.decode(found.numbers), other[0], self.vocabulary), other[1])
        return (words, found, numbers) if words is not None else None

    def _alignment(self, found: Hypothesis, source: list[int]) -> list[int]:
        """For each target word the number of the source word that it attends to most."""
        word, words = -1, []
        for number in source:
            word += self.vocabulary.begins_word(number)
            words.append(max(word, 0))
        kept = np.array([number > 6 and number != END for number in source])
        columns = np.flatnonzero(kept)
        written: list[tuple[list[int], np.ndarray]] = []
        for number, weights in zip(found.numbers, found.attention, strict=True):
            if self.vocabulary.begins_word(number) or not written:
                written.append(([], np.zeros(max(words) + 1)))
            written[-1][0].append(number)
            np.add.at(written[-1][1], np.array(words)[columns], weights[columns])
        # A mark of a word's beginning with no letters behind it is no word of the text.
        return [int(total.argmax()) for numbers, total in written if self.vocabulary.decode(numbers)]


def load_bundled(folder: str | Path = WEIGHTS, beam: int = 4) -> BundledTranslator:
    """The shipped translator, or one exported into another folder. Raises ModelError."""
    return BundledTranslator(folder, beam)


__all__ = ["LANGUAGES", "BundledTranslator", "Graphs", "load_bundled"]

"""Simultaneous translation of text: quality against delay for each policy.

python -m tests.benchmarks.translation_delay [--limit 100] [--to de] [--data FOLDER] [--weights FOLDER] [--beam 2]

Held-out sentences of at least LEAST words come word by word; a policy decides what is translated and shown. Beside BLEU
and chrF stands LAAL in words (Papi et al. 2022: by how much a word comes later than it would from a translator that
writes evenly while it reads; the longer of hypothesis and reference counts), normalized erasure for what is taken back
(Arivazhagan et al. 2020), and the processor time for each source word. A word that is shown, taken back and shown again
counts from when it came to stay.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duplex.models.translation.contract import Translator
from duplex.models.translation.engine import WEIGHTS, load_bundled
from duplex.models.translation.train.corpus import Question, questions, read_pairs, split, text_folder
from duplex.streaming.policies.append_only import AgreeingTranslations, AlignAtt, WaitK
from duplex.streaming.policies.retranslation import MaskedRetranslation, normalized_erasure
from duplex.streaming.policies.simultaneous import Policy, Wanted, advance, common_prefix
from duplex.streaming.policies.truncation import StreamUni
from tests.benchmarks.report import table, versions

LEAST = 7
"""Words of a sentence: in shorter ones there is nothing to wait for."""

POLICIES: dict[str, Callable[[], Policy]] = {
    "whole sentence": lambda: WaitK(k=1_000_000),
    **{f"wait-{k}": lambda k=k: WaitK(k=k) for k in (1, 3, 5)},
    "agreement of 2": AgreeingTranslations,
    "AlignAtt, margin 2": lambda: AlignAtt(margin=2),
    "StreamUni, k = 3": lambda: StreamUni(k=3),
    **{f"re-translation, mask {mask}": lambda mask=mask: MaskedRetranslation(mask) for mask in (0, 3)},
}


@dataclass
class Talk:
    """One sentence. shown: what stood there after each source word (the last one: after the end)."""

    source: str
    shown: list[tuple[str, ...]]

    @property
    def text(self) -> str:
        return " ".join(self.shown[-1]) if self.shown else ""

    def delays(self) -> list[int]:
        """For each word of the last translation, source words that had been read when it came to stay."""
        final, length = self.shown[-1], len(self.source.split())
        delays = [length] * len(final)
        stays = len(final)
        for read in range(len(self.shown) - 1, -1, -1):
            stays = min(stays, common_prefix(self.shown[read], final))
            delays[:stays] = [min(read + 1, length)] * stays
        return delays


def laal(delays: Sequence[float], source: int, reference: int) -> float:
    """Length-adaptive average lagging in source words. source, reference: lengths in words."""
    if not delays:
        return float(source)
    if delays[0] > source:
        return delays[0]
    rate = source / max(len(delays), reference)
    until = next((place for place, delay in enumerate(delays, 1) if delay >= source), len(delays))
    return sum(delay - place * rate for place, delay in enumerate(delays[:until])) / until


def talk(policy: Policy, translator: Translator, text: str, source: str, target: str) -> Talk:
    """A sentence, word by word, through a policy."""
    words, shown, now = text.split(), [], ()

    def translate(wanted: Wanted) -> tuple[Sequence[str], Sequence[int]]:
        said, begin, draft = (" ".join(words) for words in (wanted.source, wanted.begin, wanted.draft))
        found = translator.translate(said, source, target, wanted.partial, begin, draft)
        return found.text.split(), found.alignment

    for count in range(1, len(words) + 1):
        written = advance(policy, words[:count], False, translate) if count < len(words) else None
        written = advance(policy, words, True, translate) if count == len(words) else written
        now = written.words if written is not None else now
        shown.append(now)
    return Talk(text, shown)


def measure(make: Callable[[], Policy], translator: Translator, asked: Sequence[Question], target: str) -> list[object]:
    """A row: BLEU, chrF, LAAL, erasure, milliseconds for each source word."""
    from sacrebleu.metrics import BLEU, CHRF

    source = "en" if target == "de" else "de"
    began = time.process_time()
    talks = [talk(make(), translator, question.source, source, target) for question in asked]
    spent = time.process_time() - began
    most = max(len(question.references) for question in asked)
    references = [[(*q.references, *[None] * most)[place] for q in asked] for place in range(most)]
    texts = [each.text for each in talks]
    lags = [
        laal(each.delays(), len(each.source.split()), len(question.references[0].split()))
        for each, question in zip(talks, asked, strict=True)
    ]
    erasure = sum(normalized_erasure(each.shown) for each in talks) / len(talks)
    words = sum(len(each.source.split()) for each in talks)
    bleu, chrf = BLEU().corpus_score(texts, references).score, CHRF().corpus_score(texts, references).score
    return [
        f"{bleu:.1f}",
        f"{chrf:.1f}",
        f"{sum(lags) / len(lags):.2f}",
        f"{erasure:.2f}",
        f"{1000 * spent / words:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality against delay of simultaneous translation, for each policy.")
    parser.add_argument("--limit", type=int, default=100, help="sentences")
    parser.add_argument("--to", choices=("de", "en"), default="de")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--weights", help="folder of an export (default: the shipped one)")
    parser.add_argument("--beam", type=int, default=2)
    arguments = parser.parse_args()
    translator = load_bundled(arguments.weights or WEIGHTS, arguments.beam)
    held_out = split(read_pairs(text_folder(arguments.data)))["test"]
    asked = [each for each in questions(held_out, arguments.to) if len(each.source.split()) >= LEAST]
    asked = asked[: arguments.limit]
    print(f"{len(asked)} sentences to {arguments.to}; {versions(['onnxruntime', 'sacrebleu'])}")
    rows = [[name, *measure(make, translator, asked, arguments.to)] for name, make in POLICIES.items()]
    print(table(["policy", "BLEU", "chrF", "LAAL", "erasure", "ms/word"], rows))


if __name__ == "__main__":
    main()

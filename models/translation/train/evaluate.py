"""Scores an exported translator on the held-out test split, beside copying and a word-by-word dictionary.

`python -m duplex.models.translation.train.evaluate --data FOLDER` prints BLEU and chrF of each direction: clean; bare,
in lower case without punctuation; three such sentences in one; noised, with made errors; recognized, what a recognizer
made of the spoken English.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from ..engine import WEIGHTS, BundledTranslator
from ..vocabulary import LANGUAGES
from .baselines import Dictionary, copied
from .calibrate import nonsense
from .corpus import SPLITS, Pair, Question, key, questions, read_pairs, recognition_errors, split, text_folder
from .names import Swapper, invented
from .noise import Mishearing, Noise
from .validation import scores

Sentences = list[tuple[str, tuple[str, ...]]]


def conditions(pairs: list[Pair], noise: Noise, count: int) -> dict[str, Sentences]:
    """Sources with their references, by direction and condition."""
    sets: dict[str, Sentences] = {}
    for target in LANGUAGES:
        source = "en" if target == "de" else "de"
        asked = questions(pairs, target)[:count]
        name = f"{source}-{target}"
        sets[f"{name} clean"] = [(q.source, q.references) for q in asked]
        sets[f"{name} bare"] = [(lower(q), q.references) for q in asked]
        sets[f"{name} three bare"] = threes(asked)
        sets[f"{name} noised"] = [
            (noise.apply(q.source, source, Random(number)), q.references) for number, q in enumerate(asked)
        ]
        real = [q for q in questions(pairs, target) if q.recognized][:count]
        if real:
            sets[f"{name} recognized"] = [(q.recognized, q.references) for q in real]
            sets[f"{name} the same, clean"] = [(q.source, q.references) for q in real]
    return sets


def lower(question: Question) -> str:
    """A sentence without case and punctuation."""
    return re.sub(r"[^\w\s']", "", question.source).lower()


def threes(asked: Sequence[Question]) -> Sentences:
    """Three sentences in one, bare, so that only the words tell where one ends."""
    joined = zip(asked[0::3], asked[1::3], asked[2::3], strict=False)
    return [(" ".join(map(lower, group)), (" ".join(q.references[0] for q in group),)) for group in joined]


def row(name: str, rows: Sentences, answers: Sequence[str]) -> dict[str, object]:
    """BLEU and chrF against the first reference, and BLEU against all of them."""
    single = scores(answers, [references[:1] for _, references in rows])
    several = scores(answers, [references for _, references in rows])
    return {"set": name, "sentences": len(rows), **single, "bleu_all": several["bleu"], "chrf_all": several["chrf"]}


def copying(translator: BundledTranslator, pairs: list[Pair], count: int = 200) -> dict[str, float]:
    """Share of names and numbers swapped into held-out sentences that come through: names that nobody has, and
    numbers of three to six digits where the translation has the same number as the source."""
    swapper, rng, figures = Swapper(pairs, least=1), Random(5), {}
    for target in LANGUAGES:
        source = "en" if target == "de" else "de"
        kept, total, digits, numbers = 0, 0, 0, 0
        for pair in pairs:
            text = pair.sides(target)[0]
            found = [word for word in re.findall(r"\w+", text) if word in swapper.names]
            if found and total < count:
                name = invented(rng)
                answer = translator.translate(re.sub(rf"\b{found[0]}\b", name, text), source, target).text
                kept, total = kept + (name in answer), total + 1
            same = set(re.findall(r"\d+", text)) & set(re.findall(r"\d+", pair.sides(target)[1]))
            for old in sorted(same) if numbers < count else ():
                number = str(rng.randint(100, 999_999))
                answer = translator.translate(re.sub(rf"\b{old}\b", number, text), source, target).text
                digits, numbers = digits + (number in answer), numbers + 1
        figures[f"{source}-{target} names"] = round(kept / max(total, 1), 3)
        figures[f"{source}-{target} numbers"] = round(digits / max(numbers, 1), 3)
        figures[f"{source}-{target} numbers, cases"] = numbers
    return figures


def marked(translator: BundledTranslator, pairs: list[Pair], count: int = 200) -> dict[str, float]:
    """Share marked as hopeless of clean sentences and of nonsense."""
    figures, rng = {}, Random(6)
    for target in LANGUAGES:
        source = "en" if target == "de" else "de"
        asked = questions(pairs, target)[:count]
        for name, texts in (("clean", [q.source for q in asked]), ("nonsense", [nonsense(q, rng) for q in asked])):
            found = [translator.translate(text, source, target).hopeless for text in texts]
            figures[f"{source}-{target} {name}"] = round(float(np.mean(found)), 3)
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Score a translator on held-out sentences.")
    parser.add_argument("--data", help="folder with text/ (default: $DUPLEX_TRAINING_DATA)")
    parser.add_argument("--weights", default=str(WEIGHTS), help="folder of an export (default: the shipped one)")
    parser.add_argument("--count", type=int, default=1000, help="sentences of each set at most")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument("--no-baselines", action="store_true")
    arguments = parser.parse_args(argv)
    folder = text_folder(arguments.data)
    parts = split(read_pairs(folder))
    held_out = {key(pair.en) for name in ("valid", "test") for pair in parts[name]}
    noise = Noise(Mishearing(recognition_errors(folder, held_out)))
    pairs = parts[arguments.split]
    sets = conditions(pairs, noise, arguments.count)
    translator = BundledTranslator(arguments.weights, arguments.beam)
    dictionaries = {} if arguments.no_baselines else {t: Dictionary(parts["train"], t) for t in LANGUAGES}
    for name, rows in sets.items():
        source, target = name[:2], name[3:5]
        systems: dict[str, Callable[[str], str]] = {}
        if dictionaries:
            systems = {"copied": copied, "dictionary": dictionaries[target].translate}
        systems["bundled"] = lambda text, s=source, t=target: translator.translate(text, s, t).text
        for system, translate in systems.items():
            begun = time.process_time()
            answers = [translate(text) for text, _ in rows]
            spent = 1000 * (time.process_time() - begun) / len(rows)
            print(json.dumps({"system": system, **row(name, rows, answers), "ms": round(spent, 1)}), flush=True)
    print(json.dumps({"copied through": copying(translator, pairs)}), flush=True)
    print(json.dumps({"marked hopeless": marked(translator, pairs)}), flush=True)


if __name__ == "__main__":
    main()

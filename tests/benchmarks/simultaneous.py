"""Simultaneous translation: quality against delay for every policy, and what a draft saves.

python -m tests.benchmarks.simultaneous DATA [--parts text,speech,draft] [--sentences 60] [--least 7] [--to de]
    [--translator auto] [--against NAME] [--biases 0,0.1] [--recognizer auto] [--voice flite:slt] [--json FILE]
    [--pictures FOLDER]

Held-out sentences of at least so many words; in shorter ones there is nothing to wait for. text: word by word; delays
in words, computing as if a word took WORD seconds. speech: the sentences spoken by a synthesizer, heard by the
recognizer, in segments and under policies as captions have them; delays in ms. BLEU and chrF of what stands there in
the end, against all known translations; AL, LAAL and LAAL with the time of all computing so far, as SimulEval defines
them; normalized erasure for what is taken back. draft: re-translation from the last translation as a draft (SSBD)
against plain re-translation, by the same translator or another: time of all translations, and erasure with 0, 3 and 5
words held back. Computing is processor time of one thread; set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr import load_recognizer
from duplex.models.asr.contract import Hypothesis
from duplex.models.translation import Translation, Translator, load_translator
from duplex.models.translation.train.corpus import Question, questions, read_pairs, split, text_folder
from duplex.models.tts import Voice, load_synthesizer
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pipeline import StageRunner
from duplex.streaming.resample import resample
from duplex.testing.simultaneous import SpeechTranslation, TextTranslation
from tests.benchmarks.lagging import Shown, Talk, average_lagging, length_adaptive_lagging
from tests.benchmarks.report import table, versions

WORD = 0.4
"""Seconds for a word of text: 150 a minute."""
SETTINGS = {
    "wait-k": (1, 2, 3, 5, 7),
    "agreement": (2, 3),
    "alignatt": (1, 2, 4),
    "streamuni": (1, 3, 5),
    "retranslate": (0, 1, 3, 5),
}
"""Of each policy: see NamedPolicy."""
WHOLE = "wait-k:50"
"""The sentence is translated when it is over."""
MASKS = (0, 3, 5)
FORMATS = {"BLEU": ".1f", "chrF": ".1f", "AL": ".2f", "LAAL": ".2f", "LAAL_CA": ".2f", "erasure": ".2f"}


@dataclass(frozen=True, slots=True)
class Point:
    """A policy at a setting. Delays in words of text or milliseconds of speech. cost: ms of computing for a word of
    the source, or, of speech, for a second, without the recognizer's."""

    input: str
    policy: str
    BLEU: float
    chrF: float
    AL: float
    LAAL: float
    LAAL_CA: float
    erasure: float
    cost: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A spoken sentence. length: milliseconds. steps: (sample up to which was heard, seconds of computing so far,
    hypothesis)."""

    length: float
    steps: tuple[tuple[int, float, Hypothesis], ...]


class Stopwatch:
    """A translator with the processor time that it takes."""

    def __init__(self, translator: Translator, drafts: bool = True) -> None:
        self.name, self.pairs = translator.name, translator.pairs
        self.spent, self.words = 0.0, 0
        self._translator, self._drafts = translator, drafts

    def translate(self, *asked: Any) -> Translation:
        """See contract.Translator."""
        began = time.process_time()
        found = self._translator.translate(*(asked if self._drafts else asked[:5]))
        self.spent += time.process_time() - began
        self.words += len(found.text.split())
        return found


def text_talk(policy: str, watch: Stopwatch, text: str, languages: tuple[str, str]) -> Talk:
    """A sentence, word by word."""
    words, began = text.split(), watch.spent
    translation, steps = TextTranslation(watch, *languages, policy), []
    for count in range(1, len(words) + 1):
        shown = translation.read(words[:count], count == len(words))
        steps.append(Shown(count, count + (watch.spent - began) / WORD, shown))
    return Talk(len(words), steps)


def speech_talk(policy: str, watch: Stopwatch, heard: Heard, languages: tuple[str, str]) -> Talk:
    """A sentence, hypothesis by hypothesis."""
    translation, steps, began = SpeechTranslation(watch, *languages, policy), [], watch.spent
    for at, spent, hypothesis in heard.steps:
        shown = translation.hear(hypothesis, at)
        now = min(1000 * at / SAMPLE_RATE, heard.length)
        steps.append(Shown(now, now + 1000 * (spent + watch.spent - began), shown))
    return Talk(heard.length, steps)


def point(kind: str, policy: str, talks: Sequence[Talk], asked: Sequence[Question], spent: float) -> Point:
    """What a policy comes to. spent: seconds of computing."""
    from duplex.models.translation.train.validation import scores  # needs torch

    lengths = [len(question.references[0].split()) for question in asked]
    unit = 1 if kind == "text" else 1000
    quality = scores([talk.text for talk in talks], [question.references for question in asked])

    def mean(lagging: Callable[[Sequence[float], float, int], float], aware: bool = False) -> float:
        pairs = zip(talks, lengths, strict=True)
        return float(np.mean([lagging(talk.delays(aware), talk.length, length) for talk, length in pairs]))

    return Point(
        kind,
        policy,
        quality["bleu"],
        quality["chrf"],
        mean(average_lagging),
        mean(length_adaptive_lagging),
        mean(length_adaptive_lagging, aware=True),
        float(np.mean([talk.erasure() for talk in talks])),
        1000 * spent / sum(talk.length / unit for talk in talks),
    )


def measured(
    kind: str, translator: Translator, asked: Sequence[Question], inputs: Sequence[Any], languages: tuple[str, str]
) -> Iterable[Point]:
    """A point for every policy and setting. inputs: texts or Heard."""
    talk: Callable[..., Talk] = text_talk if kind == "text" else speech_talk
    for policy in [WHOLE, *(f"{name}:{setting}" for name, settings in SETTINGS.items() for setting in settings)]:
        watch = Stopwatch(translator)
        talks = [talk(policy, watch, each, languages) for each in inputs]
        yield point(kind, policy, talks, asked, watch.spent)


def spoken(texts: Sequence[str], voice: str, recognizer: str, language: str) -> list[Heard]:
    """Sentences spoken and heard. voice: SYNTHESIZER or SYNTHESIZER:VOICE."""
    engine, _, name = voice.partition(":")
    synthesizer, listener = load_synthesizer(engine, name), load_recognizer(recognizer, language=language)
    found = []
    for text in texts:
        chunks = [chunk.samples for chunk in synthesizer.synthesize(text, Voice(name, language))]
        samples = resample(np.concatenate(chunks), synthesizer.sample_rate, SAMPLE_RATE)
        found.append(hear(listener, samples))
    listener.close()
    return found


def hear(recognizer: Any, samples: np.ndarray) -> Heard:
    """A recording, block by block, with the computing time of each."""
    runner: StageRunner[Any] = StageRunner(recognizer)
    steps, spent = [], 0.0
    for start in range(0, len(samples) + recognizer.hop, recognizer.hop):
        block = samples[start : start + recognizer.hop]
        began = time.process_time()
        timed = runner.push(AudioChunk(start, block)) if len(block) else runner.flush()
        spent += time.process_time() - began
        steps += [(start + len(block), spent, each.out) for each in timed if each.out is not None]
        if not len(block):
            break
    return Heard(1000 * len(samples) / SAMPLE_RATE, tuple(steps))


def drafted(
    plain: Translator, translator: Any, asked: Sequence[Question], languages: tuple[str, str], biases: Sequence[float]
) -> list[dict[str, Any]]:
    """Re-translation by `plain` without a draft, and by `translator` from one with each bias; none: with its own."""
    rows = [draft_row("none", plain, asked, languages)]
    own = getattr(translator, "bias", None)
    for bias in biases:
        translator.bias = bias
        rows.append(draft_row(f"bias {bias}", translator, asked, languages))
    if biases:
        translator.bias = own
    else:
        rows.append(draft_row("the last", translator, asked, languages))
    return [row | {"speed-up": rows[0]["seconds"] / row["seconds"]} for row in rows]


def draft_row(
    draft: str, translator: Translator, asked: Sequence[Question], languages: tuple[str, str]
) -> dict[str, Any]:
    """Quality, time and erasure of re-translation."""
    watch = Stopwatch(translator, drafts=draft != "none")
    talks = [text_talk("retranslate:0", watch, question.source, languages) for question in asked]
    whole = point("text", "retranslate:0", talks, asked, watch.spent)
    taken_back = {mask: float(np.mean([masked(talk, mask).erasure() for talk in talks])) for mask in MASKS}
    return {
        "draft": draft,
        "BLEU": whole.BLEU,
        "chrF": whole.chrF,
        **{f"erasure, mask {mask}": erasure for mask, erasure in taken_back.items()},
        "words/s": watch.words / watch.spent,
        "seconds": watch.spent,
    }


def masked(talk: Talk, mask: int) -> Talk:
    """The same with the last words of all but the last translation held back."""
    held = [replace(step, words=step.words[: max(0, len(step.words) - mask)]) for step in talk.steps[:-1]]
    return Talk(talk.length, [*held, *talk.steps[-1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality against delay of simultaneous translation.")
    parser.add_argument("data", help="folder with text/")
    parser.add_argument("--parts", default="text,speech,draft")
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--least", type=int, default=7, help="words of a sentence")
    parser.add_argument("--to", choices=("de", "en"), default="de")
    parser.add_argument("--translator", default="auto", help="as the setting of that name")
    parser.add_argument("--against", default="", help="whose plain re-translation drafts are compared with")
    parser.add_argument("--biases", default="0,0.1,0.2,0.3,0.5", help="towards a draft; empty: there is no such thing")
    parser.add_argument("--recognizer", default="auto", help="as the setting of that name")
    parser.add_argument("--voice", default="flite:slt", help="synthesizer, or synthesizer:voice")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--pictures", type=Path, help="folder for quality-delay.png")
    options = parser.parse_args()
    languages = ("en", "de") if options.to == "de" else ("de", "en")
    translator = load_translator(options.translator, *languages)
    held_out = split(read_pairs(text_folder(options.data)))["test"]
    asked = [each for each in questions(held_out, options.to) if len(each.source.split()) >= options.least]
    asked = asked[: options.sentences]
    parts = options.parts.split(",")
    print(f"{translator.name}, {'-'.join(languages)}, {len(asked)} sentences; {versions(['onnxruntime', 'sacrebleu'])}")
    inputs: dict[str, Sequence[Any]] = {}
    if "text" in parts:
        inputs["text"] = [question.source for question in asked]
    if "speech" in parts:
        inputs["speech"] = spoken([each.source for each in asked], options.voice, options.recognizer, languages[0])
    points: list[Point] = []
    for kind, each in inputs.items():
        found = list(measured(kind, translator, asked, each, languages))
        points += found
        unit = "words, ms/word" if kind == "text" else "ms, ms/s"
        rows = [[p.policy, *(format(getattr(p, key), how) for key, how in FORMATS.items()), p.cost] for p in found]
        print(f"\n{kind} ({unit})", table(["policy", *FORMATS, "cost"], rows), sep="\n", flush=True)
    drafts: list[dict[str, Any]] = []
    if "draft" in parts:
        plain = load_translator(options.against, *languages) if options.against else translator
        biases = [float(bias) for bias in options.biases.split(",") if bias]
        drafts = drafted(plain, translator, asked, languages, biases)
        rows = [[row["draft"], *(format(value, ".2f") for value in list(row.values())[1:])] for row in drafts]
        print(f"\nre-translation; without a draft by {plain.name}", table(list(drafts[0]), rows), sep="\n")
    if options.json:
        figures = {"translator": translator.name, "points": [asdict(each) for each in points], "drafts": drafts}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf8")
    if options.pictures and points:
        from tests.benchmarks.lagging_picture import draw

        options.pictures.mkdir(parents=True, exist_ok=True)
        draw([asdict(each) for each in points], options.pictures / "quality-delay.png")


if __name__ == "__main__":
    main()

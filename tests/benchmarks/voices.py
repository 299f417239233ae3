"""Voices: first sound of a 30-word sentence, cost, word marks against forced alignment, words heard by a recognizer.

    python -m tests.benchmarks.voices [--voice NAME ...] [--recognizer NAME ...]

Word marks are compared with PocketSphinx's forced alignment of the known words, which has errors of its own (a frame is
10 ms): the median says more than the quantile. Recognizers that cannot be had are left out, with a line that says why.
"""

from __future__ import annotations

import argparse
import re
import time

import numpy as np

from duplex.models.asr import load_recognizer
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import DuplexError
from duplex.streaming.resample import StreamResampler
from tests.benchmarks.report import quantile, table, versions

LONG = (
    "The committee decided on Tuesday, after a long and rather heated discussion, that the old bridge over the river "
    "would be closed for at least three weeks while engineers inspect its foundations."
)
SENTENCES = (
    LONG,
    "She opened the window and listened to the rain on the roof.",
    "Please bring two bottles of water and a warm jacket.",
    "The train to the coast leaves from the second platform.",
    "Nobody expected the small garden to grow so quickly.",
    "He asked whether the library would be open during the holidays.",
)


def spoken(engine: Synthesizer, text: str, voice: Voice) -> tuple[np.ndarray, list[tuple[str, float, float]], float]:
    """Samples at 16 kHz, (word, start, end) in seconds, and the seconds to the first sample."""
    resampler = StreamResampler(engine.sample_rate, SAMPLE_RATE)
    pieces, marks, first = [], {}, 0.0
    began = time.perf_counter()
    for chunk in engine.synthesize(text, voice):
        if not pieces and len(chunk.samples):
            first = time.perf_counter() - began
        pieces.append(resampler.push(chunk.samples))
        marks.update((mark.text_start, mark) for mark in chunk.marks)
    rate = engine.sample_rate
    words = [(text[m.text_start : m.text_end], m.start / rate, m.end / rate) for m in marks.values()]
    return np.concatenate([*pieces, resampler.flush()]), words, first


def aligned(samples: np.ndarray, words: list[str]) -> list[float]:
    """When each word begins, in seconds, by forced alignment; empty where PocketSphinx finds none."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", lm=None)
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    found = [s for s in decoder.seg() if not s.word.startswith(("<", "[", "("))] if decoder.hyp() else []
    return [segment.start_frame / 100 for segment in found] if len(found) == len(words) else []


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def edits(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        last, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (word != other))
    return row[-1]


def heard(name: str, utterances: list[np.ndarray]) -> list[str]:
    """What a recognizer makes of each utterance. Raises ModelError."""
    recognizer = load_recognizer(name)
    texts = []
    try:
        for samples in utterances:
            state = recognizer.initial_state(1)
            padded = np.pad(samples, (3200, 8000))
            final: dict[int, str] = {}
            results = []
            for start in range(0, len(padded) - recognizer.hop + 1, recognizer.hop):
                out, state = recognizer.step(padded[start : start + recognizer.hop], state)
                results.append(out)
            results.append(recognizer.flush(state))
            for out in results:
                for hypothesis in out if isinstance(out, list | tuple) else [out]:
                    if hypothesis is not None and hypothesis.final:
                        final[len(final)] = " ".join(word.text for word in hypothesis.words)
            texts.append(" ".join(final.values()))
    finally:
        recognizer.close()
    return texts


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--voice", action="append", help="voices, as `duplex say --voice` takes them")
    parser.add_argument("--recognizer", action="append", help="recognizers (default: pocketsphinx, moonshine-tiny)")
    args = parser.parse_args()
    print(versions(["onnxruntime", "pocketsphinx", "espeakng-loader"]))
    recognizers = args.recognizer or ["pocketsphinx", "moonshine-tiny"]
    rows = []
    for name in args.voice or ["en-us"]:
        engine, voice = load_synthesizer(voice=name), Voice(name, "en")
        spoken(engine, "Ready.", voice)  # the weights are loaded
        firsts = [spoken(engine, LONG, voice)[2] for _ in range(5)]
        began = time.process_time()
        results = [spoken(engine, text, voice) for text in SENTENCES]
        cost = time.process_time() - began
        seconds = sum(len(samples) for samples, _, _ in results) / SAMPLE_RATE
        errors = []
        for samples, words, _ in results:
            begins = aligned(samples, [" ".join(plain(word)) for word, _, _ in words])
            errors += [abs(start - begin) for (_, start, _), begin in zip(words, begins, strict=False)]
        wers = []
        for recognizer in recognizers:
            try:
                texts = heard(recognizer, [samples for samples, _, _ in results])
            except DuplexError as error:
                print(f"{recognizer} is left out: {error}")
                wers.append("-")
                continue
            wrong = sum(edits(plain(said), plain(text)) for said, text in zip(SENTENCES, texts, strict=True))
            wers.append(f"{100 * wrong / sum(len(plain(said)) for said in SENTENCES):.1f}")
        rows.append(
            [
                name.rpartition("/")[2], 1000 * quantile(firsts, 0.5), f"{cost / seconds:.3f}",
                1000 * quantile(errors, 0.5), 1000 * quantile(errors, 0.95), len(errors), *wers,
            ]
        )  # fmt: skip
    header = ["voice", "first sound ms", "RTF", "mark error p50 ms", "p95", "words"]
    print(table([*header, *(f"WER % {name}" for name in recognizers)], rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

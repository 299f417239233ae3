"""Voices: first sound of a 30-word sentence, cost, word marks against forced alignment, words heard by recognizers.

    python -m tests.benchmarks.voices [--voice ENGINE:NAME ...] [--recognizer NAME ...] [--language de] [--limit 12]
    python -m tests.benchmarks.voices --variants steady,rob,f2,m1 [--language de]

A voice is ENGINE:NAME of the settings `synthesizer` and `voice` (default: espeak and flite, English). What cannot be
had is left out, with a line that says why. First sound: computing and silence before the first audible sample.
--variants compares timbres of espeak-ng ("all"; "steady" is the voice as it is) by words heard, rate and pitch.

Word marks are compared with PocketSphinx's forced alignment of the known words, which has errors of its own: a frame is
5 ms, a phone lasts 15 ms at least (at the usual 10 and 30, espeak-ng speaks too fast for it). Sentences that it cannot
align are left out; "words" says how many are left. It knows English only.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from duplex.models.asr import load_recognizer
from duplex.models.tts import Voice, load_synthesizer
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import DuplexError
from duplex.streaming.resample import StreamResampler
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.speech_rows import errors
from tests.benchmarks.spoken_sentences import ENGLISH, GERMAN, LONG

FRAMES_A_SECOND = 200
SILENCE = 0.2
"""Seconds before and behind what a recognizer hears."""
LOWEST, HIGHEST = 60, 400
"""Pitch in Hz."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """samples: (n,) float32 at 16 kHz; marks: (word, start in seconds); first: seconds to the first audible sample, of
    computing and of silence before it."""

    text: str
    samples: np.ndarray
    marks: list[tuple[str, float]]
    first: float


class Speaker:
    """A voice named ENGINE:NAME. Raises ModelError."""

    def __init__(self, name: str, language: str) -> None:
        engine, _, voice = name.partition(":")
        self._engine = load_synthesizer(engine, voice)
        self._voice = Voice(voice, language)
        self.speak("Ready.")  # the weights are loaded

    def speak(self, text: str) -> Spoken:
        rate = self._engine.sample_rate
        resampler = StreamResampler(rate, SAMPLE_RATE)
        pieces, marks, first, silent = [], {}, 0.0, 0
        began = time.perf_counter()
        for chunk in self._engine.synthesize(text, self._voice):
            loud = np.flatnonzero(np.abs(chunk.samples) > 0.01)
            if not first and len(loud):
                first = time.perf_counter() - began + (silent + loud[0]) / rate
            silent += len(chunk.samples)
            pieces.append(resampler.push(chunk.samples))
            marks.update((mark.text_start, mark) for mark in chunk.marks)
        words = [(text[mark.text_start : mark.text_end], mark.start / rate) for mark in marks.values()]
        return Spoken(text, np.concatenate([*pieces, resampler.flush()]), words, first)


def mark_errors(spoken: Spoken) -> list[float]:
    """Of each word, in seconds; empty where PocketSphinx finds no alignment."""
    from pocketsphinx import Decoder

    words = [" ".join(plain(word)) for word, _ in spoken.marks]
    decoder = Decoder(samprate=SAMPLE_RATE, frate=FRAMES_A_SECOND, loglevel="FATAL", lm=None)
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    samples = np.pad(spoken.samples, round(SILENCE * SAMPLE_RATE))
    decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    found = [s for s in decoder.seg() if not s.word.startswith(("<", "[", "("))] if decoder.hyp() else []
    if len(found) != len(words):
        return []
    begins = [segment.start_frame / FRAMES_A_SECOND - SILENCE for segment in found]
    return [abs(start - begin) for (_, start), begin in zip(spoken.marks, begins, strict=True)]


def plain(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def heard(recognizer: str, language: str, utterances: Sequence[Spoken]) -> Iterator[list[str]]:
    """The words that a recognizer hears in each. Raises ModelError."""
    ear = load_recognizer(recognizer, language=language, live=False)
    try:
        for spoken in utterances:
            samples = np.pad(spoken.samples, (round(SILENCE * SAMPLE_RATE), SAMPLE_RATE // 2))
            samples = np.pad(samples, (0, -len(samples) % ear.hop)).astype(np.float32)
            state = ear.initial_state(1)
            for start in range(0, len(samples), ear.hop):
                _, state = ear.step(samples[start : start + ear.hop], state)
            yield plain(ear.flush(state).text)
    finally:
        ear.close()


def word_error_rate(recognizer: str, language: str, utterances: Sequence[Spoken]) -> str:
    """In percent; "-" for a recognizer that cannot be had."""
    try:
        texts = list(heard(recognizer, language, utterances))
    except DuplexError as error:
        print(f"{recognizer} is left out: {error}")
        return "-"
    said = [plain(spoken.text) for spoken in utterances]
    wrong = sum(errors(words, found) for words, found in zip(said, texts, strict=True))
    return f"{100 * wrong / sum(map(len, said)):.1f}"


def pitch(samples: np.ndarray) -> np.ndarray:
    """In Hz, of each 10 ms with a voice: the highest peak of the autocorrelation of 50 ms, if half as high as its
    zero."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 800)[::160] * np.hanning(800)
    power = np.abs(np.fft.rfft(frames, 2048)) ** 2
    curve = np.fft.irfft(power)[:, : SAMPLE_RATE // LOWEST]
    shortest = SAMPLE_RATE // HIGHEST
    peak = shortest + np.argmax(curve[:, shortest:], axis=1)
    voiced = curve[np.arange(len(curve)), peak] > np.maximum(0.5 * curve[:, 0], 1e-2)
    return np.asarray(SAMPLE_RATE / peak[voiced])


def compared(name: str, sentences: Sequence[str], args: argparse.Namespace) -> list[object]:
    speaker = Speaker(name, args.language)
    firsts = [speaker.speak(LONG).first for _ in range(5)] if args.language == "en" else []
    began = time.process_time()
    utterances = [speaker.speak(text) for text in sentences]
    cost = time.process_time() - began
    seconds = sum(len(spoken.samples) for spoken in utterances) / SAMPLE_RATE
    wrong = [each for spoken in utterances for each in mark_errors(spoken)] if args.language == "en" else []
    wers = [word_error_rate(recognizer, args.language, utterances) for recognizer in args.recognizer]
    engine, _, voice = name.partition(":")
    return [
        f"{engine} {voice.rpartition('/')[2]}", 1000 * quantile(firsts, 0.5), f"{cost / seconds:.3f}",
        1000 * quantile(wrong, 0.5), 1000 * quantile(wrong, 0.95), len(wrong), *wers,
    ]  # fmt: skip


def variant_row(variant: str, sentences: Sequence[str], args: argparse.Namespace) -> list[object]:
    base = {"en": "en-us"}.get(args.language, args.language)
    speaker = Speaker(f"espeak:{base}" + {variant}, args.language)
    utterances = [speaker.speak(text) for text in sentences]
    seconds = sum(len(spoken.samples) for spoken in utterances) / SAMPLE_RATE
    rate = sum(len(plain(text)) for text in sentences) / seconds * 60
    low, middle, high = np.quantile(np.concatenate([pitch(spoken.samples) for spoken in utterances]), (0.1, 0.5, 0.9))
    wers = [word_error_rate(recognizer, args.language, utterances) for recognizer in args.recognizer]
    return [variant, f"{rate:.0f}", f"{middle:.0f}", 12 * float(np.log2(high / low)), *wers]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--voice", action="append", metavar="ENGINE:NAME")
    parser.add_argument("--recognizer", action="append", help="(default: moonshine-tiny)")
    parser.add_argument("--language", default="en", choices=("en", "de"))
    parser.add_argument("--limit", type=int, default=12, help="sentences to speak")
    parser.add_argument("--variants", default="", help="of espeak-ng, separated by commas")
    args = parser.parse_args()
    args.recognizer = args.recognizer or ["moonshine-tiny"]
    sentences = (GERMAN if args.language == "de" else ENGLISH)[: args.limit]
    print(versions(["onnxruntime", "pocketsphinx", "espeakng-loader"]))
    header = ["voice", "first sound ms", "RTF", "mark error p50 ms", "p95", "words"]
    row, names = compared, args.voice or ["espeak:en-us", "flite:slt"]
    if args.variants:
        from duplex.models.tts.espeak import EspeakSynthesizer

        header = ["espeak-ng", "words a minute", "pitch Hz", "p10-p90 semitones"]
        names = EspeakSynthesizer().variants if args.variants == "all" else args.variants.split(",")
        row = variant_row
    rows = []
    for name in names:
        try:
            rows.append(row(name, sentences, args))
        except DuplexError as error:
            print(f"{name} is left out: {error}")
    print(table([*header, *(f"WER % {name.rpartition('/')[2]}" for name in args.recognizer)], rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

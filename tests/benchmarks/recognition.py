"""How well, how fast and how early words are recognized, engines side by side.

    python -m tests.benchmarks.recognition --data FOLDER [--limit 40] [--skip 0] [--engines moonshine-tiny,...]
        [--parts wer,partials,hour,streams] [--restored] [--hours 1]

FOLDER has a manifest.jsonl (speech_rows.py). An engine is a name of the setting `recognizer`, "second" for
moonshine-tiny with moonshine-base going over what it heard, or faster-whisper:FOLDER_OR_ID where that package is
installed. Times are CPU times of one thread; set OMP_NUM_THREADS=1.

wer: word error rate, clean and in noise, on read English (LibriSpeech) and on English by Mandarin speakers, half of
them children (speechocean762). partials: delay of a word from its end in the recording to its first and to its stable
display, computing charged as on a core of its own; erasure: displayed words taken back, for each word of the end; RTF
with all passes. Settings of live recognition were chosen on the first 40 utterances: skip them. hour: one utterance
without end: cost and memory by tenths. streams: eight streams in real time on two workers: how late hypotheses come.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr import load_recognizer
from duplex.models.asr.contract import Hypothesis
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.policies.local_agreement import comparable
from duplex.streaming.pool import InferencePool
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.speech_rows import NOISES, Said, errors, mixed, read, rows, spoken, words

CONDITIONS = (("clean", None), ("10 dB", 10.0), ("5 dB", 5.0))
DATASETS = ("librispeech", "speechocean762")
PEER = "faster-whisper:"
SECOND = "second"


@dataclass(slots=True)
class Trace:
    """heard: (samples heard, second at which the hypothesis was there, hypothesis) of each, in stream time."""

    heard: list[tuple[int, float, Hypothesis]] = field(default_factory=list)
    cpu: float = 0.0


def follow(recognizer: Any, samples: np.ndarray) -> Trace:
    """One utterance, hop by hop, as if each step ran on a core of its own as soon as its hop was there."""
    trace, free = Trace(), 0.0
    state = recognizer.initial_state(1)
    hop = recognizer.hop
    padded = np.pad(samples, (0, -len(samples) % hop)).astype(np.float32)

    # A worker process computes on no CPU time of ours: there the wall tells.
    now = time.perf_counter if recognizer.name == "pocketsphinx" else time.process_time

    def charged(at: int, step: Callable[..., Any], *args: Any) -> Any:
        nonlocal free
        began = now()
        result = step(*args)
        spent = now() - began
        trace.cpu += spent
        free = max(free, at / SAMPLE_RATE) + spent
        return result

    for at in range(0, len(padded), hop):
        hypothesis, state = charged(at + hop, recognizer.step, padded[at : at + hop], state)
        if hypothesis is not None:
            trace.heard.append((at + hop, free, hypothesis))
    final = charged(len(padded), recognizer.flush, state)
    trace.heard.append((len(padded), free, final))
    return trace


class Peer:
    """faster-whisper on whole utterances: text only."""

    def __init__(self, model: str) -> None:
        from faster_whisper import WhisperModel

        self.name = PEER + Path(model).name
        self._model = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)

    def text(self, samples: np.ndarray) -> str:
        segments, _ = self._model.transcribe(samples, language="en", beam_size=1)
        return " ".join(segment.text for segment in segments)


def load(name: str, live: bool) -> Any:
    if name.startswith(PEER):
        return Peer(name.removeprefix(PEER))
    if name == SECOND:
        return load_recognizer("moonshine-tiny", language="en", live=False, second_pass="on")
    return load_recognizer(name, language="en", live=live)


def text_of(engine: Any, samples: np.ndarray) -> str:
    return engine.text(samples) if isinstance(engine, Peer) else follow(engine, samples).heard[-1][2].text


def word_errors(data: Path, engines: list[str], limit: int, restored: bool) -> None:
    noises = [read(data, row) for row in rows(data) if row["dataset"] in NOISES]
    variants: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [("raw", lambda samples: samples)]
    if restored:
        from tests.benchmarks.restored_recognition import restored as restore

        variants.append(("restored", lambda samples: restore("enhance", samples)))
    for dataset in DATASETS:
        said = spoken(data, dataset, limit)
        total = sum(len(each.reference) for each in said)
        seconds = sum(len(each.samples) for each in said) / SAMPLE_RATE
        lines = []
        for name in engines:
            engine = load(name, live=False)
            for variant, change in variants:
                cells: list[object] = [f"{name}, {variant}"]
                random = np.random.default_rng(1)
                cost = 0.0
                for _, snr in CONDITIONS:
                    wrong = 0
                    for each in said:
                        noise = noises[int(random.integers(len(noises)))]
                        samples = change(each.samples if snr is None else mixed(each.samples, noise, snr))
                        began, wall = time.process_time(), time.perf_counter()
                        heard = text_of(engine, samples)
                        spent = time.process_time() - began
                        cost += spent if spent > 0.01 else time.perf_counter() - wall
                        wrong += errors(each.reference, words(heard))
                    cells.append(100 * wrong / total)
                lines.append([*cells, f"{cost / seconds / len(CONDITIONS):.3f}"])
            getattr(engine, "close", lambda: None)()
        print(f"{dataset}: {len(said)} utterances, {total} words, {seconds:.0f} s; word error rate in %")
        print(table(["", *(name for name, _ in CONDITIONS), "RTF"], lines), flush=True)


def partials(data: Path, engines: list[str], limit: int, skip: int = 0) -> None:
    said = spoken(data, DATASETS[0], limit, skip=skip)
    lines = []
    for name in engines:
        if name == SECOND or name.startswith(PEER):
            continue
        engine = load(name, live=True)
        first: list[float] = []
        stable: list[float] = []
        erased = count = 0
        wrong = total = 0
        cpu = seconds = 0.0
        for each in said:
            padded = np.pad(each.samples, (0, SAMPLE_RATE // 2))
            trace = follow(engine, padded)
            cpu += trace.cpu
            seconds += len(padded) / SAMPLE_RATE
            final = trace.heard[-1][2]
            wrong += errors(each.reference, words(final.text))
            total += len(each.reference)
            count += len(final.words)
            erased += _erased(trace)
            for place, word in enumerate(final.words):
                shown, kept = _times(trace, place, comparable(word.text))
                first.append(1000 * (shown - word.end / SAMPLE_RATE))
                stable.append(1000 * (kept - word.end / SAMPLE_RATE))
        engine.close()
        lines.append(
            [
                name,
                *(quantile(first, q) for q in (0.5, 0.95)),
                *(quantile(stable, q) for q in (0.5, 0.95)),
                f"{erased / max(1, count):.2f}",
                f"{cpu / seconds:.3f}",
                100 * wrong / total,
            ]
        )
    print(f"partials: {len(said)} utterances of {DATASETS[0]}; ms from the end of a word in the sound")
    header = ["", "first p50", "p95", "stable p50", "p95", "erasure", "RTF", "WER %"]
    print(table(header, lines), flush=True)


def _times(trace: Trace, place: int, text: str) -> tuple[float, float]:
    """When the word at `place` was first displayed, and when it was stable."""
    shown = kept = float("nan")
    for _, at, hypothesis in trace.heard:
        there = place < len(hypothesis.words) and comparable(hypothesis.words[place].text) == text
        if there and np.isnan(shown):
            shown = at
        if there and place < hypothesis.stable:
            kept = at
            break
    return shown, kept


def _erased(trace: Trace) -> int:
    erased, before = 0, []
    for _, _, hypothesis in trace.heard:
        now = [comparable(word.text) for word in hypothesis.words]
        same = 0
        while same < min(len(before), len(now)) and before[same] == now[same]:
            same += 1
        erased += len(before) - same
        before = now
    return erased


def resident() -> float:
    """MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def endless(said: list[Said], seconds: float) -> np.ndarray:
    """Utterances one after the other, over and over."""
    whole = np.concatenate([np.pad(each.samples, (0, SAMPLE_RATE // 3)) for each in said])
    return np.resize(whole, round(seconds * SAMPLE_RATE))


def hour(data: Path, engines: list[str], limit: int, hours: float) -> None:
    samples = endless(spoken(data, DATASETS[0], max(limit, 20)), hours * 3600)
    for name in engines:
        if name == SECOND or name.startswith(PEER):
            continue
        engine = load(name, live=True)
        state, hop = engine.initial_state(1), engine.hop
        tenth = len(samples) // hop // 10 * hop
        lines = []
        for part in range(10):
            longest = 0.0
            began, wall = time.process_time(), time.perf_counter()
            for at in range(part * tenth, (part + 1) * tenth, hop):
                step = time.process_time()
                hypothesis, state = engine.step(samples[at : at + hop], state)
                longest = max(longest, time.process_time() - step)
                if hypothesis is not None:
                    counted = len(hypothesis.words)
            cpu = time.process_time() - began
            spent = cpu if name != "pocketsphinx" else time.perf_counter() - wall
            lines.append([str(part + 1), f"{spent / tenth * SAMPLE_RATE:.3f}", 1000 * longest, resident(), counted])
        engine.flush(state)
        engine.close()
        print(f"{name}: one utterance of {hours:g} h")
        print(table(["tenth", "RTF", "longest step, ms", "MB", "words so far"], lines), flush=True)


def streams(data: Path, engines: list[str], limit: int, count: int = 8, seconds: float = 40.0) -> None:
    said = spoken(data, DATASETS[0], max(limit, 20))
    for name in engines:
        if name == SECOND or name.startswith(PEER):
            continue
        engine = load(name, live=True)
        if hasattr(engine, "warm"):
            engine.warm(count)
        late: list[float] = []
        before = resident()

        async def one(pool: InferencePool, samples: np.ndarray, began: float, late: list[float], engine: Any) -> None:
            state, hop = engine.initial_state(1), engine.hop
            for at in range(0, len(samples) - hop + 1, hop):
                due = began + (at + hop) / SAMPLE_RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                hypothesis, state = await pool.run("recognize", engine.step, samples[at : at + hop], state)
                if hypothesis is not None:
                    late.append(1000 * (time.perf_counter() - due))

        async def all_at_once(engine: Any = engine, late: list[float] = late) -> None:
            pool = InferencePool(2)
            began = time.perf_counter() + 0.1
            async with asyncio.TaskGroup() as group:
                for index in range(count):
                    samples = endless(said[index:] + said[:index], seconds)
                    group.create_task(one(pool, samples, began + index * 0.05, late, engine))
            await pool.aclose()

        asyncio.run(all_at_once())
        engine.close()
        print(
            f"{name}: {count} streams of {seconds:g} s on 2 workers: hypotheses late by p50 {quantile(late, 0.5):.0f} "
            f"ms, p95 {quantile(late, 0.95):.0f} ms, at most {max(late):.0f} ms; memory + {resident() - before:.0f} MB",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=40, help="utterances of each data set")
    parser.add_argument("--skip", type=int, default=0, help="partials: utterances to leave out")
    parser.add_argument("--engines", default="moonshine-tiny,second,pocketsphinx")
    parser.add_argument("--parts", default="wer,partials")
    parser.add_argument("--restored", action="store_true", help="also after restoration (enhance)")
    parser.add_argument("--hours", type=float, default=1.0)
    args = parser.parse_args()
    engines, parts = args.engines.split(","), args.parts.split(",")
    print(versions(["duplex", "onnxruntime", "pocketsphinx", "faster-whisper"]))
    if "wer" in parts:
        word_errors(args.data, engines, args.limit, args.restored)
    if "partials" in parts:
        partials(args.data, engines, args.limit, args.skip)
    if "hour" in parts:
        hour(args.data, engines, args.limit, args.hours)
    if "streams" in parts:
        streams(args.data, engines, args.limit)
    return 0


if __name__ == "__main__":
    sys.exit(main())

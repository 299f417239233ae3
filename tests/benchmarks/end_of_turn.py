"""Ends of turns: the words' regression beside Smart Turn, on the same pauses of real voices.

    python -m tests.benchmarks.end_of_turn DATA [--split valid] [--utterances 36] [--smart-turn FILE.onnx]

DATA is a folder with manifest.jsonl and audio. The end of a read utterance is an end, a pause within it is none
(train/pauses.py of turn taking); each is judged when 0.2 s of it have been heard. "words" is what a session does: what
Moonshine tiny makes of the sound, scored; "without marks" the same without punctuation. Smart Turn v3.2 (Daily, BSD-2)
hears the last 8 s; its file is in the model store as smart-turn-v3, or given.

early: pauses within, answered after the shortest pause; late: ends that wait for the medium or the long one.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from duplex.floor_settings import FloorSettings
from duplex.models.turn_taking.end_of_turn import end_of_turn_score
from duplex.models.turn_taking.train.end_of_turn import area
from duplex.models.turn_taking.train.pauses import Pause, corpus
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.mel import mel_bands
from tests.benchmarks.report import quantile, table, versions

WINDOW = 8 * SAMPLE_RATE
FRAME, HOP, MELS = 400, 160, 80
Score = Callable[[Pause], float]


def features(samples: np.ndarray) -> np.ndarray:
    """(1, MELS, 800) float32: Whisper's log mel spectrogram of the last 8 s, the waveform normalized."""
    heard = np.pad(samples[-WINDOW:], (max(0, WINDOW - len(samples)), 0)).astype(np.float32)
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
    padded = np.pad(heard.astype(np.float64), FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:-1]
    window = np.hanning(FRAME + 1)[:-1]
    mel = np.square(np.abs(np.fft.rfft(frames * window))) @ mel_bands(SAMPLE_RATE, FRAME, MELS).T
    logs = np.log10(np.maximum(mel, 1e-10)).T
    return ((np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0).astype(np.float32)[None]


def smart_turn(file: Path) -> Score:
    from duplex.streaming.onnx import session

    network = session(file)

    def score(pause: Pause) -> float:
        return float(network.run(None, {"input_features": features(pause.samples)})[0].ravel()[0])

    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--utterances", type=int, default=36)
    parser.add_argument("--smart-turn", type=Path, help="default: the model store's smart-turn-v3, if it is there")
    options = parser.parse_args()
    from duplex.models.asr import load_recognizer
    from duplex.models.store import find

    recognizer = load_recognizer("moonshine-tiny", language="en")
    cases = list(corpus(options.data, options.split, options.utterances))
    ends = np.array([case.end for case in cases])
    texts = {id(case): " ".join(word.text for word in recognizer.transcribe(case.samples)) for case in cases}
    engines: dict[str, Score] = {
        "words": lambda case: end_of_turn_score(texts[id(case)]),
        "words, without marks": lambda case: end_of_turn_score(re.sub(r"[^\w\s'’]", "", texts[id(case)])),
    }
    file = options.smart_turn or next(iter((find("smart-turn-v3") or Path("-")).glob("*.onnx")), None)
    if file is None:
        print("Smart Turn is not measured: `duplex models pull smart-turn-v3`, or give --smart-turn")
    else:
        engines["smart turn v3.2"] = smart_turn(file)
    print(versions(["duplex", "onnxruntime"]))
    print(f"{ends.sum()} ends of utterances, {(~ends).sum()} pauses within them\n")
    times, rows = FloorSettings(), []
    for name, engine in engines.items():
        scores, spent = [], []
        for case in cases:
            began = time.thread_time()
            scores.append(engine(case))
            spent.append(1e3 * (time.thread_time() - began))
        said = np.array(scores)
        yes = said >= 0.5
        hits, right = int((yes & ends).sum()), float((yes == ends).mean())
        rows.append(
            [
                name,
                f"{area(said, ends):.2f}",
                f"{right:.2f}",
                f"{2 * hits / max(1, int(yes.sum()) + int(ends.sum())):.2f}",
                100 * float((said[~ends] >= 0.88).mean()),
                100 * float((said[~ends] >= 0.7).mean()),
                100 * float((said[ends] < 0.7).mean()),
                quantile(spent, 0.5),
                quantile(spent, 0.95),
            ]
        )
    header = ["", "AUC", "accuracy", "F1"]
    header += [f"early {times.pause_sure} s %", f"early {times.pause_short} s %", f"late > {times.pause_short} s %"]
    print(table([*header, "ms p50", "p95"], rows))


if __name__ == "__main__":
    main()

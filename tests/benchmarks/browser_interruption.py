"""Interruption in a real browser call: onset of the user's voice at the browser → last assistant sample it receives.

    python -m tests.benchmarks.browser_interruption [--trials 20]

Chromium calls `duplex serve` with a recording as its microphone: a question with a long answer, then, at a random
moment of the answer, another utterance, again and again. Microphone and loudspeaker are measured in the browser, 10 ms
at a time on the clock of one audio context, so the network, both jitter buffers and the codecs are in the figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from duplex.streaming.audio import SAMPLE_RATE
from tests.benchmarks.report import quantile, table, versions
from tests.duplex.page.browser import chromium, heard, listen_in, missing, serve, tab

QUESTION = (14.7, 15.75)
"""Seconds of the demo's recording: "what can you do", which has an answer of 12 s."""

INTERRUPTIONS = ((24.0, 25.0), (1.0, 2.85), (69.9, 73.6))
""" "never mind", "what time is it in tokyo", "what is ten miles in kilometers"."""

SOUND = -50.0
"""dBFS: what is louder is a voice."""

PAUSE = 0.4
"""Seconds without sound after which a reply is taken to have stopped."""

BLOCK = 0.01
"""Seconds of which each level is."""

QUIET = 30
"""Blocks without voice before an onset."""

NEAR = 0.5
"""Seconds between an onset in the browser and the one that the session knows of, the way between them included."""

PROMPT = ("decision", "speech_started", "partial")
"""Events that are sent at the moment in which they end."""

SETTLE = 9.0
"""Seconds between an interruption and the next question: the answer to it is over then."""


def make_recording(path: Path, trials: int, seed: int) -> None:
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as recording:
        demo, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    voice = demo[:, 0]

    def cut(span: tuple[float, float]) -> np.ndarray:
        sound = voice[round(span[0] * rate) : round(span[1] * rate)]
        loud = np.flatnonzero(np.abs(sound) > 10 ** (SOUND / 20))
        return sound[loud[0] : loud[-1] + 1]

    random = np.random.default_rng(seed)
    pieces = [np.zeros(2 * rate, np.float32)]

    for number in range(trials):
        wait = np.zeros(round(random.uniform(3.0, 7.0) * rate), np.float32)
        interruption = cut(INTERRUPTIONS[number % len(INTERRUPTIONS)])
        pieces += [cut(QUESTION), wait, interruption, np.zeros(round(SETTLE * rate), np.float32)]
    soundfile.write(path, np.concatenate(pieces), rate, subtype="PCM_16")


def measure(sound: dict[str, list[Any]]) -> list[float]:
    """Seconds from the onset of the user's voice to the reply's last sound, of every interruption."""
    time = np.array(sound["wall"])
    speech, voice = np.array(sound["microphone"]) > SOUND, np.array(sound["loudspeaker"]) > SOUND
    onsets = [time[at] for at in np.flatnonzero(speech) if not speech[max(0, at - QUIET) : at].any()]
    # The session's zero on the browser's clock: no event comes before its time.
    zero = min(event["wall"] - event["end"] / SAMPLE_RATE for event in sound["events"] if event["type"] in PROMPT)
    delays = []
    for event in sound["events"]:
        if event["type"] != "interrupted":
            continue
        known = zero + event["start"] / SAMPLE_RATE
        onset = min(onsets, key=lambda each: abs(each - known))
        if abs(onset - known) > NEAR:
            continue
        last = onset
        for at in time[voice & (time >= onset)]:
            if at - last > PAUSE:
                break
            last = at
        delays.append(float(last - onset + BLOCK))
    return delays


async def run(trials: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), "--no-recordings") as served:
        recording = Path(folder) / "microphone.wav"
        make_recording(recording, trials, seed)
        seconds = soundfile.info(recording).duration
        print(f"{trials} interruptions, {seconds:.0f} s of conversation ...", file=sys.stderr)
        async with chromium(recording) as browser, tab(browser, bypass_csp=True) as page:
            await listen_in(page)
            await page.goto(served.url)
            await page.click("#start")
            await page.wait_for_selector("#link[data-state=connected]", timeout=30_000)
            await page.wait_for_timeout(1000 * seconds)
            sound = await heard(page)
            chromium_version = browser.version
    delays = [1000 * delay for delay in measure(sound)]
    server = [(e["end"] - e["start"]) / 16 for e in sound["events"] if e["type"] == "interrupted"]
    rows = [
        (name, len(values), *(round(quantile(values, q)) for q in (0.5, 0.95)), round(max(values, default=np.nan)))
        for name, values in (
            ("in the browser: onset → last sample received", delays),
            ("of which in the session: onset → last sample sent", server),
        )
        if values
    ]
    print(versions(["aiortc", "aiohttp", "playwright"]) + f" · Chromium {chromium_version}")
    print(table(("milliseconds", "n", "p50", "p95", "max"), rows))
    pace = sound["time"][-1] / (sound["wall"][-1] - sound["wall"][0])
    print(f"{trials} attempts; the browser's sound ran at {100 * pace:.0f} % of real time (below 100: a busy machine)")
    print(json.dumps({"delays_ms": [round(delay) for delay in delays], "server_ms": [round(each) for each in server]}))
    return 0 if delays else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 2
    return asyncio.run(run(args.trials, args.seed))


if __name__ == "__main__":
    sys.exit(main())

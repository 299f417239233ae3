"""Makes the recording of `duplex demo`: `python -m tests.data.make.demo [--plot FILE.png]`.

One side of a conversation: the assistant answers live into the gaps. It is put together from tests/data/demo and
tests/data/clips alone, so it can be retimed by the table below without a synthesizer. Writes duplex/data/demo.flac and,
beside this file, demo.json with what is true of it (labels in samples at 16 kHz).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing.scene import Scene, active_span, read_clips
from tests.data.make.clips import CLIPS, pcm

RECORDING = Path(__file__).parents[3] / "duplex" / "data" / "demo.flac"
LABELS = Path(__file__).with_name("demo.json")
SPOKEN = Path(__file__).parents[1] / "demo"
"""What the user says, by a voice of Kokoro (make/natural.py)."""

REPLY = 0.8
"""Seconds from the end of the user's words to the first sound of the reply, as the engine needs them."""

LEAD, TAIL = 1.0, 5.0
BACKGROUND, SNR_DB, SEED = "background-rain", 40.0, 7


@dataclass(frozen=True, slots=True)
class Line:
    """A clip that begins to sound `wait` seconds after the end of the line before it (or of the clip `after`)."""

    wait: float
    clip: str
    turn: str = ""
    gain_db: float = 0.0
    after: str = ""


VOICE = "slt"
HELP = f"{VOICE}-what-can-you-do"
LINES = (
    Line(LEAD, f"{VOICE}-what-time-is-it-in-tokyo", "time"),
    # ... a short answer.
    Line(4.5, f"{VOICE}-fragment-what-is", "product"),
    # A hesitation in mid-sentence: the user keeps the floor.
    Line(1.2, f"{VOICE}-fragment-nineteen-times-twelve", "product"),
    Line(4.5, HELP, "help"),
    # ... a long answer. A backchannel and a throat being cleared do not end it; a command does.
    Line(REPLY + 2.0, f"{VOICE}-backchannel-okay", gain_db=-4, after=HELP),
    Line(REPLY + 4.5, "throat-2", gain_db=-2, after=HELP),
    Line(REPLY + 7.5, f"{VOICE}-interruption-never-mind", "stop", after=HELP),
    Line(1.5, f"{VOICE}-remind-me-in-twelve-seconds-to-call-my", "reminder"),
    # ... the reminder is set. Then a long story, into which it falls; it is spoken when the floor is free.
    Line(9.5, f"{VOICE}-story-my-sister-emma-is-coming-from-boston-on", "story"),
    Line(19.5, f"{VOICE}-what-did-i-say-about-emma", "recall"),
    # A pause after words that look like a whole question: what the assistant was about to say is withdrawn.
    Line(7.0, f"{VOICE}-fragment-what-is-ten-miles", "distance"),
    Line(0.75, f"{VOICE}-fragment-in-kilometers", "distance"),
    Line(5.0, f"{VOICE}-goodbye", "goodbye"),
)


def build() -> Scene:
    """The scene of the table: the same every time."""
    clips = read_clips(CLIPS) | read_clips(SPOKEN)
    ends: dict[str, float] = {"": 0.0}
    starts = []
    for line in LINES:
        clip = clips[line.clip]
        first, last = active_span(clip.samples)
        onset = ends[line.after] + line.wait
        starts.append(onset - first / SAMPLE_RATE)
        ends[line.clip] = ends[""] = onset + (last - first) / SAMPLE_RATE
    scene = Scene(ends[""] + TAIL)
    for line, start in zip(LINES, starts, strict=True):
        scene.place(clips[line.clip], start, line.gain_db, turn=line.turn)
    scene.background(clips[BACKGROUND], SNR_DB, SEED)
    return scene


def plot(scene: Scene, path: str) -> None:
    """Waveform and spectrogram with the labels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    samples = scene.render()
    figure, (wave, spectrum) = pyplot.subplots(2, 1, figsize=(24, 8), sharex=True)
    wave.plot(np.arange(len(samples)) / SAMPLE_RATE, samples, linewidth=0.3)
    spectrum.specgram(samples, NFFT=512, Fs=SAMPLE_RATE, noverlap=256, vmin=-130, vmax=-50)
    for label in scene.labels:
        start, end = label.start / SAMPLE_RATE, label.end / SAMPLE_RATE
        wave.axvspan(start, end, alpha=0.15)
        wave.text(start, 0.42, label.text or label.name, rotation=30, fontsize=8)
    wave.set_ylim(-0.5, 0.9)
    figure.tight_layout()
    figure.savefig(path, dpi=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", metavar="FILE", help="also draw it")
    arguments = parser.parse_args()
    scene = build()
    RECORDING.parent.mkdir(exist_ok=True)
    soundfile.write(RECORDING, pcm(scene.render()), SAMPLE_RATE)
    truth = {
        "recording": RECORDING.name,
        "sample_rate": SAMPLE_RATE,
        "background": BACKGROUND,
        "snr_db": SNR_DB,
        "labels": [asdict(label) for label in scene.labels],
    }
    LABELS.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    for label in scene.labels:
        start, end = label.start / SAMPLE_RATE, label.end / SAMPLE_RATE
        print(f"{start:6.2f} {end:6.2f}  {label.kind:12}  {label.text or label.name}")
    print(f"{scene.duration:.1f} s, {RECORDING.stat().st_size / 1e6:.2f} MB in {RECORDING}")
    if arguments.plot:
        plot(scene, arguments.plot)


if __name__ == "__main__":
    main()

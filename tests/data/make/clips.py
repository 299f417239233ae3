"""Makes tests/data/clips: `python -m tests.data.make.clips [--recordings FOLDER]`.

Without the folder of recordings (ESC-10, Blanket, Speech Commands) the excerpts already there are kept.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing.scene import active_level
from tests.data.make.recognize import recognize, word_errors
from tests.data.make.recordings import RECORDINGS
from tests.data.make.sounds import click, cough, knock, throat_clear, typing
from tests.data.make.voices import LEVEL_DB, VOICES, at_level, synthesize, trim

CLIPS = Path(__file__).parents[1] / "clips"
BACKGROUND_DB = -40.0
"""dBFS. Scenes set the level of a background anyway; a low one makes a small file."""

BITS = 14
"""Of the 16 in the file. The rounding stays 65 dB below speech, and FLAC does not store the empty bits."""

SPEECH_LICENCE = "synthetic speech of a freely licensed voice (Carnegie Mellon University); Apache-2.0"
SOUND_LICENCE = "Apache-2.0"
MHM = "ah m . hh ah m"


@dataclass(frozen=True, slots=True)
class Said:
    """A spoken clip. spelling: what the synthesizer reads, if punctuation shall give it pauses."""

    voice: str
    text: str
    kind: str = "request"
    label: str = ""
    spelling: str = ""
    phones: str = ""
    stretch: float = 1.0

    @property
    def name(self) -> str:
        """Voice and first words; fragments and backchannels say so, because others begin with the same words."""
        words = "-".join(re.findall(r"[a-z]+", self.text.replace("'", ""))[:8])
        return f"{self.voice}-{words}" if self.kind == "request" else f"{self.voice}-{self.kind}-{words}"


def _all(kind: str, said: dict[str, tuple[str, ...]], label: str = "") -> tuple[Said, ...]:
    return tuple(Said(voice, text, kind, label) for voice, texts in said.items() for text in texts)


REQUESTS = _all(
    "request",
    {
        "slt_hts": (
            "what time is it in tokyo",
            "what can you do",
            "remember that my car is parked on level three",
            "what did i say about my car",
            "set a timer for ten seconds",
            "set a timer for two minutes",
            "stop the timer",
            "what is nine plus fifteen",
            "how many feet are in a mile",
            "who has spoken the most",
            "thank you that is all",
        ),
        "slt": (
            "what time is it in london",
            "convert ten miles to kilometers",
            "please repeat that",
            "speak louder please",
            "help me please",
        ),
        "rms": (
            "what time is it in tokyo",
            "what is twelve times seven",
            "remind me in five minutes to call my mother",
            "convert five pounds to kilograms",
            "what did i say about the key",
            "speak more slowly",
            "what can you do",
            "remind me in twelve seconds to call my brother",
            "what did i say about my car",
            "goodbye",
        ),
        "awb": (
            "what time is it",
            "what is the square root of eighty one",
            "remember that my meeting is on friday",
            "can you repeat that",
        ),
        "kal16": (
            "what time is it in paris",
            "how many miles are ten kilometers",
            "what is twenty percent of eighty",
            "how long have i been talking",
            "how much time is left on the timer",
            "what did i say about the meeting",
        ),
    },
)

INTERRUPTIONS = (
    Said(
        "slt_hts",
        "stop set a timer for fifteen seconds",
        "interruption",
        spelling="stop. set a timer for fifteen seconds",
    ),
    Said("rms", "hold on a second", "interruption", stretch=1.3),
    *_all(
        "interruption",
        {
            "slt_hts": ("wait", "no i meant paris", "let me ask something else"),
            "slt": ("stop", "no stop", "wait a moment", "that is enough"),
            "rms": ("stop", "wait", "no i meant london", "never mind"),
            "awb": ("wait a minute", "that is not what i meant", "stop talking please", "one moment please"),
            "kal16": ("stop", "excuse me", "sorry one more question", "be quiet please"),
        },
    ),
)

FRAGMENTS = (
    *_all(
        "fragment",
        {
            "slt_hts": ("how much is", "what is ten miles", "set a timer for", "what time is it in", "remind me to"),
            "slt": ("convert ten miles",),
            "rms": ("remind me to", "what is", "what is ten miles"),
            "awb": ("what time is it in",),
            "kal16": ("remind me to",),
        },
        "beginning",
    ),
    *_all(
        "fragment",
        {
            "slt_hts": ("nine times twelve", "in kilometers", "ten seconds", "tokyo"),
            "rms": ("call my mother", "twelve times seven", "nine times twelve", "in kilometers"),
            "awb": ("tokyo",),
            "kal16": ("call my mother",),
        },
        "continuation",
    ),
    Said("slt_hts", "um", "fragment", "hesitation"),
    Said("rms", "um", "fragment", "hesitation"),
)

STORIES = (
    Said(
        "slt_hts",
        "and remember that my sister is coming on friday she takes the early train and we will have dinner "
        "at the old house by the river",
        "story",
        spelling="and remember that my sister is coming on friday. she takes the early train, and we will have dinner "
        "at the old house by the river",
    ),
    *_all(
        "story",
        {
            "slt_hts": (
                "yesterday i went to the market and bought some bread and apples",
                "when we came home the door was open and the lights were on",
            ),
            "slt": (
                "the old house by the river has been empty since last winter",
                "my sister is coming on friday and she will stay with us until sunday",
            ),
            "rms": (
                "i have to finish the report before the end of the week",
                "my car is in the garage and i will take the train to the city",
            ),
            "awb": ("remember that my sister is coming on friday",),
            "kal16": ("my brother and i walked along the river yesterday and then we took the last train home",),
        },
    ),
)

BACKCHANNELS = (
    Said("slt_hts", "mhm", "backchannel", phones=MHM),
    Said("rms", "mhm", "backchannel", phones=MHM, stretch=0.85),
    Said("awb", "mhm", "backchannel", phones=MHM, stretch=0.85),
    Said("rms", "mm hmm", "backchannel", phones="m m pau hh m m", stretch=1.2),
    Said("rms", "mm mm", "backchannel", phones="m pau m"),
    Said("slt", "mm mm", "backchannel", phones="m pau m", stretch=1.2),
    Said("rms", "mm", "backchannel", phones="m m", stretch=1.2),
    Said("slt", "mm", "backchannel", phones="m m"),
    Said("slt", "uh-huh", "backchannel", phones="ah ah . hh ah ah"),
    Said("slt", "okay", "backchannel", stretch=0.9),
    Said("awb", "i see", "backchannel", stretch=1.1),
    *_all(
        "backchannel",
        {
            "slt_hts": ("right", "okay", "really"),
            "slt": ("yeah", "right", "i see"),
            "rms": ("right", "okay", "really"),
            "awb": ("yeah", "right", "okay"),
            "kal16": ("yeah", "right", "okay", "i see"),
        },
    ),
)

SAID = (*REQUESTS, *INTERRUPTIONS, *FRAGMENTS, *STORIES, *BACKCHANNELS)

Model = Callable[[np.random.Generator], np.ndarray]
MODELLED: tuple[tuple[str, str, str, Model], ...] = (
    ("cough-1", "cough", "cough", partial(cough, pulses=2, pitch=220, voiced=0.3)),
    ("cough-2", "cough", "cough", partial(cough, pulses=3, pitch=280, voiced=0.5, size=0.85)),
    ("cough-3", "cough", "cough", partial(cough, pulses=2, pitch=130, voiced=0.0)),
    ("cough-4", "cough", "cough", partial(cough, pulses=3, pitch=150, voiced=0.2, size=1.05)),
    ("cough-5", "cough", "cough", partial(cough, pulses=2, pitch=300, voiced=0.6, size=0.8)),
    ("throat-1", "cough", "throat clear", partial(throat_clear, pulses=2, pitch=110)),
    ("throat-2", "cough", "throat clear", partial(throat_clear, pulses=1, pitch=95)),
    ("throat-3", "cough", "throat clear", partial(throat_clear, pulses=2, pitch=170, size=0.85)),
    ("knock-1", "noise", "knock", partial(knock, hits=3, gap=0.20)),
    ("knock-2", "noise", "knock", partial(knock, hits=2, gap=0.28)),
    ("knock-3", "noise", "knock", partial(knock, hits=4, gap=0.17)),
    ("click-1", "noise", "click", partial(click, clicks=1)),
    ("click-2", "noise", "click", partial(click, clicks=2)),
    ("typing-1", "noise", "typing", partial(typing, keys=7, rate=7.0)),
    ("typing-2", "noise", "typing", partial(typing, keys=12, rate=9.0)),
)
"""Name, kind, label and model. The place in this table is the seed: add new ones at the end."""

Row = dict[str, str | float]


def _spoken() -> Iterator[tuple[Row, np.ndarray]]:
    for said in SAID:
        samples = synthesize(said.spelling or said.text, said.voice, phones=said.phones, stretch=said.stretch)
        row = _row(said.name, said.kind, said.label, samples, VOICES[said.voice], SPEECH_LICENCE)
        heard = {"first_pass": recognize(samples), "second_pass": recognize(samples, second_pass=True)}
        yield row | {"text": said.text, "voice": said.voice} | heard, samples


def _modelled() -> Iterator[tuple[Row, np.ndarray]]:
    for seed, (name, kind, label, model) in enumerate(MODELLED):
        samples = at_level(trim(model(np.random.default_rng(seed)).astype(np.float32)), LEVEL_DB)
        yield _row(name, kind, label, samples, "tests/data/make/sounds.py", SOUND_LICENCE), samples


def _recorded(folder: Path) -> Iterator[tuple[Row, np.ndarray]]:
    for recording in RECORDINGS:
        samples = recording.excerpt(folder)
        if recording.kind == "background":
            samples = (samples * 10 ** (BACKGROUND_DB / 20) / np.sqrt(np.mean(np.square(samples)))).astype(np.float32)
        else:
            samples = at_level(trim(samples), LEVEL_DB)
        row = _row(recording.name, recording.kind, recording.label, samples, recording.origin, recording.licence)
        yield row | {"author": recording.author}, samples


def _row(name: str, kind: str, label: str, samples: np.ndarray, origin: str, licence: str) -> Row:
    row: Row = {"file": f"{name}.flac", "kind": kind} | ({"label": label} if label else {})
    return row | {"duration": round(len(samples) / SAMPLE_RATE, 3), "origin": origin, "licence": licence}


def pcm(samples: np.ndarray) -> np.ndarray:
    """(n,) float in [-1, 1] to int16 of which the upper BITS are used."""
    top = 2 ** (BITS - 1)
    return np.clip(np.round(samples * top), -top, top - 1).astype(np.int16) << (16 - BITS)


def _write(rows: Iterator[tuple[Row, np.ndarray]]) -> list[Row]:
    written = []
    for row, samples in rows:
        peak = float(np.abs(samples).max())
        if peak >= 1.0:
            raise ValueError(f"{row['file']}: clips at {peak:.2f}; lower its level ({active_level(samples):.1f} dBFS)")
        soundfile.write(CLIPS / str(row["file"]), pcm(samples), SAMPLE_RATE)
        written.append(row)
        if "text" in row:
            errors = word_errors(str(row["text"]), str(row["first_pass"]))
            print(
                f"{row['file']}: {row['duration']} s, {errors} word errors" + (f" ({row['first_pass']})" * bool(errors))
            )
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, help="folder that holds ESC-10, Blanket and Speech Commands files")
    folder = parser.parse_args().recordings
    CLIPS.mkdir(exist_ok=True)
    manifest = CLIPS / "manifest.json"
    rows = [*_write(_spoken()), *_write(_modelled())]
    if folder:
        rows += _write(_recorded(folder))
    else:
        kept = {f"{recording.name}.flac" for recording in RECORDINGS}
        rows += [row for row in json.loads(manifest.read_text(encoding="utf-8")) if row["file"] in kept]
    listed = {row["file"] for row in rows}
    for stale in (path for path in CLIPS.glob("*.flac") if path.name not in listed):
        stale.unlink()
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    manifest.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in CLIPS.iterdir())
    print(f"{len(rows)} clips, {size / 1e6:.2f} MB in {CLIPS}")


if __name__ == "__main__":
    main()

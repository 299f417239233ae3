"""The recordings that are shipped and tested with are what their makers and their papers say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from duplex.models.asr import Recognizer, load_recognizer
from duplex.models.store import find
from duplex.models.turn_taking.word_lists import plain_words
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing.scene import Label, active_level, read_clips
from tests.data.make import clips, demo
from tests.data.make.recognize import recognize, word_errors

MANIFEST = json.loads((clips.CLIPS / "manifest.json").read_text(encoding="utf-8"))
SPOKEN = [row for row in MANIFEST if row.get("text")]


def test_every_clip_is_listed_and_is_what_the_manifest_says() -> None:
    assert {path.name for path in clips.CLIPS.glob("*.flac")} == {row["file"] for row in MANIFEST}
    for row in MANIFEST:
        samples, rate = soundfile.read(clips.CLIPS / row["file"], dtype="float32")
        assert rate == SAMPLE_RATE and samples.ndim == 1, row["file"]
        assert len(samples) / rate == pytest.approx(row["duration"], abs=1e-3)
        level = clips.BACKGROUND_DB if row["kind"] == "background" else clips.LEVEL_DB
        assert active_level(samples) == pytest.approx(level, abs=0.3), row["file"]
    assert sum(path.stat().st_size for path in clips.CLIPS.iterdir()) < 3_000_000


def test_the_table_of_clips_and_the_folder_agree() -> None:
    made = {f"{said.name}.flac": (said.kind, said.text, said.voice) for said in clips.SAID}
    assert made == {row["file"]: (row["kind"], row["text"], row["voice"]) for row in SPOKEN}


def test_there_is_enough_of_every_kind() -> None:
    kinds = Counter(row["kind"] for row in MANIFEST)
    least = {"request": 30, "interruption": 16, "fragment": 16, "story": 6, "backchannel": 24, "cough": 12, "noise": 12}
    assert not {kind: kinds[kind] for kind, count in least.items() if kinds[kind] < count}
    assert kinds["background"] == 4
    assert len({row["voice"] for row in SPOKEN if row["kind"] == "request"}) >= 4


def test_every_recording_has_a_licence_that_allows_shipping_and_its_author_named() -> None:
    readme = (Path(clips.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for row in MANIFEST:
        assert row["origin"] and row["licence"]
        assert not any(term in row["licence"] for term in ("-SA", " SA", "NC", "ND", "Sampling")), row["file"]
        if "author" in row:
            assert f"`{row['file'].removesuffix('.flac')}`" in readme and row["author"] in readme, row["file"]


def test_what_is_meant_to_be_understood_was_understood() -> None:
    asked = [row for row in SPOKEN if row["kind"] in ("request", "interruption", "story")]
    for heard in ("first_pass", "second_pass"):
        errors = sum(word_errors(row["text"], row[heard]) for row in asked)
        assert errors <= 0.01 * sum(len(row["text"].split()) for row in asked), heard


@pytest.mark.slow
def test_the_manifest_tells_what_pocketsphinx_hears() -> None:
    library = read_clips(clips.CLIPS)
    for row in SPOKEN[::12]:
        assert recognize(library[row["file"].removesuffix(".flac")].samples) == row["first_pass"]


def test_the_demo_recording_is_what_its_maker_makes() -> None:
    scene = demo.build()
    shipped, rate = soundfile.read(demo.RECORDING, dtype="int16")
    assert rate == SAMPLE_RATE
    # One step of the 14 bits: another libm may round a sine of a crossfade to the other side.
    difference = shipped.astype(int) - clips.pcm(scene.render())
    assert np.abs(difference).max() <= 1 << (16 - clips.BITS)
    truth = json.loads(demo.LABELS.read_text(encoding="utf-8"))
    assert truth["labels"] == [asdict(label) for label in scene.labels]
    assert demo.RECORDING.stat().st_size < 1_500_000


def test_the_demo_recording_is_at_a_level_a_microphone_gives() -> None:
    samples, _ = soundfile.read(demo.RECORDING, dtype="float32")
    assert np.abs(samples).max() < 0.9
    labels = [label for label in demo.build().labels if label.text and label.kind != "backchannel"]
    levels = [active_level(samples[label.start : label.end]) for label in labels]
    assert min(levels) > -30 and max(levels) < -20


@pytest.mark.slow
def test_each_turn_of_the_demo_is_understood_in_its_noise() -> None:
    """By the recognizer that hears it in the demo; piece by piece, without the pauses of a turn."""
    samples, _ = soundfile.read(demo.RECORDING, dtype="float32")
    pieces = [label for label in demo.build().labels if label.turn and label.text != "um"]
    if find("moonshine-tiny-en") is None:
        pytest.skip("needs weights: duplex models pull moonshine-tiny-en")
    recognizer = load_recognizer("moonshine-tiny", live=False)
    try:
        heard = {label: _heard(recognizer, samples, label) for label in pieces}
    finally:
        recognizer.close()
    wrong = {label.text: text for label, text in heard.items() if word_errors(label.text, text)}
    errors = sum(word_errors(label.text, text) for label, text in heard.items())
    assert errors <= 0.06 * sum(len(label.text.split()) for label in pieces), wrong


def _heard(recognizer: Recognizer[Any], samples: np.ndarray, label: Label) -> str:
    margin = SAMPLE_RATE * 3 // 10
    piece = samples[label.start - margin : label.end + margin]
    piece = np.pad(piece, (0, -len(piece) % recognizer.hop))
    state = recognizer.initial_state(1)
    for at in range(0, len(piece), recognizer.hop):
        _, state = recognizer.step(piece[at : at + recognizer.hop], state)
    return " ".join(plain_words(recognizer.flush(state).text))

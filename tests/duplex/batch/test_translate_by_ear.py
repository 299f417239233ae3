"""A recording translated by a tiny speech language model of random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from duplex.batch import translate_by_ear
from duplex.batch.translate import translate
from duplex.cli import main
from duplex.models.interaction.speech_lm import stream_uni
from duplex.models.translation import INCLUDED
from duplex.settings import Settings
from tests.models.interaction.speech_lm import tiny
from tests.models.interaction.speech_lm.test_stream_uni import SPOKEN, Scripted


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "talk.wav", tiny.sound(0.64 * len(SPOKEN)), 16_000)
    return tmp_path / "talk.wav"


@pytest.fixture
def model(tmp_path):
    return str(tiny.save("thinker", tmp_path / "model"))


def test_segments_have_times_and_both_texts(recording, monkeypatch):
    monkeypatch.setattr(stream_uni, "TOKENS_PER_SECOND", 60)
    monkeypatch.setattr(stream_uni, "TOKENS_PER_WORD", 40)
    monkeypatch.setattr(translate_by_ear, "hears", lambda name: name == "ear")
    monkeypatch.setattr(translate_by_ear, "open_speech_translator", lambda name, target: Scripted(SPOKEN, k=2))
    heard = []
    lines = translate(recording, "de", Settings(translator="ear"), on_progress=lambda now, _: heard.append(now))
    assert " ".join(line.source for line in lines) == " ".join(SPOKEN)
    assert [line.text for line in lines] == [line.source.upper() for line in lines]
    assert lines[0].end == lines[1].start > 0 and heard[-1] == pytest.approx(0.64 * len(SPOKEN), abs=0.01)


def test_the_command_takes_the_folder_of_such_a_model(recording, model, tmp_path):
    out = tmp_path / "out.json"
    assert main(["translate", str(recording), "--to", "de", "--translator", model, "-o", str(out)]) == 0
    assert json.loads(out.read_text())["language"] == "de"


def test_silence(tmp_path, model):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000, np.float32), 16_000)
    assert translate(tmp_path / "silence.wav", "de", Settings(translator=model)).target == "de"


@pytest.mark.parametrize("name", ["auto", "http://127.0.0.1:1/v1", "tower@http://127.0.0.1:1/v1"])
def test_other_translators_are_given_text(name):
    assert not translate_by_ear.by_ear(name)


@pytest.mark.parametrize("name", INCLUDED)
def test_the_included_translators_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate_by_ear, "hears", lambda name: pytest.fail("its configuration was asked for"))
    assert not translate_by_ear.by_ear(name)

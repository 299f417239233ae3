"""Translation of recordings: sentences, languages, what cannot be translated, the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.batch import translate as module
from duplex.batch.transcribe import Transcript, Word
from duplex.batch.translate import segments, translate_transcript
from duplex.cli import main
from duplex.settings import Settings
from duplex.streaming.errors import ModelError, SettingsError
from tests.duplex.conversation.captions.scripted import TurningTranslator

DEMO = Path(duplex.__file__).parent / "data" / "demo.flac"


def utterance(start, text, party="user", speaker=None):
    return [
        Word(word, start + 0.3 * n, start + 0.3 * n + 0.25, party, 0.9, speaker) for n, word in enumerate(text.split())
    ]


@pytest.fixture
def transcript():
    return Transcript(
        [
            utterance(0.0, "I have a"),
            utterance(1.5, "dog. It barks."),
            utterance(1.6, "really?", "other"),
            utterance(9.0, "xxx yyy"),
        ],
        ["quiet"],
    )


def test_sentences_of_each_party_are_translated_where_they_were_said(transcript):
    lines = translate_transcript(transcript, TurningTranslator(), "en", "de")
    assert [(line.party, line.source, line.text) for line in lines] == [
        ("user", "I have a dog.", "DOG. A HAVE I"),
        ("other", "really?", "REALLY?"),
        ("user", "It barks.", "BARKS. IT"),
        ("user", "xxx yyy", "YYY XXX"),
    ]
    assert lines[0].start == 0.0 and lines[0].end == pytest.approx(1.75)
    assert lines.notes == [
        "quiet",
        "1 of 4 sentences could not be translated: they stand in brackets as they were said",
    ]


def test_a_hopeless_sentence_stands_in_brackets_as_it_was_said(transcript):
    lines = translate_transcript(transcript, TurningTranslator(), "en", "de")
    assert lines.captions()[-1].text == "[xxx yyy]" and lines[-1].hopeless
    both = lines.captions(bilingual=True)
    assert both[0].under == "I have a dog." and both[-1].under == ""
    assert lines.as_dict()["lines"][-1]["hopeless"] is True


def test_nothing_said():
    lines = translate_transcript(Transcript([], []), TurningTranslator(), "en", "de")
    assert list(lines) == [] and lines.text == "" and lines.notes == []


def test_five_hundred_words_without_a_pause_or_a_full_stop():
    said = utterance(0.0, " ".join(f"word{n}" for n in range(500)))
    found = segments([said])
    assert [word.text for segment in found for word in segment.words] == [word.text for word in said]
    assert max(len(segment.words) for segment in found) <= 36


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("fr", "no en-fr, only en-de and de-en; name another one with --translator"),
        ("en-GB", "language is en already"),
        ("", "needs a language to translate to"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_heard(to, message):
    with pytest.raises(SettingsError, match=message):
        module.translate(DEMO, to)


def test_a_folder_without_weights_says_so(tmp_path):
    (tmp_path / "decoder.onnx").write_bytes(b"no graph")
    (tmp_path / "vocabulary.model").write_bytes(b"no vocabulary")
    with pytest.raises(ModelError):
        module.translate(DEMO, "de", Settings(translator=str(tmp_path)))


def test_the_command_writes_every_format(transcript, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(module, "load_translator", lambda *_: TurningTranslator())
    monkeypatch.setattr(module, "transcribe", lambda *_, **__: transcript)
    assert main(["translate", str(DEMO), "--to", "de", "--bilingual", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".srt", ".vtt", ".txt", ".json"}
    assert "user: DOG. A HAVE I\nI have a dog.\n" in (tmp_path / "out" / "demo.srt").read_text("utf-8")
    assert "DOG. A HAVE I\nI have a dog." in (tmp_path / "out" / "demo.vtt").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "demo.json").read_text("utf-8"))["language"] == "de"
    assert main(["translate", str(DEMO), "--to", "de", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "user: DOG. A HAVE I" in printed and "I have a dog." not in printed


@pytest.mark.slow
def test_the_demo_in_german(tmp_path):
    lines = duplex.translate(DEMO, "de", Settings(diarize=False))
    assert lines and all(0 <= line.start <= line.end for line in lines)
    assert re.search(r"\b(ist|was|ich|der|die|und)\b", lines.text, re.I)


def test_a_recording_in_another_language_than_announced_is_told():
    unsure = [replace(word, confidence=0.4) for word in utterance(0.0, "reached, finished, shoved off.")]
    sure = utterance(9.0, "it is late.")
    lines = translate_transcript(Transcript([unsure, sure], []), TurningTranslator(), "en", "de")
    assert [line.hopeless for line in lines] == [True, False] and lines.captions()[0].text.startswith("[reached,")
    assert not any("hardly understood" in note for note in lines.notes)
    lines = translate_transcript(Transcript([unsure], []), TurningTranslator(), "en", "de")
    assert any("hardly understood: is it in en?" in note for note in lines.notes)


@pytest.mark.slow
def test_a_recording_without_words_is_told(tmp_path):
    noise = 0.003 * np.random.default_rng(0).normal(size=64_000)
    soundfile.write(tmp_path / "sea.wav", noise.astype(np.float32), 16_000)
    recognizer = Settings(recognizer="pocketsphinx")
    lines = module.translate(tmp_path / "sea.wav", "de", recognizer, translator=TurningTranslator(), diarize=False)
    assert list(lines) == [] and any("no words were found" in note for note in lines.notes)

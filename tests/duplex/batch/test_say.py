from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.audio_files.reader import open_recording
from duplex.streaming.errors import InputError, ModelError, OutputError, SettingsError
from tests.models.tts.voices import TINY

TEXT = "Hello there, this is a test."


def test_speech_is_returned_with_its_words():
    speech = duplex.say(TEXT)
    assert [word.text for word in speech.words] == TEXT.split()
    assert [TEXT[word.text_start : word.text_end] for word in speech.words] == TEXT.split()
    assert len(speech.samples) == round(speech.duration * speech.sample_rate)
    assert 0.8 < speech.duration < 4 and np.abs(speech.samples).max() > 0.1


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aiff"])
def test_every_kind_of_file_holds_the_speech(tmp_path, suffix):
    speech = duplex.say(TEXT, tmp_path / f"x{suffix}")
    duration = open_recording(tmp_path / f"x{suffix}").duration
    assert duration == pytest.approx(speech.duration, abs=0.06)
    assert len(speech.samples) == 0


def test_a_file_holds_the_samples_that_are_returned(tmp_path):
    duplex.say(TEXT, tmp_path / "x.wav")
    samples, rate = soundfile.read(tmp_path / "x.wav", dtype="float32")
    speech = duplex.say(TEXT)
    assert rate == speech.sample_rate
    np.testing.assert_allclose(samples, speech.samples, atol=1 / 32_000)


def test_parts_are_spoken_as_they_come_and_words_count_from_the_first():
    heard = threading.Event()

    def lines() -> Iterator[str]:
        yield "Hello there.\n"
        assert heard.is_set(), "the first line is to be spoken before the second is there"
        yield "Good bye.\n"

    speech = duplex.say(lines(), on_chunk=lambda samples, rate: heard.set())
    whole = "Hello there.\nGood bye.\n"
    assert [whole[word.text_start : word.text_end] for word in speech.words] == whole.split()
    starts = [word.start for word in speech.words]
    assert starts == sorted(starts) and speech.words[-1].end <= speech.duration


def test_a_voice_language_and_rate():
    german = duplex.say("Guten Tag", language="de")
    assert german.samples.tobytes() != duplex.say("Guten Tag").samples.tobytes()
    assert duplex.say(TEXT, rate=0.5).duration > 1.5 * duplex.say(TEXT).duration


def test_a_piper_voice_says_its_own_language_unless_another_is_asked_for(tmp_path):
    speech = duplex.say(TEXT, voice=str(TINY))
    assert speech.sample_rate == 16_000 and len(speech.words) == 6
    config = json.loads(Path(f"{TINY}.json").read_text("utf-8"))
    config |= {"language": {"code": "de_DE"}, "espeak": {"voice": "de"}}
    (tmp_path / "ulla.onnx").write_bytes(TINY.read_bytes())
    (tmp_path / "ulla.onnx.json").write_text(json.dumps(config), "utf-8")
    assert duplex.say("Guten Tag", voice=str(tmp_path / "ulla.onnx")).words
    with pytest.raises(ModelError, match="the voice ulla speaks de, not en"):
        duplex.say(TEXT, voice=str(tmp_path / "ulla.onnx"), language="en")


@pytest.mark.parametrize("text", ["", " \n", "...", "🎉"])
def test_nothing_to_say(text, tmp_path):
    with pytest.raises(InputError, match="there is nothing to say"):
        duplex.say(text, tmp_path / "x.wav")
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_written(tmp_path):
    with pytest.raises(SettingsError, match=r"\.xyz is no sound file"):
        duplex.say(TEXT, tmp_path / "x.xyz")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        duplex.say(TEXT, tmp_path / "folder.wav")


def test_a_text_that_breaks_off_leaves_no_file(tmp_path):
    def lines() -> Iterator[str]:
        yield "One.\n"
        raise RuntimeError("the writer is gone")

    with pytest.raises(RuntimeError):
        duplex.say(lines(), tmp_path / "x.wav")
    assert list(tmp_path.iterdir()) == []

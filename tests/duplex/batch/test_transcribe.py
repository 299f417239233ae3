"""Transcripts with speakers: each word has the one who was most active while it was said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.batch.transcribe import Transcript, Word, with_written_numbers
from duplex.cli import main
from duplex.session_record.subtitles import to_srt, to_txt, to_vtt
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.diarization.tones import TonesDiarizer, tone

CLIPS = Path(__file__).parents[2] / "data" / "clips"
FIRST, SECOND = "slt-what-time-is-it-in-london", "rms-what-time-is-it-in-tokyo"


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.diarization.load_diarizer", TonesDiarizer)


def clip(name: str) -> np.ndarray:
    return soundfile.read(CLIPS / f"{name}.flac", dtype="float32")[0]


def marked(name: str, voice: int) -> np.ndarray:
    """A clip under which a tone too deep for the recognizer tells whose voice it is."""
    samples = clip(name)
    return samples + tone(voice, len(samples) / 16_000, 0.05)[: len(samples)]


@pytest.fixture
def call(tmp_path: Path) -> Path:
    pause = np.zeros(24_000, np.float32)
    path = tmp_path / "call.flac"
    soundfile.write(path, np.concatenate([pause, marked(FIRST, 0), pause, marked(SECOND, 1), pause]), 16_000)
    return path


@pytest.fixture
def word(tmp_path: Path) -> Path:
    path = tmp_path / "word.wav"
    soundfile.write(path, np.pad(marked("rms-goodbye", 0), 16_000), 16_000)
    return path


def test_every_word_has_its_speaker(call: Path) -> None:
    words = duplex.transcribe(call)
    assert words.speakers == ["speaker 1", "speaker 2"]
    change = 1.5 + len(clip(FIRST)) / 16_000 + 0.75
    assert len(words) > 6
    for word in words:
        assert word.speaker == ("speaker 1" if word.start < change else "speaker 2")
    assert {caption.party for caption in words.captions()} == {"speaker 1", "speaker 2"}


@pytest.mark.slow
def test_speakers_in_every_format(call: Path, tmp_path: Path) -> None:
    voice = tmp_path / "tom.wav"
    soundfile.write(voice, tone(1, 3.0), 16_000)
    argv = ["transcribe", str(call), "-o", str(tmp_path / "a.json"), "--speaker", f"tom={voice}", "--quiet"]
    assert main(argv) == 0
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["speakers"] == ["speaker 1", "tom"] and found["words"][-1]["speaker"] == "tom"
    captions = Transcript([[Word(**word) for word in found["words"]]], []).captions()
    assert "\ntom: " in to_srt(captions) and "<v speaker 1>" in to_vtt(captions) and "] tom: " in to_txt(captions)


def test_speakers_may_be_left_out(word: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(word), "--no-speakers"]) == 0
    out = capsys.readouterr().out
    assert "user: " in out and "speaker" not in out


@pytest.mark.slow
def test_settings_say_whether_and_whom(word: Path, tmp_path: Path) -> None:
    voice = tmp_path / "tom.wav"
    soundfile.write(voice, tone(0, 3.0), 16_000)
    assert duplex.transcribe(word, duplex.Settings(speakers=f"tom={voice}")).speakers == ["tom"]
    assert duplex.transcribe(word, duplex.Settings(diarize=False)).speakers == []
    with pytest.raises(duplex.SettingsError, match="1 to 8, not 0"):
        duplex.transcribe(word, max_speakers=0)


@pytest.mark.slow
def test_of_a_stereo_recording_each_channel_is_a_party(tmp_path: Path) -> None:
    samples = np.pad(clip("rms-goodbye"), 16_000)
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([samples, np.roll(samples, 8000)], axis=1), 16_000)
    words = duplex.transcribe(path, speakers={"tom": path})
    assert {word.party for word in words} == {"left", "right"} and words.speakers == []
    assert any("each channel is a party" in note for note in words.notes)


def test_without_a_diarizer_there_are_words_nevertheless(word: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(**_: object) -> None:
        raise ModelError("the weights are missing")

    monkeypatch.setattr("duplex.models.diarization.load_diarizer", missing)
    words = duplex.transcribe(word)
    assert words and words.speakers == [] and "speakers are not told apart: the weights are missing" in words.notes
    with pytest.raises(ModelError, match="weights"):
        duplex.transcribe(word, speakers={"tom": word})


def test_captions_are_cut_where_the_speaker_changes() -> None:
    def word(text: str, start: float, speaker: str | None) -> Word:
        return Word(text, start, start + 0.4, "user", 1.0, speaker)

    spoken = [word("yes", 0.0, "ann"), word("no", 0.5, "bob"), word("maybe", 1.0, "bob"), word("so", 1.5, "ann")]
    captions = Transcript([spoken, [word("well", 3.0, None)]], []).captions()
    assert [(caption.party, caption.text) for caption in captions] == [
        ("ann", "yes"),
        ("bob", "no maybe"),
        ("ann", "so"),
        ("user", "well"),
    ]
    assert captions[1].start == 0.5 and captions[1].end == 1.4
    assert "bob: no maybe" in to_srt(captions) and "<v bob>no maybe</v>" in to_vtt(captions)


def test_written_numbers_last_as_long_as_their_words_and_never_join_speakers() -> None:
    pytest.importorskip("text_to_num")
    said = [
        Word("it's", 0.0, 0.2, "user", 0.9, "ann"),
        Word("twenty", 0.3, 0.5, "user", 0.8, "ann"),
        Word("three", 0.5, 0.7, "user", 0.6, "ann"),
        Word("dollars.", 0.8, 1.1, "user", 0.9, "ann"),
        Word("twenty", 1.2, 1.4, "user", 0.7, "ann"),
        Word("five", 1.5, 1.7, "user", 0.9, "bob"),
    ]
    assert with_written_numbers(said, "en") == [
        said[0],
        Word("$23.", 0.3, 1.1, "user", 0.6, "ann"),
        Word("20", 1.2, 1.4, "user", 0.7, "ann"),
        said[5],
    ]


def test_written_numbers_in_a_language_without_rules_are_refused_at_once(
    word: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match="written_numbers knows English and German"):
        duplex.transcribe(word, duplex.Settings(written_numbers=True, language="fr"))
    assert main(["transcribe", str(word), "--written-numbers", "--language", "fr"]) != 0
    assert "knows English and German" in capsys.readouterr().err

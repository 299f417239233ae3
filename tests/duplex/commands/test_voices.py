"""`duplex voices`: a voice that is kept is known by name, and what is no voice is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.batch.voices import LEAST_SPEECH
from duplex.cli import main
from duplex.models.diarization.kept_voices import kept_voices, named_voices, voice_file
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError
from tests.models.diarization.tones import TonesDiarizer, conversation, tone


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("duplex.models.diarization.load_diarizer", TonesDiarizer, raising=False)
    return tmp_path / "data" / "duplex" / "voices"


def write(path: Path, samples: np.ndarray) -> str:
    soundfile.write(path, samples, 16_000)
    return str(path)


@pytest.fixture
def ann(tmp_path: Path) -> str:
    return write(tmp_path / "ann.wav", conversation((0, 0.5, 2.5), (0, 3.0, 5.0), seconds=6.0))


@pytest.fixture
def meeting(tmp_path: Path) -> str:
    return write(tmp_path / "meeting.wav", conversation((2, 0.5, 2.0), (0, 2.5, 4.0), seconds=5.0))


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) != 0
    err = capsys.readouterr().err
    assert err.startswith("duplex: ") and err.count("\n") == 1, err
    return err


def test_a_kept_voice_is_known_by_name_until_it_is_removed(ann: str, meeting: str, capsys, own_folder: Path) -> None:
    assert main(["voices", "add", "Änn / B", ann]) == 0
    assert "4.0 s of clear speech" in capsys.readouterr().err
    assert [path.parent for path in kept_voices().values()] == [own_folder]
    assert main(["voices", "list"]) == 0
    assert capsys.readouterr().out.startswith("Änn / B") and list(kept_voices()) == ["Änn / B"]
    for asked in ("Änn / B", "all"):
        assert main(["diarize", meeting, "--speaker", asked]) == 0
        assert [line.split()[7] for line in capsys.readouterr().out.splitlines()] == ["speaker_1", "Änn_/_B"]
    assert list(Settings(speakers="all").known_voices) == ["Änn / B"]
    assert duplex.diarize(meeting).speakers == ["speaker 1", "speaker 2"], "nobody is named who is not asked for"
    assert main(["voices", "remove", "Änn / B"]) == 0
    assert main(["voices", "list"]) == 0
    assert capsys.readouterr().out.endswith("No voice is kept.\n")
    assert "no voice called Änn / B is kept" in fails(capsys, "diarize", meeting, "--speaker", "Änn / B")
    assert "no voice is kept" in fails(capsys, "diarize", meeting, "--speaker", "all")


def test_only_clear_speech_is_kept(ann: str) -> None:
    assert main(["voices", "add", "ann", ann]) == 0
    samples, rate = soundfile.read(kept_voices()["ann"])
    assert rate == 16_000 and len(samples) == 4 * rate
    assert np.abs(samples.reshape(-1, 1600)).max(axis=1).min() > 0.09, "no pause is left"


def test_several_recordings_make_one_voice(tmp_path: Path) -> None:
    short = [write(tmp_path / f"{n}.wav", tone(0, 1.5)) for n in range(3)]
    assert main(["voices", "add", "ann", *short]) == 0
    assert soundfile.info(kept_voices()["ann"]).duration == pytest.approx(4.5)


def test_what_is_no_voice_to_know_somebody_by_is_refused(ann: str, tmp_path: Path, capsys) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 160_000)
    cases = {
        "too short to know bob by": tone(1, 0.5),
        "is silent": np.zeros(160_000),
        "0.0 s of clear speech are too little": noise,
        "2.0 s of clear speech are too little": conversation((1, 0.5, 2.5), seconds=6.0),
        "two people are heard, for 3.5 and 1.5 s: give bob alone": conversation((1, 0, 3.5), (2, 4, 5.5), seconds=6.0),
    }
    for message, samples in cases.items():
        assert message in fails(capsys, "voices", "add", "bob", write(tmp_path / "bob.wav", samples))
    assert "there is no such file" in fails(capsys, "voices", "add", "bob", str(tmp_path / "absent.wav"))
    assert main(["voices", "add", "ann", ann]) == 0
    capsys.readouterr()
    assert "the voice of ann is kept already" in fails(capsys, "voices", "add", "ann", ann)
    assert "no voice called bob, carl is kept" in fails(capsys, "voices", "remove", "bob", "ann", "carl")
    assert list(kept_voices()) == ["ann"], "nothing is deleted where a name is wrong"
    assert main(["voices", "remove", "--all"]) == 0 and not kept_voices()


@pytest.mark.parametrize("name", ["", " ann", "all", "a=b", "a,b", "a\nb", "x" * 61])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(SettingsError, match="voice"):
        voice_file(name)


def test_names_never_leave_the_folder(own_folder: Path) -> None:
    assert {voice_file(name).parent for name in ("../../ann", "/etc/ann", ".", "..", "a\\b")} == {own_folder}


def test_a_recording_needs_no_kept_voice() -> None:
    assert named_voices(" ann = a.wav ", "here") == {"ann": "a.wav"}
    assert LEAST_SPEECH >= 3.0, "the card has error rates for 3 s"


@pytest.mark.slow
def test_real_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """With the published weights: who is kept is named where she speaks, and nobody else is."""
    from duplex.models.diarization.segmentation import ENTRY, load_segmentation
    from duplex.models.store import find

    folder = find(ENTRY)
    if folder is None:
        pytest.skip("the weights of segmentation and CAM++ are not pulled")
    monkeypatch.setattr(
        "duplex.models.diarization.load_diarizer",
        lambda latency, max_speakers, name: load_segmentation(folder, latency, max_speakers),
    )
    clips = Path(__file__).parents[2] / "data" / "clips"
    woman = [str(path) for path in sorted(clips.glob("slt-story-*.flac"))[:2]]
    man = [str(path) for path in sorted(clips.glob("rms-story-*.flac"))[:2]]
    tune = write(tmp_path / "tune.wav", sum(tone(voice, 10.0) for voice in range(4)))
    assert "two people are heard" in fails(capsys, "voices", "add", "ann", woman[0], man[0])
    assert "of clear speech are too little" in fails(capsys, "voices", "add", "ann", tune)
    assert main(["voices", "add", "ann", woman[0], woman[0]]) == 0
    capsys.readouterr()
    assert "cannot be told apart" in fails(capsys, "voices", "add", "bea", woman[1], woman[1])
    talk = [soundfile.read(path)[0] for path in (man[1], woman[1])]
    both = write(tmp_path / "both.wav", np.concatenate([talk[0], np.zeros(8000), talk[1]]))
    alone = write(tmp_path / "man.wav", np.concatenate([talk[0], np.zeros(8000), talk[0]]))
    assert duplex.diarize(both, speakers=dict(kept_voices())).speakers == ["speaker 1", "ann"]
    assert duplex.diarize(alone, speakers=dict(kept_voices())).speakers == ["speaker 1"]

"""The spoken translation of a recording: when it is said, what is heard below it, what is left out, the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.batch import interpret as module
from duplex.batch.interpret import interpret
from duplex.batch.translate import Line, TranslatedLines
from duplex.cli import main
from duplex.conversation.captions.segments import PAUSE
from duplex.conversation.interpreting.ducking import DUCKED
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import OutputError, SettingsError
from duplex.testing import ScriptedSynthesizer

HUM = 0.01
"""Level of the original, below that of the voice."""


def line(start: float, end: float, text: str, hopeless: bool = False, source: str = "en") -> Line:
    return Line(start, end, text, "what was said", source, "user", None, 0.9, hopeless)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "talk.wav", np.full(20 * SAMPLE_RATE, HUM, np.float32), SAMPLE_RATE, "FLOAT")
    return tmp_path / "talk.wav"


def spoken(
    monkeypatch: pytest.MonkeyPatch, recording: Path, lines: list[Line], **more: object
) -> tuple[np.ndarray, TranslatedLines]:
    found = TranslatedLines(lines, "de", [])
    monkeypatch.setattr(module, "translate", lambda *args, **hearing: found)
    out = recording.with_name("out.wav")
    returned = interpret(recording, "de", out, **more)
    samples, rate = soundfile.read(out, dtype="float32")
    assert rate == SAMPLE_RATE
    return samples, returned


def seconds(samples: np.ndarray, start: float, end: float) -> np.ndarray:
    return samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def test_it_begins_when_it_could_have_been_known_and_the_original_is_turned_down(recording, monkeypatch) -> None:
    samples, lines = spoken(monkeypatch, recording, [line(1.0, 3.0, "Guten Morgen, meine Damen und Herren.")])
    known = 3.0 + PAUSE / SAMPLE_RATE
    assert np.abs(seconds(samples, 0.0, known) - HUM).max() < 0.001
    during = seconds(samples, known + 0.3, known + 1.5)
    assert np.abs(during).max() > 0.1 and abs(float(during.mean()) - DUCKED * HUM) < 0.002
    assert np.abs(seconds(samples, 10.0, 20.0) - HUM).max() < 0.001 and len(samples) == 20 * SAMPLE_RATE
    assert lines.notes == []


def test_without_the_original(recording, monkeypatch) -> None:
    samples, _ = spoken(monkeypatch, recording, [line(1.0, 3.0, "Guten Morgen.")], original=False)
    assert not seconds(samples, 0.0, 3.8).any() and np.abs(seconds(samples, 4.0, 5.0)).max() > 0.1


def test_a_translation_goes_on_behind_the_recording(recording, monkeypatch) -> None:
    samples, _ = spoken(monkeypatch, recording, [line(18.0, 20.0, "Es war einmal ein König, der hatte drei Söhne.")])
    assert 22 * SAMPLE_RATE < len(samples) < 27 * SAMPLE_RATE


def test_hopeless_and_german_sentences_are_heard_as_they_are(recording, monkeypatch) -> None:
    lines = [line(1.0, 3.0, "Unsinn.", hopeless=True), line(5.0, 7.0, "Guten Tag.", source="de")]
    samples, _ = spoken(monkeypatch, recording, lines)
    assert np.abs(samples - HUM).max() < 0.001


def test_what_would_come_too_late_is_left_out_and_noted(recording, monkeypatch) -> None:
    long = "Das ist ein sehr langer Satz, der kein Ende nimmt, und der immer noch weiter geht. " * 2
    lines = [line(float(n), n + 1.0, long) for n in range(6)]
    _, found = spoken(monkeypatch, recording, lines, settings=Settings(interpret_delay=8.0))
    (note,) = found.notes
    assert note.endswith("translations are not spoken: they would have been more than 8 s late") and note[0] in "345"


def test_bad_input(recording, monkeypatch, capsys) -> None:
    with pytest.raises(SettingsError, match="no sound file"):
        interpret(recording, "de", recording.with_name("out.txt"))
    with pytest.raises(OutputError, match="would replace a recording"):
        interpret(recording, "de", recording)
    with pytest.raises(SettingsError, match="the speaker's language is de already"):
        interpret(recording, "de", recording.with_name("out.wav"), Settings(language="de"))
    with monkeypatch.context() as patched:
        english = ScriptedSynthesizer()
        english.languages = ("en",)
        patched.setattr(module, "load_synthesizer", lambda *args: english)
        with pytest.raises(SettingsError, match="cannot speak 'de': scripted speaks en"):
            interpret(recording, "de", recording.with_name("out.wav"))
    assert main(["translate", str(recording), str(recording), "--to", "de", "--speak", "out.wav"]) != 0
    assert "--speak is for one recording" in capsys.readouterr().err
    assert not recording.with_name("out.wav").exists()

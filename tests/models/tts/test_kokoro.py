"""Kokoro, on random weights of its shape: words, marks, languages, and folders that are none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.tts import Voice, load_synthesizer
from duplex.models.tts.kokoro import KokoroSynthesizer, english
from duplex.models.tts.kokoro_model import KokoroModel
from duplex.streaming.errors import ModelError, SettingsError

TINY = Path(__file__).resolve().parents[2] / "data" / "voices" / "kokoro"
TEXT = "What time is it in Tokyo? Nine judges chose the boy's outdoor chair."


@pytest.fixture(scope="module")
def kokoro() -> KokoroSynthesizer:
    return KokoroSynthesizer(str(TINY))


def speech(engine: KokoroSynthesizer, text: str, voice: Voice | None = None) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in engine.synthesize(text, voice)])


def test_every_word_has_its_place_and_comes_no_later_than_its_sound(kokoro: KokoroSynthesizer) -> None:
    done, marks = 0, []
    for chunk in kokoro.synthesize(TEXT):
        assert chunk.samples.dtype == np.float32 and np.abs(chunk.samples).max() <= 1
        assert all(mark.start >= done for mark in chunk.marks)
        marks += chunk.marks
        done += len(chunk.samples)
    assert [TEXT[mark.text_start : mark.text_end] for mark in marks] == TEXT.split()
    assert all(mark.start < mark.end <= done for mark in marks)
    assert [mark.start for mark in marks] == sorted(mark.start for mark in marks)


def test_the_same_text_gives_the_same_samples_and_a_faster_rate_fewer(kokoro: KokoroSynthesizer) -> None:
    assert np.array_equal(speech(kokoro, TEXT), speech(kokoro, TEXT))
    assert len(speech(kokoro, TEXT, Voice(rate=2.0))) < 0.8 * len(speech(kokoro, TEXT))
    assert np.abs(speech(kokoro, TEXT, Voice(volume=0.25))).max() < 0.5 * np.abs(speech(kokoro, TEXT)).max()


def test_its_voices_are_named_and_differ(kokoro: KokoroSynthesizer) -> None:
    names = [voice.name for voice in kokoro.voices()]
    assert names == [f"{TINY}#ann", f"{TINY}#bob"]
    ann, bob = (speech(kokoro, "yes", Voice(name=name)) for name in names)
    assert not np.array_equal(ann, bob)
    assert np.array_equal(bob, speech(KokoroSynthesizer(names[1]), "yes"))


def test_english_is_written_in_the_symbols_of_the_voices() -> None:
    assert "".join(english(list("tʃˈɔɪs"), [0] * 6)[0]) == "ʧˈYs"
    symbols, words = english(list("dʒˈʌdʒ ɹˈaɪdɚɹ"), [0] * 6 + [-1] + [1] * 7)
    assert "".join(symbols) == "ʤˈʌʤ ɹˈIdəɹ"
    assert len(words) == len(symbols) and words[:4] == [0, 0, 0, 0] and words[4] == -1 and set(words[5:]) == {1}


@pytest.mark.parametrize("voice", ["", str(TINY), f"{TINY}#bob"])
def test_auto_takes_it_for_a_voice_that_is_its_own(voice: str) -> None:
    assert load_synthesizer("auto", voice).name == ("kokoro" if voice else "espeak")


@pytest.mark.parametrize(
    ("voice", "why"),
    [
        (Voice(language="ja"), "speaks en"),
        (Voice(name=f"{TINY}#eve"), "no voice 'eve'"),
        (Voice(name="other#ann"), "not with 'other'"),
    ],
)
def test_what_it_cannot_speak_is_refused_at_once(kokoro: KokoroSynthesizer, voice: Voice, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        kokoro.synthesize("yes", voice)


@pytest.mark.parametrize("voice", [Voice(rate=0.0), Voice(rate=float("nan")), Voice(volume=-1.0)])
def test_rates_and_volumes_that_are_none(kokoro: KokoroSynthesizer, voice: Voice) -> None:
    with pytest.raises(SettingsError):
        kokoro.synthesize("yes", voice)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "no graph"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"no graph at all"), "not the graph of Kokoro"),
        (lambda folder: shutil.copy(TINY.parent / "tiny.onnx", folder / "model.onnx"), "not the graph of Kokoro"),
        (lambda folder: (folder / "vocab.json").write_text("{}"), "symbols"),
        (lambda folder: (folder / "voices.npz").write_bytes(b"PK"), "voices cannot be read"),
        (lambda folder: (folder / "voices.npz").unlink(), "no voices"),
    ],
)
def test_a_folder_that_is_none_says_why_in_one_line(tmp_path: Path, broken: object, why: str) -> None:
    folder = tmp_path / "voice"
    shutil.copytree(TINY, folder)
    broken(folder)  # type: ignore[operator]
    with pytest.raises(ModelError, match=why) as error:
        KokoroModel(folder)
    assert "\n" not in str(error.value)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_spoken_or_left_out(text: str) -> None:
    engine = KokoroSynthesizer(str(TINY))
    done = 0
    for chunk in engine.synthesize(text):
        done += len(chunk.samples)
        assert all(0 <= mark.text_start < mark.text_end <= len(text) for mark in chunk.marks)
    assert done >= 0

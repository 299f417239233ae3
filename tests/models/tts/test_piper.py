from __future__ import annotations

import itertools
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice, WordMark
from duplex.models.tts.piper import LONGEST, PiperSynthesizer, cut
from duplex.models.tts.piper_model import PiperModel, piper_model
from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.onnx import session
from tests.models.tts.listening import gathered
from tests.models.tts.voices import TINY, real_voice

WORDS = st.sampled_from(["word", "a,", "long-ish", "end.", "—", "x" * 90])
TEXT = "Hello, world. In the end it was out of the question, or was it?"


@pytest.fixture(scope="module")
def piper() -> PiperSynthesizer:
    return PiperSynthesizer(str(TINY))


def spoken(engine: PiperSynthesizer, text: str, voice: Voice | None = None) -> tuple[np.ndarray, list[WordMark]]:
    return gathered(list(engine.synthesize(text, voice)))


def copy(folder: Path, **changes: object) -> Path:
    """The tiny voice with another JSON file; a value of None takes the key out."""
    shutil.copy(TINY, folder / "tiny.onnx")
    config = json.loads(Path(f"{TINY}.json").read_text("utf-8")) | changes
    text = json.dumps({name: value for name, value in config.items() if value is not None})
    (folder / "tiny.onnx.json").write_text(text, "utf-8")
    return folder / "tiny.onnx"


def test_every_word_is_marked_in_order_within_the_speech(piper):
    samples, marks = spoken(piper, TEXT)
    assert [TEXT[mark.text_start : mark.text_end] for mark in marks] == TEXT.split()
    assert all(mark.start < mark.end for mark in marks)
    assert all(before.end <= after.start for before, after in itertools.pairwise(marks))
    assert marks[-1].end <= len(samples)
    assert samples.dtype == np.float32 and np.abs(samples).max() <= 1.0


def test_the_space_before_a_word_is_the_word_s(piper):
    _, marks = spoken(piper, "in the end it was out")
    assert all(before.end == after.start for before, after in itertools.pairwise(marks))


def test_the_same_text_gives_the_same_samples(piper):
    first, second = spoken(piper, TEXT)[0], spoken(piper, TEXT)[0]
    assert first.tobytes() == second.tobytes()


def test_windows_give_the_samples_of_the_whole():
    model = piper_model(TINY)
    prepared = model.prepare([1, 0, *([20, 0] * 120), 2], 1, 0.5)
    frames = prepared.latent.shape[2]
    assert frames > 200
    parts = [model.sound(prepared, start, end) for start, end in model.windows(frames)]
    assert len(parts) > 3
    np.testing.assert_allclose(np.concatenate(parts), model.sound(prepared, 0, frames), atol=1e-5)


def without_noise(path: Path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same phoneme ids through the file as it is and through its parts."""
    config = json.loads(Path(f"{path}.json").read_text("utf-8"))
    config["inference"] |= {"noise_scale": 0.0, "noise_w": 0.0}
    quiet = folder / "quiet.onnx"
    shutil.copy(path, quiet)
    Path(f"{quiet}.json").write_text(json.dumps(config), "utf-8")
    whole = session(path)
    ids = [1, 0, *(each for sign in range(14, 40) for each in (sign, 0)), 2]
    feed = {
        "input": np.array([ids]),
        "input_lengths": np.array([len(ids)]),
        "scales": np.array([0.0, 1.0, 0.0], np.float32),
        "sid": np.array([0]),
    }
    known = {entry.name for entry in whole.get_inputs()}
    expected = whole.run(None, {name: value for name, value in feed.items() if name in known})[0].reshape(-1)
    model = PiperModel(quiet)
    prepared = model.prepare(ids, 0, 1.0)
    parts = [model.sound(prepared, start, end) for start, end in model.windows(prepared.latent.shape[2])]
    return expected, np.concatenate(parts)


def test_the_parts_compute_what_the_whole_graph_does(tmp_path):
    expected, made = without_noise(TINY, tmp_path)
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.slow
def test_the_parts_of_a_real_voice_compute_what_its_graph_does(tmp_path):
    expected, made = without_noise(real_voice(), tmp_path)
    np.testing.assert_allclose(made, expected, atol=2e-4)


def test_rate_and_volume(piper):
    samples, _ = spoken(piper, TEXT)
    assert len(spoken(piper, TEXT, Voice(rate=0.5))[0]) > 1.3 * len(samples)
    quiet = spoken(piper, TEXT, Voice(volume=0.25))[0]
    np.testing.assert_allclose(quiet, 0.25 * samples, atol=1e-6)
    assert np.abs(spoken(piper, TEXT, Voice(volume=2.0))[0]).max() <= 1.0


@pytest.mark.parametrize("voice", [Voice(rate=0.0), Voice(rate=float("nan")), Voice(volume=-1.0)])
def test_rates_and_volumes_that_are_none(piper, voice):
    with pytest.raises(SettingsError):
        piper.synthesize(TEXT, voice)


def test_speakers_sound_different_and_may_be_named_or_numbered(piper):
    ann, bob = spoken(piper, TEXT)[0], spoken(PiperSynthesizer(f"{TINY}#bob"), TEXT)[0]
    assert ann.tobytes() != bob[: len(ann)].tobytes()
    assert spoken(piper, TEXT, Voice(name=f"{TINY}#1"))[0].tobytes() == bob.tobytes()
    assert [voice.name.rpartition("#")[2] for voice in piper.voices()] == ["ann", "bob", "cat"]
    with pytest.raises(ModelError, match="no speaker 'dan'; it has: ann, bob, cat"):
        PiperSynthesizer(f"{TINY}#dan")
    with pytest.raises(ModelError, match="no speaker '7'"):
        piper.synthesize(TEXT, Voice(name=f"{TINY}#7"))


def test_another_language_than_the_voice_s_is_refused_at_once(piper):
    assert piper.languages == ("en",)
    with pytest.raises(ModelError, match="the voice tiny speaks en, not de"):
        piper.synthesize("Guten Tag", Voice(language="de"))


def test_closing_ends_the_work_at_the_next_chunk(piper, monkeypatch):
    windows = []
    sound = PiperModel.sound
    monkeypatch.setattr(PiperModel, "sound", lambda *args: windows.append(1) or sound(*args))
    speech = piper.synthesize(TEXT * 20)
    next(speech)
    speech.close()
    assert list(speech) == []
    assert len(windows) == 1


def test_sessions_share_the_weights_and_speak_at_once(piper):
    assert PiperSynthesizer(str(TINY))._model is piper._model
    expected = spoken(piper, TEXT)[0].tobytes()
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(spoken(piper, TEXT)[0].tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


def test_a_voice_that_was_replaced_is_loaded_again(tmp_path):
    path = copy(tmp_path)
    first = piper_model(path)
    os.utime(path, ns=(1, 1))
    assert piper_model(path) is not first


def test_a_long_first_sentence_begins_with_its_first_clause():
    text = "After a while, the long sentence goes on and on, until nobody knows any more how it began. Short, one."
    pieces = [text[start:end] for start, end, _ in cut(text)]
    assert pieces == [
        "After a while, the long sentence goes on and on,",
        "until nobody knows any more how it began.",
        "Short, one.",
    ]


@given(
    st.text(max_size=400) | st.lists(st.sampled_from(["word", "a,", "long-ish", "end.", "—", "x" * 90])).map(" ".join)
)
def test_pieces_hold_everything_but_white_space_in_order(text):
    pieces = list(cut(text))
    assert all(start < end <= start + LONGEST for start, end, _ in pieces)
    covered = {place for start, end, _ in pieces for place in range(start, end)}
    assert all(sign.isspace() for place, sign in enumerate(text) if place not in covered)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(pieces))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_spoken_with_marks_in_order_and_in_range(text):
    samples, marks = spoken(PiperSynthesizer(str(TINY)), text)
    assert all(0 <= mark.text_start < mark.text_end <= len(text) for mark in marks)
    assert all(0 <= mark.start < mark.end <= len(samples) for mark in marks)
    assert all(a.text_end <= b.text_start and a.end <= b.start for a, b in itertools.pairwise(marks))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phoneme_id_map": None}, "has no 'phoneme_id_map'; it is not the JSON file of a Piper voice"),
        ({"phoneme_id_map": {"a": [1]}}, "phoneme_id_map has no"),
        ({"phoneme_id_map": 3}, "not the JSON file of a Piper voice"),
        ({"phoneme_type": "pinyin"}, "phonemes of the kind 'pinyin' are not supported"),
        ({"audio": {}}, "has no 'sample_rate'"),
        ({"espeak": {"voice": "xx-none"}}, "no voice 'xx-none'"),
    ],
)
def test_a_json_file_of_another_kind_is_told_in_one_line(tmp_path, changes, message):
    with pytest.raises(ModelError, match=message) as told:
        PiperSynthesizer(str(copy(tmp_path, **changes)))
    assert "\n" not in str(told.value)


def test_damaged_files_are_told_in_one_line(tmp_path):
    path = copy(tmp_path)
    content = path.read_bytes()
    for damaged in (b"", b"<html>", content[:9000], content[:400] + bytes(400) + content[800:]):
        path.write_bytes(damaged)
        with pytest.raises(ModelError) as told:
            PiperSynthesizer(str(path))
        assert "\n" not in str(told.value) and str(path) in str(told.value)
    path.write_bytes(content)
    Path(f"{path}.json").write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        PiperSynthesizer(str(path))
    Path(f"{path}.json").unlink()
    with pytest.raises(ModelError, match=r"a Piper voice is NAME.onnx with NAME.onnx.json beside it"):
        PiperSynthesizer(str(path))


def test_a_graph_that_is_none_of_piper_s_is_told(tmp_path):
    from duplex.streaming.onnx_graph import FLOAT, OnnxGraph

    path = copy(tmp_path)
    path.write_bytes(OnnxGraph(TINY.read_bytes()).part({"z": FLOAT, "cond": FLOAT}, ["output"]))
    with pytest.raises(ModelError, match="is not the graph of a Piper voice"):
        PiperSynthesizer(str(path))


def test_voices_that_are_not_there(tmp_path):
    with pytest.raises(ModelError, match="there is no such voice"):
        PiperSynthesizer(str(tmp_path / "none.onnx"))
    with pytest.raises(ModelError, match=r"has 0 files NAME\.onnx"):
        PiperSynthesizer(str(tmp_path))
    with pytest.raises(ModelError, match="which Piper voice"):
        load_synthesizer("piper")


def test_a_folder_with_one_voice_will_do(tmp_path, piper):
    copy(tmp_path)
    assert spoken(PiperSynthesizer(str(tmp_path)), TEXT)[0].tobytes() == spoken(piper, TEXT)[0].tobytes()


def test_the_voice_decides_about_the_engine():
    assert load_synthesizer(voice=str(TINY)).name == "piper"
    assert load_synthesizer(voice=f"{TINY}#bob").name == "piper"
    assert load_synthesizer(voice="en-us+f3").name == "espeak"


@pytest.mark.slow
def test_a_real_voice_says_each_word_where_its_mark_is():
    """Between the marks of two sentences there is a pause; within a word there is sound."""
    text = "One. Two. Seven."
    engine = PiperSynthesizer(str(real_voice()))
    samples, marks = spoken(engine, text)
    level = float(np.sqrt(np.mean(samples**2)))
    for mark in marks:
        assert np.sqrt(np.mean(samples[mark.start : mark.end] ** 2)) > 0.5 * level
    for before, after in itertools.pairwise(marks):
        middle = samples[before.end + 1500 : after.start - 500]
        assert len(middle) and np.sqrt(np.mean(middle**2)) < 0.3 * level

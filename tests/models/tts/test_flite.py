"""flite, where this system has it; and what is said where it has not."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import threading

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duplex.models.tts import Voice, flite_library, load_synthesizer
from duplex.models.tts.flite import FliteSynthesizer, in_ascii
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.tts.listening import gathered

TEXT = "Hello, (world) - it's a well-known text. “Yes!” he said… really."


@pytest.fixture(scope="module")
def flite() -> FliteSynthesizer:
    try:
        return FliteSynthesizer()
    except ModelError as error:
        pytest.skip(str(error))


def test_every_word_is_marked_where_it_sounds(flite):
    samples, marks = gathered(list(flite.synthesize(TEXT)))
    assert [TEXT[mark.text_start : mark.text_end] for mark in marks] == [
        "Hello,", "(world) -", "it's", "a", "well-known", "text.", "“Yes!”", "he", "said…", "really.",
    ]  # fmt: skip
    assert all(before.end <= after.start for before, after in itertools.pairwise(marks))
    assert samples.dtype == np.float32 and 0.1 < np.abs(samples).max() <= 1
    between = samples[marks[5].end : marks[6].start]
    assert np.abs(between).max() < 0.1 * np.abs(samples).max()
    assert 0 < marks[0].start <= flite.sample_rate // 20 and marks[-1].end <= len(samples)


def test_rate_and_volume(flite):
    plain = gathered(list(flite.synthesize(TEXT)))[0]
    slow = gathered(list(flite.synthesize(TEXT, Voice(rate=0.5))))[0]
    assert 1.7 < len(slow) / len(plain) < 2.2
    again = gathered(list(flite.synthesize(TEXT)))[0]
    assert np.array_equal(again, plain)
    quiet = gathered(list(flite.synthesize(TEXT, Voice(volume=0.5))))[0]
    np.testing.assert_allclose(quiet, 0.5 * plain, atol=1e-6)


def test_speakers_take_turns(flite):
    alone = [gathered(list(flite.synthesize(TEXT, Voice(rate=rate))))[0] for rate in (1.0, 1.5)]
    together: dict[float, np.ndarray] = {}

    def speak(rate: float) -> None:
        together[rate] = gathered(list(flite.synthesize(TEXT, Voice(rate=rate))))[0]

    threads = [threading.Thread(target=speak, args=(rate,)) for rate in (1.0, 1.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(together[1.0], alone[0]) and np.array_equal(together[1.5], alone[1])


def test_its_voices_differ_and_others_are_refused_at_once(flite):
    heard = [gathered(list(flite.synthesize("Yes.", voice)))[0] for voice in flite.voices()]
    assert len({len(samples) for samples in heard}) == len(heard) == 4
    with pytest.raises(ModelError, match="no voice 'bob'; it has: slt, rms, awb, kal16"):
        flite.synthesize("Yes.", Voice("bob"))
    with pytest.raises(ModelError, match="flite speaks English, not de"):
        flite.synthesize("Ja.", Voice(language="de"))
    with pytest.raises(SettingsError):
        flite.synthesize("Yes.", Voice(rate=-1))


def test_closing_early_ends_the_work(flite, monkeypatch):
    pieces = []
    speak = flite_library.FliteLibrary.speak
    monkeypatch.setattr(flite_library.FliteLibrary, "speak", lambda *args: pieces.append(1) or speak(*args))
    speech = flite.synthesize("One sentence. Another sentence. A third one.")
    next(speech)
    speech.close()
    assert next(speech, None) is None and len(pieces) == 1


@settings(max_examples=40, deadline=None)
@example("1 .a")
@given(st.text(st.sampled_from("ab1 .,'\"()[]$-/\n\0’…é北😀"), max_size=80))
def test_marks_of_any_text_are_in_order_and_in_range(flite, text):
    samples, marks = gathered(list(flite.synthesize(text, Voice("kal16"))))
    assert all(0 <= mark.text_start < mark.text_end <= len(text) for mark in marks)
    assert all(0 <= mark.start <= mark.end <= len(samples) for mark in marks)
    assert all(a.text_end <= b.text_start and a.end <= b.start for a, b in itertools.pairwise(marks))


@given(st.text(max_size=60))
def test_what_flite_is_given_is_ascii_of_the_same_length(text):
    plain = in_ascii(text)
    assert len(plain) == len(text) and plain.isascii() and (plain.isprintable() or not plain)


def test_a_system_without_it_is_told_in_one_line(monkeypatch):
    def absent(name: str | None) -> ctypes.CDLL:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(flite_library, "_load", flite_library.FliteLibrary)
    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(ModelError, match=r"^this system has no libflite: install it .*, or use espeak$"):
        load_synthesizer("flite")


def test_another_version_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(flite_library, "_load", flite_library.FliteLibrary)
    monkeypatch.setattr(flite_library, "_opened", lambda name: object())
    with pytest.raises(ModelError, match="this system's flite is another version"):
        load_synthesizer("flite")

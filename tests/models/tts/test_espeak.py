from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import SpeechChunk, Voice, WordMark
from duplex.models.tts.espeak import PIECE, EspeakSynthesizer, cut, espeak_voice
from duplex.models.tts.espeak_library import Piece
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.tts.listening import gathered

AMERICAN = Voice(language="en-us")


@pytest.fixture(scope="module")
def espeak() -> EspeakSynthesizer:
    return EspeakSynthesizer()


def spoken(espeak: EspeakSynthesizer, text: str, voice: Voice = AMERICAN) -> tuple[np.ndarray, list[WordMark]]:
    return gathered(list(espeak.synthesize(text, voice)))


def words(text: str, marks: list[WordMark]) -> list[str]:
    return [text[mark.text_start : mark.text_end] for mark in marks]


def test_speech_is_float_in_range_at_the_declared_rate(espeak):
    samples, _ = spoken(espeak, "Hello, world.")
    assert espeak.sample_rate == 22050
    assert samples.dtype == np.float32
    assert 0.1 < np.abs(samples).max() <= 1.0
    assert 0.5 < len(samples) / espeak.sample_rate < 2.0


def test_words_are_marked_with_their_punctuation_in_order_and_without_overlap(espeak):
    text = "Hello, world. How are you today?"
    samples, marks = spoken(espeak, text)
    assert words(text, marks) == ["Hello,", "world.", "How", "are", "you", "today?"]
    assert marks[0].start == 0
    assert all(mark.start < mark.end for mark in marks)
    assert all(before.end <= after.start for before, after in itertools.pairwise(marks))
    assert marks[-1].end <= len(samples)


def test_a_mark_ends_with_the_sound_and_not_with_the_pause_after_the_clause(espeak):
    text = "One. Two."
    samples, marks = spoken(espeak, text)
    pause = samples[marks[0].end : marks[1].start]
    assert len(pause) > 0.1 * espeak.sample_rate
    assert np.abs(pause).max() < 1e-3
    assert abs(samples[marks[0].end - 1]) >= 1e-3


def test_the_audio_between_the_ends_of_a_mark_is_that_word(espeak):
    """Independent of the events: the word alone, without the silence around it, lasts about as long as its mark."""
    text = "The extraordinary, big, unbelievable thing."
    _, marks = spoken(espeak, text)
    for mark, word in zip(marks, ["The", "extraordinary,", "big,", "unbelievable", "thing."], strict=True):
        assert text[mark.text_start : mark.text_end] == word
        alone, _ = spoken(espeak, word)
        loud = np.flatnonzero(np.abs(alone) > 1e-3)
        assert (mark.end - mark.start) == pytest.approx(loud[-1] - loud[0], rel=0.6)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Übermäßig schöne Grüße, Ärger!", ["Übermäßig", "schöne", "Grüße,", "Ärger!"]),
        ("ru", "Привет, мир!", ["Привет,", "мир!"]),
        ("ar", "مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("zh", "你好，世界。", ["你好，", "世", "界。"]),
        ("fr-FR", "« Oui », dit-il.", ["« Oui »,", "dit-il."]),
    ],
)
def test_text_positions_count_characters_in_every_script(espeak, language, text, expected):
    _, marks = spoken(espeak, text, Voice(language=language))
    assert words(text, marks) == expected


def test_a_number_is_one_word_and_swallowed_words_belong_to_their_neighbour(espeak):
    text = "In 2024, out of — nowhere…"
    _, marks = spoken(espeak, text)
    assert words(text, marks) == ["In", "2024,", "out of —", "nowhere…"]


def test_characters_that_cannot_be_spoken_move_no_position(espeak):
    text = "one \x00\x01\x1b two \ud800 three \U0001f600 four"
    _, marks = spoken(espeak, text)
    assert [text[mark.text_start :].split()[0] for mark in marks] == ["one", "two", "three", "four"]
    assert marks[-1].text_end == len(text)


@pytest.mark.parametrize("text", ["", "   ", "\n\t ", "\x00", "\U0001f600"])
def test_nothing_to_say_is_nothing(espeak, text):
    assert list(espeak.synthesize(text, AMERICAN)) == []


def test_speech_is_a_function_of_its_text(espeak):
    """Whatever was spoken or broken off before: a recorded conversation must come out the same twice."""
    text = "Hello, this is a test of sameness. And again?"
    first = list(espeak.synthesize(text, AMERICAN))
    for disturbance in ("Something else, in between.", "Etwas ganz anderes"):
        broken_off = espeak.synthesize(disturbance * 20, Voice(language="de"))
        next(broken_off)
        broken_off.close()
        again = list(espeak.synthesize(text, AMERICAN))
        assert [chunk.marks for chunk in again] == [chunk.marks for chunk in first]
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))


def test_variants_repeat_in_length_and_starts(espeak):
    for variant in espeak.variants[::5]:
        voice = Voice(f"en-us+{variant}")
        first, marks = spoken(espeak, "Hello there.", voice)
        spoken(espeak, "Other.", voice)
        again, marks_again = spoken(espeak, "Hello there.", voice)
        assert len(first) == len(again), variant
        assert [mark.start for mark in marks_again] == [mark.start for mark in marks], variant


def test_closing_early_aborts_the_synthesis(espeak):
    """The library calls back with every buffer; after a close it is told to stop, and calls no more."""
    library = espeak._library
    receive = library._receive
    calls: list[int] = []
    first, closed = threading.Event(), threading.Event()

    def watched(samples, count, events):
        calls.append(count)
        status = receive(samples, count, events)
        if not first.is_set():  # hold the library in its first buffer until the iterator is closed
            first.set()
            closed.wait(10)
            return int(library._stop.is_set())
        return status

    callback = type(library._callback)(watched)
    library._lib.espeak_SetSynthCallback(callback)
    try:
        piece = Piece("This is long enough to take many buffers of sound.", "gmw/en-US", 175, False)
        buffers = library.speak(piece)
        next(buffers)
        buffers.close()
        closed.set()
        library._thread.submit(lambda: None).result(10)
        assert len(calls) == 1
        calls.clear()
        whole = list(
            library.speak(Piece("This is long enough to take many buffers of sound.", "gmw/en-US", 175, False))
        )
        assert len(calls) >= len(whole) > 10
    finally:
        library._lib.espeak_SetSynthCallback(library._callback)


def test_speech_may_be_closed_while_another_thread_waits_for_it(espeak):
    """As happens when a reply is cancelled in the middle of a step."""
    library = espeak._library
    reached, go_on = threading.Event(), threading.Event()

    def held(samples, count, events):
        reached.set()
        go_on.wait(10)
        return library._receive(samples, count, events)

    callback = type(library._callback)(held)
    library._lib.espeak_SetSynthCallback(callback)
    try:
        speech = espeak.synthesize("This is being waited for, and then nobody wants it any more.", AMERICAN)
        taken: list[SpeechChunk | None] = []
        waiting = threading.Thread(target=lambda: taken.append(next(speech, None)))
        waiting.start()
        assert reached.wait(10)
        speech.close()
        go_on.set()
        waiting.join(10)
        assert taken == [None]
        assert next(speech, None) is None
        speech.close()
    finally:
        library._lib.espeak_SetSynthCallback(library._callback)
        library._thread.submit(lambda: None).result(10)  # a call in progress is still inside the callback


def test_sessions_share_the_library_without_mixing(espeak):
    texts = ["One, two, three, four, five.", "Eins, zwei, drei, vier.", "Un, deux, trois."]
    voices = [AMERICAN, Voice(language="de"), Voice(language="fr", rate=1.4)]
    expected = [spoken(espeak, text, voice) for text, voice in zip(texts, voices, strict=True)]
    results: dict[int, list] = {0: [], 1: [], 2: []}

    def speak(number: int) -> None:
        for _ in range(5):
            results[number].append(spoken(EspeakSynthesizer(), texts[number], voices[number]))

    threads = [threading.Thread(target=speak, args=(number,)) for number in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (samples, marks) in enumerate(expected):
        assert len(results[number]) == 5
        for got, got_marks in results[number]:
            assert np.array_equal(got, samples)
            assert got_marks == marks


def test_interleaved_iterators_on_one_thread_do_not_block_each_other(espeak):
    text = "First this, and then that."
    alone, _ = spoken(espeak, text)
    one, two = espeak.synthesize(text, AMERICAN), espeak.synthesize(text, AMERICAN)
    heard = [[], []]
    for a, b in zip(one, two, strict=True):
        heard[0].append(a.samples)
        heard[1].append(b.samples)
    assert all(np.array_equal(np.concatenate(pieces), alone) for pieces in heard)


def test_rate_and_volume(espeak):
    text = "The quick brown fox jumps over the lazy dog."
    normal, marks = spoken(espeak, text)
    slow, slow_marks = spoken(espeak, text, Voice(language="en-us", rate=0.5))
    fast, _ = spoken(espeak, text, Voice(language="en-us", rate=2.0))
    assert len(slow) > 1.6 * len(normal) > 1.6 * 1.5 * len(fast)
    assert words(text, slow_marks) == words(text, marks)
    limit, _ = spoken(espeak, text, Voice(language="en-us", rate=50))
    assert len(limit) < len(fast)
    half, _ = spoken(espeak, text, Voice(language="en-us", volume=0.5))
    assert np.allclose(half, 0.5 * normal, atol=1e-6)
    loud, _ = spoken(espeak, text, Voice(language="en-us", volume=4.0))
    assert np.square(loud).mean() > 4 * np.square(normal).mean()
    assert np.abs(loud).max() <= 1.0
    silent, _ = spoken(espeak, text, Voice(language="en-us", volume=0.0))
    assert not silent.any()


@pytest.mark.parametrize(
    "bad", [{"rate": 0}, {"rate": -1}, {"rate": float("nan")}, {"volume": -1}, {"volume": float("inf")}]
)
def test_impossible_rates_and_volumes_are_refused_at_once(espeak, bad):
    with pytest.raises(SettingsError, match="must be"):
        espeak.synthesize("hello", Voice(**bad))


def test_white_space_at_the_end_means_that_the_text_goes_on(espeak):
    together, _ = spoken(espeak, "It rains. It pours.")
    first, _ = spoken(espeak, "It rains. ")
    second, _ = spoken(espeak, "It pours.")
    final, _ = spoken(espeak, "It rains.")
    assert len(first) - len(final) > 0.1 * espeak.sample_rate
    assert np.array_equal(np.concatenate([first, second]), together)


def test_a_long_text_is_cut_at_sentences_and_sounds_the_same(espeak):
    text = "This is a sentence of some length, as sentences go. " * 12
    assert len(text) > 2 * PIECE
    pieces = list(cut(text))
    assert len(pieces) > 1
    samples, marks = spoken(espeak, text)
    assert " ".join(words(text, marks)) == text.strip()
    one, _ = spoken(espeak, "This is a sentence of some length, as sentences go. ")
    assert len(samples) == pytest.approx(12 * len(one), rel=0.01)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab .,!?\n\t。日"), max_size=1200))
def test_pieces_cover_the_text_and_begin_with_no_white_space(text):
    pieces = list(cut(text))
    covered = "".join(text[start:end] for start, end in pieces)
    assert "".join(covered.split()) == "".join(text.split())
    assert all(start < end <= start + 2 * PIECE + 500 and not text[start].isspace() for start, end in pieces)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(pieces))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("abcdeXYZ0123äéß'-.,!?$%日本안"), min_size=1, max_size=9), min_size=1, max_size=12
    ),
    st.sampled_from(["en-us", "de", "fr", "zh", "ja", "ko", "es"]),
)
def test_marks_cover_everything_that_is_said(tokens, language):
    text = " ".join(tokens)
    samples, marks = spoken(EspeakSynthesizer(), text, Voice(language=language))
    if marks:
        assert "".join("".join(words(text, marks)).split()) == "".join(tokens)
    assert all(before.end <= after.start for before, after in itertools.pairwise(marks))
    assert all(mark.start <= mark.end <= len(samples) for mark in marks)


def test_an_unknown_voice_is_refused_at_once_with_near_ones(espeak):
    with pytest.raises(ModelError, match=r"'Germn'; near: German"):
        espeak.synthesize("hallo", Voice("Germn"))
    with pytest.raises(ModelError, match=r"language 'dee'; near: de"):
        espeak.synthesize("hallo", Voice(language="dee"))
    with pytest.raises(ModelError, match=r"variant 'whispr'; near: whisper"):
        espeak.synthesize("hallo", Voice("de+whispr"))
    with pytest.raises(ModelError, match=r"'\.\./\.\./etc/passwd'"):
        espeak.synthesize("hallo", Voice("../../etc/passwd"))


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        (Voice(), "gmw/en+"),
        (Voice(language="en-US"), "gmw/en-US+"),
        (Voice(language="de_AT"), "gmw/de+"),
        (Voice(language="zh-CN"), "sit/cmn+"),
        (Voice("english (america)", language="de"), "gmw/en-US+"),
        (Voice("en-us+F3"), "gmw/en-US+f3"),
        (Voice("+whisper", language="de"), "gmw/de+whisper"),
    ],
)
def test_voices_are_found_by_name_tag_and_language(voice, expected):
    assert espeak_voice(voice.name, voice.language).startswith(expected)


def test_english_has_the_timbre_that_is_understood_best(espeak):
    assert espeak_voice("", "en-us") == "gmw/en-US+rob" and espeak_voice("en-gb", "de").endswith("+rob")
    assert espeak_voice("", "de") == "gmw/de+steady" and espeak_voice("en-us+steady", "en") == "gmw/en-US+steady"
    text = "Hello there."
    assert not np.array_equal(spoken(espeak, text)[0], spoken(espeak, text, Voice("en-us+steady"))[0])


def test_every_listed_voice_speaks(espeak):
    voices = espeak.voices()
    assert len(voices) > 100
    for voice in voices:
        samples, _ = spoken(espeak, "a", Voice(voice.name))
        assert len(samples), voice.name


def test_nothing_is_printed_and_nothing_is_left_behind(tmp_path):
    """In a process of its own: the library writes to the descriptors, not to sys.stderr."""
    program = """
        from duplex.models.tts import Voice, load_synthesizer
        from duplex.streaming.errors import ModelError
        engine = load_synthesizer()
        for name in ("", "de", "en-us+whisper", "no such voice", "f3", "mb-us1", "../x"):
            try:
                for chunk in engine.synthesize("Hello \\U0001f170\\u03f2 \\u28ff world, 12345 [[x]] <b>&", Voice(name)):
                    pass
            except ModelError:
                pass
        abandoned = engine.synthesize("This one is never heard to its end.", Voice())
        next(abandoned)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_load_synthesizer_knows_what_there_is():
    assert load_synthesizer().name == "espeak"
    with pytest.raises(ModelError, match="there is: auto, espeak"):
        load_synthesizer("flute")
    with pytest.raises(SettingsError, match="no such setting: colour"):
        load_synthesizer("espeak", colour="red")


def test_says_which_languages_it_speaks():
    assert {"en", "de", "zh", "ar"} <= set(EspeakSynthesizer().languages)

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice
from duplex.models.tts.normalization import normalized
from duplex.models.tts.normalization.number_names import cardinal, ordinal, year
from duplex.models.tts.normalization.transliteration import latin

ENGLISH = {
    "It costs $5.99 today": "It costs five dollars and ninety-nine cents today",
    "$1.5 million": "one point five million dollars",
    "$1 or 20 €": "one dollar or twenty euros",
    "May 3rd, 2026": "May third, twenty twenty-six",
    "2026-01-31": "January thirty-first, twenty twenty-six",
    "1/31/2026": "January thirty-first, twenty twenty-six",
    "3:30 pm, 14:05, 9:00, 5pm": "three thirty P M, fourteen oh five, nine o'clock, five P M",
    "In 1984 and 1984 men": "In nineteen eighty-four and one thousand nine hundred eighty-four men",
    "the 1990s": "the nineteen nineties",
    "the 2nd and the 21st": "the second and the twenty-first",
    "20 °C, 1 km, 10kg, 100 km/h, 50%": "twenty degrees Celsius, one kilometer, ten kilograms, "
    "one hundred kilometers per hour, fifty percent",
    "3.14 and -5 and 1,234,567": "three point one four and minus five and one million two hundred thirty-four thousand "
    "five hundred sixty-seven",
    "007 and 1.2.3": "zero zero seven and one point two point three",
    "pages 5-10": "pages five to ten",
    "call 555-123-4567": "call five five five, one two three, four five six seven",
    "see https://www.example.com/docs?x=1, please": "see example dot com, please",
    "mail a.b@c.co.uk!": "mail a dot b at c dot co dot uk!",
    "run /usr/bin/env or src/main.py": "run slash usr slash bin slash env or src slash main dot py",
    "call my_function() or getUserName": "call my function or get User Name",
    "Dr. Smith, e.g. he": "Doctor Smith, for example he",
    "and so on, etc.": "and so on, et cetera.",
    "a & b, R&D, x == y": "a and b, R and D, x equals y",
    "Владимир and γεια and さくら": "Vladimir and gia and sakura",
    "nice 👍 work 🎉🎉": "nice  work ",
    "the letter of 北京 came": "the letter of  came",
    "plain words, as they are.": "plain words, as they are.",
}
GERMAN = {
    "am 3. Mai 2026 um 14:30 Uhr": "am dritten Mai zweitausendsechsundzwanzig um vierzehn Uhr dreißig",
    "Der 1. August": "Der erster August",
    "5,99 € und 1.234,50 EUR": "fünf Euro und neunundneunzig Cent und eintausendzweihundertvierunddreißig Euro und "
    "fünfzig Cent",
    "3,14 und -5 °C und 50 %": "drei Komma eins vier und minus fünf Grad Celsius und fünfzig Prozent",
    "z. B. ca. 20 Min., usw.": "zum Beispiel circa zwanzig Minuten, und so weiter.",
    "im Jahr 1984": "im Jahr neunzehnhundertvierundachtzig",
    "1 kg, 1 Std. später": "ein Kilogramm, eine Stunde später",
    "info@beispiel.de": "info ät beispiel Punkt de",
}


@pytest.mark.parametrize(("written", "said"), ENGLISH.items())
def test_english(written, said):
    assert normalized(written, "en-us").text == said


@pytest.mark.parametrize(("written", "said"), GERMAN.items())
def test_german(written, said):
    assert normalized(written, "de").text == said


def test_other_languages_stay_as_they_are():
    assert normalized("5 €, 3:30", "fr").text == "5 €, 3:30"


def test_a_text_of_a_script_that_cannot_be_read_stays():
    assert normalized("北京", "en").text == "北京"


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0, "zero", "null"),
        (21, "twenty-one", "einundzwanzig"),
        (101, "one hundred one", "einhunderteins"),
        (21_001, "twenty-one thousand one", "einundzwanzigtausendeins"),
        (2_000_000, "two million", "zwei Millionen"),
        (-7, "minus seven", "minus sieben"),
    ],
)
def test_cardinals(number, english, german):
    assert (cardinal(number, "en"), cardinal(number, "de")) == (english, german)


def test_ordinals_and_years():
    assert [ordinal(n, "en") for n in (1, 12, 20, 103)] == ["first", "twelfth", "twentieth", "one hundred third"]
    assert [ordinal(n, "de") for n in (1, 3, 20, 101)] == ["erster", "dritter", "zwanzigster", "einhunderterster"]
    assert [year(n, "en") for n in (1905, 1900, 2005, 2026)] == [
        "nineteen oh five", "nineteen hundred", "two thousand five", "twenty twenty-six",
    ]  # fmt: skip


def test_other_scripts_in_latin_letters():
    words = ("Щука", "Київ", "Αθήνα", "トーキョー", "しゃしん", "서울", "東京", "Müller")
    assert [latin(word) for word in words] == [
        "Shchuka", "Kiyiv", "Athina", "tokyo", "shashin", "seoul", None, "Müller",
    ]  # fmt: skip


def test_a_place_in_what_is_said_leads_back_to_what_was_written():
    written = "It costs $5.99 today 🎉."
    spoken = normalized(written, "en")
    for word, original in {"costs": "costs", "dollars": "$5.99", "cents": "$5.99", "today": "today 🎉"}.items():
        at = spoken.text.index(word)
        start, end = spoken.original(at, at + len(word))
        assert written[start:end] == original


def test_what_is_said_as_several_words_has_one_mark():
    text = "Please leave about 3:30 pm, price $5.99 😀 or less."
    marks = {}
    for chunk in load_synthesizer("espeak").synthesize(text, Voice(language="en-us")):
        marks.update((mark.text_start, mark) for mark in chunk.marks)
    assert [text[mark.text_start : mark.text_end] for mark in marks.values()] == [
        "Please", "leave", "about", "3:30 pm,", "price", "$5.99 😀", "or", "less.",
    ]  # fmt: skip
    price = next(mark for mark in marks.values() if text[mark.text_start] == "$")
    assert price.end - price.start > 22_050


MATERIAL = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [*ENGLISH, *GERMAN, "$", "1.", "-", "1/2", "12:99", "€5", "👍", "北", "\n", "http://", "@", "3.", "''"]
    ),
    max_size=6,
).flatmap(lambda parts: st.sampled_from([" ", "", ","]).map(lambda sign: sign.join(parts)))


@settings(max_examples=300, deadline=None)
@given(MATERIAL, st.sampled_from(["en", "de"]))
def test_any_text_is_normalized_and_every_place_leads_back(text, language):
    spoken = normalized(text, language)
    places = [spoken.original(at, at + 1) for at in range(len(spoken.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(places))


@settings(max_examples=60, deadline=None)
@given(MATERIAL, st.sampled_from(["en-us", "de"]))
def test_marks_of_any_text_are_in_order_and_in_range(text, language):
    marks, position = {}, 0
    for chunk in load_synthesizer("espeak").synthesize(text, Voice(language=language)):
        for mark in chunk.marks:
            assert mark.text_start in marks or mark.start >= position
            marks[mark.text_start] = mark
        position += len(chunk.samples)
    found = list(marks.values())
    assert all(0 <= mark.text_start < mark.text_end <= len(text) for mark in found)
    assert all(0 <= mark.start <= mark.end <= position for mark in found)
    assert all(a.text_end <= b.text_start and a.end <= b.start for a, b in itertools.pairwise(found))

"""Numbers as people write them: a table of what becomes what, and what holds for any words."""

from __future__ import annotations

import builtins

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.asr.written_numbers import check, written
from duplex.streaming.errors import ModelError, SettingsError

ENGLISH = {
    "twenty three dollars and fifty cents": "$23.50",
    "it costs five dollars.": "it costs $5.",
    "one thousand two hundred dollars": "$1,200",
    "a hundred dollars": "$100",
    "five dollars five cents": "$5.05",
    "fifty cents": "50 cents",
    "twelve euros": "€12",
    "one million dollars": "$1 million",
    "twenty five million people": "25 million people",
    "five dollars and two people": "$5 and two people",
    "two point five million dollars": "$2.5 million",
    "in the nineteen twenties": "in the 1920s",
    "nineteen eighty four": "1984",
    "in nineteen oh seven,": "in 1907,",
    "twenty twenty four": "2024",
    "two thousand and five": "2005",
    "nineteen hundred": "1900",
    "may third": "May 3",
    "on May third, nineteen eighty four.": "on May 3, 1984.",
    "june five": "June 5",
    "the twenty first of may": "the 21st of May",
    "the second of june": "the 2nd of June",
    "december twenty second twenty twenty four": "December 22 2024",
    "may twenty first": "May 21",
    "half past four": "4:30",
    "a quarter to five": "4:45",
    "quarter past twelve": "12:15",
    "quarter to one": "12:45",
    "ten past nine": "9:10",
    "four thirty p m": "4:30 PM",
    "at four thirty": "at 4:30",
    "at four oh five": "at 4:05",
    "at four thirty p.m.": "at 4:30 p.m.",
    "four pm": "4 PM",
    "six a m": "6 AM",
    "eleven o'clock": "11 o'clock",
    "twelve percent": "12%",
    "five per cent": "5%",
    "three point five percent": "3.5%",
    "three point one four": "3.14",
    "one two three": "123",
    "five five five oh one two three": "5550123",
    "call nine one one now": "call 911 now",
    "twenty first": "21st",
    "the twentieth century": "the 20th century",
    "twenty-first": "21st",
    "forty-two": "42",
    "Twenty three people": "23 people",
    "a hundred and five": "105",
    "one hundred and twenty five thousand": "125,000",
    "between one hundred and two hundred": "between 100 and 200",
    "three hundred sixty five days": "365 days",
    "a twenty second clip": "a 20 second clip",
    "(twenty three)": "(23)",
    "twenty, thirty": "20, 30",
    "ten zero two five": "10 025",
    "twenty one two three": "21 two three",
}

GERMAN = {
    "dreiundzwanzig Euro fünfzig": "23,50 €",
    "zwölf Euro.": "12 €.",
    "neunzehnhundertvierundachtzig": "1984",
    "zweitausendfünf": "2005",
    "hundertfünfundzwanzigtausend": "125.000",
    "zwölf Prozent": "12 %",
    "drei Komma fünf": "3,5",
    "eins zwei drei": "123",
    "halb vier": "3:30",
    "halb eins": "12:30",
    "viertel nach vier": "4:15",
    "viertel vor vier": "3:45",
    "vier Uhr dreißig": "4:30 Uhr",
    "um vier Uhr.": "um 4 Uhr.",
    "der dritte Mai": "der 3. Mai",
    "am einundzwanzigsten mai": "am 21. Mai",
    "dreiundzwanzig Leute": "23 Leute",
    "zwanzig Millionen Leute": "20 Millionen Leute",
    "null Komma fünf Prozent": "0,5 %",
}

UNTOUCHED = [
    ("en", "one of them"),
    ("en", "two people"),
    ("en", "no one"),
    ("en", "a second"),
    ("en", "wait a second, please"),
    ("en", "first second third"),
    ("en", "to too two"),
    ("en", "for one, to be won"),
    ("en", "I may march on"),
    ("en", "a hundred"),
    ("en", "hundreds of people"),
    ("en", "one, two, three"),
    ("en", "oh no"),
    ("en", "at one point two people left"),
    ("en", "what's the point"),
    ("en", "half of them"),
    ("en", "a quarter to him"),
    ("en", "two thirds"),
    ("en", "one hundredth"),
    ("en", "a million"),
    ("en", "I am 23 and it is $5"),
    ("de", "ein Mann und eine Frau"),
    ("de", "zwei Leute"),
    ("de", "der erste und der zweite"),
    ("de", "halb so wild"),
    ("de", "zwölf Leute"),
    ("de", "eins"),
    ("de", "tausend Dank"),
    ("de", "eine Million Euro"),
]


def as_text(said: str, language: str) -> str:
    return " ".join(piece.text for piece in written(said.split(), language))


@pytest.fixture(autouse=True, scope="module")
def reader() -> None:
    pytest.importorskip("text_to_num")


@pytest.mark.parametrize(("said", "wanted"), ENGLISH.items())
def test_english(said: str, wanted: str) -> None:
    assert as_text(said, "en") == wanted


@pytest.mark.parametrize(("said", "wanted"), GERMAN.items())
def test_german(said: str, wanted: str) -> None:
    assert as_text(said, "de") == wanted


@pytest.mark.parametrize(("language", "said"), UNTOUCHED)
def test_words_that_stay(language: str, said: str) -> None:
    assert as_text(said, language) == said


VOCABULARY = {
    "en": "zero one two three five nine ten twelve nineteen twenty eighty hundred thousand million and point oh a "
    "first second third fifth tenth twentieth hundredth dollars cents percent per cent half quarter past to at may "
    "june of the p m pm a.m. o'clock people twenty-three Twenty. five, (two) two) 23 $5 billion euros minus twenties",
    "de": "null eins ein eine zwei drei fünf neun zehn zwölf dreizehn zwanzig einundzwanzig hundert tausend "
    "zweitausend komma und euro prozent uhr halb viertel vor nach erste dritte dritten einundzwanzigste mai juni leute "
    "million fünf, Zwanzig. 23 neunzehnhundert millionen",
}
SPOKEN = {language: st.lists(st.sampled_from(words.split()), max_size=12) for language, words in VOCABULARY.items()}


@pytest.mark.parametrize("language", ["en", "de"])
@given(data=st.data())
def test_pieces_cover_every_word_once_and_writing_twice_changes_nothing(language: str, data: st.DataObject) -> None:
    said = data.draw(SPOKEN[language])
    pieces = written(said, language)
    covered = [at for piece in pieces for at in range(piece.start, piece.end)]
    assert covered == list(range(len(said)))
    assert all(piece.start < piece.end and len(piece.text.split()) == 1 for piece in pieces)
    texts = [piece.text for piece in pieces]
    assert [piece.text for piece in written(texts, language)] == texts


WORDS = st.text("bcdfjkpqz'.,!?-äß", min_size=1, max_size=8)


@pytest.mark.parametrize("language", ["en", "de"])
@given(said=st.lists(WORDS, max_size=12))
def test_words_without_numbers_are_untouched(language: str, said: list[str]) -> None:
    assert [piece.text for piece in written(said, language)] == said


def test_other_languages_are_refused() -> None:
    check("en-GB")
    with pytest.raises(SettingsError, match="knows English and German"):
        check("fr")


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def importing(name: str, *args, **kwargs):
        if name == "text_to_num":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(ModelError, match=r"duplex\[numbers\]"):
        check("en")

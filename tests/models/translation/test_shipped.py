"""The shipped weights: sentences that they must not get wrong, and input that is no sentence."""

from __future__ import annotations

import pytest

from duplex.models.translation.engine import load_bundled
from duplex.models.translation.search import longest_run


@pytest.fixture(scope="module")
def translator():
    return load_bundled()


@pytest.mark.parametrize(
    ("text", "source", "target", "wanted"),
    [
        ("I have a dog.", "en", "de", "Ich habe einen Hund."),
        ("i have a dog", "en", "de", "Ich habe einen Hund."),
        ("Ich habe einen Hund.", "de", "en", "I have a dog."),
        ("Tom ist müde.", "de", "en", "Tom is tired."),
    ],
)
def test_simple_sentences(translator, text, source, target, wanted):
    found = translator.translate(text, source, target)
    assert found.text == wanted and not found.hopeless and found.complete


def test_another_language_than_announced_is_passed_on(translator):
    found = translator.translate("Ich habe heute leider keine Zeit.", "en", "de")
    assert found.text == "Ich habe heute leider keine Zeit." and found.source == "de"


@pytest.mark.parametrize("text", ["xkcd qwrt zzyp vlmrk", "Bonjour, comment allez-vous aujourd'hui?", "你好世界"])
def test_what_it_cannot_translate_is_marked(translator, text):
    assert translator.translate(text, "en", "de").hopeless


@pytest.mark.parametrize("words", ["the cat sat on the mat", "no", "we go home because it is late and Tom is tired"])
def test_five_hundred_words_do_not_loop(translator, words):
    text = " ".join((words.split() * 500)[:500])
    found = translator.translate(text, "en", "de")
    assert len(found.text.split()) <= 750
    numbers = translator.vocabulary.encode(found.text)
    assert longest_run(numbers, 1) <= max(4, longest_run(translator.vocabulary.encode(text), 1))


def test_the_beginning_of_a_sentence(translator):
    whole = translator.translate("I would like to", "en", "de", partial=True)
    assert whole.text.startswith("Ich") and len(whole.text.split()) <= 5


@pytest.mark.parametrize("text", ["", "   ", "...", "4711", "\n\x00"])
def test_nothing_to_translate(translator, text):
    found = translator.translate(text, "en", "de")
    assert found.complete and not found.hopeless and len(found.text.split()) <= 1


@pytest.mark.parametrize(
    ("text", "kept"), [("Mrs. Wachowiak lives in Hamburg.", "Wachowiak"), ("We paid 4825 dollars.", "4825")]
)
def test_names_and_numbers_come_through(translator, text, kept):
    assert kept in translator.translate(text, "en", "de").text


@pytest.mark.parametrize(
    "text", ["it is " + "very " * 60 + "good", "no " * 60, "I think that " * 30, "ha, " * 40 + "ha"]
)
def test_endless_repetition_stays_short(translator, text):
    found = translator.translate(text, "en", "de")
    assert 0 < len(found.text.split()) <= 20


@pytest.mark.parametrize("text", ["Ich habe ein Meeting um three", "The meeting ist um drei Uhr und then we go home."])
def test_languages_in_one_sentence(translator, text):
    found = translator.translate(text, "en", "de")
    assert found.text and len(found.text.split()) <= 2 * len(text.split())

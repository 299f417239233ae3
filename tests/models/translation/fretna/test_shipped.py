"""The shipped weights: edits while a sentence is said, the autoregressive network once it is over."""

from __future__ import annotations

import pytest

from duplex.models.translation import load_translator
from duplex.models.translation.fretna.engine import WEIGHTS, FretnaTranslator
from duplex.streaming.policies.retranslation import normalized_erasure

SENTENCE = "I would like to buy a ticket for the train to Hamburg"


@pytest.fixture(scope="module")
def edits() -> FretnaTranslator:
    return FretnaTranslator(WEIGHTS)


def growing(translator, sentence: str) -> list[str]:
    """Translations word by word, each from the last."""
    words, shown = sentence.split(), [""]
    for count in range(1, len(words) + 1):
        text = " ".join(words[:count])
        shown.append(translator.translate(text, "en", "de", count < len(words), draft=shown[-1]).text)
    return shown[1:]


def test_whole_sentences_are_those_of_the_autoregressive_network() -> None:
    fretna, auto = load_translator("fretna", "en", "de"), load_translator("auto", "en", "de")
    assert growing(fretna, SENTENCE)[-1] == auto.translate(SENTENCE, "en", "de").text
    assert fretna.translate("Good morning, Ann.", "en", "de").text == auto.translate("Good morning, Ann.", "en", "de").text


def test_edits_alone_translate_and_take_little_back(edits: FretnaTranslator) -> None:
    shown = growing(edits, SENTENCE)
    assert "Hamburg" in shown[-1] and shown[-1].split()[0] == "Ich"
    assert normalized_erasure([text.split() for text in shown]) < 0.6
    assert edits.translate("Wo ist der Bahnhof?", "de", "en").text.rstrip("?").split()[-1] == "station"


def test_a_beginning_that_is_out_already_stays(edits: FretnaTranslator) -> None:
    found = edits.translate("We are going home tomorrow", "en", "de", True, begin="Wir fahren", draft="Wir fahren")
    assert found.text.startswith("Wir fahren")


@pytest.mark.parametrize(
    "text", ["", "   ", "…", "12.30", "äöü ß", "Zzyzx qwrtpl", "no " * 200, "word " * 400, "\u200b\u202e", "日本語です"]
)
@pytest.mark.parametrize("partial", [True, False])
def test_odd_input_ends_and_is_bounded(edits: FretnaTranslator, text: str, partial: bool) -> None:
    found = edits.translate(text, "en", "de", partial)
    assert len(found.text) <= 3 * len(text) + 40
    assert len(found.alignment) == len(found.text.split())

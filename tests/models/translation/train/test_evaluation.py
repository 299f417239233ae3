"""Scores, baselines and the quality estimate."""

from __future__ import annotations

import json
import shutil
from random import Random

import numpy as np
import pytest

from duplex.models.translation.quality import FEATURES, LanguageGuess, QualityModel, features
from duplex.models.translation.search import Hypothesis
from duplex.models.translation.train.baselines import Dictionary, copied
from duplex.models.translation.train.corpus import Pair, Question
from duplex.models.translation.vocabulary import Vocabulary

pytest.importorskip("torch")

from duplex.models.translation.train.calibrate import area, calibrate, fit, language_odds, nonsense
from duplex.models.translation.train.evaluate import main, threes
from duplex.models.translation.train.validation import mean_chrf, scores


@pytest.fixture(scope="module")
def pairs(sentences):
    return [Pair(*sides) for sides in sentences]


def test_scores():
    pytest.importorskip("sacrebleu")
    same = ["Das ist ein kleines Haus.", "Er wartet schon lange auf den Zug."]
    assert scores(same, [[text] for text in same]) == {"bleu": 100.0, "chrf": 100.0}
    wrong = ["Nein.", "Er wartet schon lange auf den Zug."]
    assert scores(wrong, [["Ja."], ["x", same[1]]])["chrf"] < 100


def test_mean_chrf():
    assert mean_chrf({"a": {"bleu": 0, "chrf": 10}, "b": {"bleu": 0, "chrf": 30}}) == 20


def test_the_dictionary_learns_words(pairs):
    dictionary = Dictionary(pairs, "de")
    assert dictionary.translate("the teacher waits") == "Der Lehrer wartet"
    assert dictionary.translate("Tom unseen, 25!") == "Tom unseen, 25!"
    assert copied("Tom") == "Tom"


def test_quality_follows_certainty():
    model = QualityModel((1.0, 0.5, -1.0, -1.0), 2.0, 0.4)
    sure, unsure = Hypothesis([10, 11], [-0.1, -0.1, -0.1]), Hypothesis([10, 11], [-3.0, -4.0, -2.0])
    chances = [model.quality(features(found, [4, 20, 21, 3], 0)) for found in (sure, unsure)]
    assert chances[0] > chances[1]
    assert QualityModel.from_dict(json.loads(json.dumps(model.as_dict()))) == model
    assert len(features(Hypothesis([], []), [4, 3], 0)) == len(FEATURES)


def test_fit_separates():
    rng = np.random.default_rng(0)
    usable = rng.random(400) < 0.6
    hopeless = ~usable & (rng.random(400) < 0.5)
    rows = rng.normal(size=(400, 4)) + usable[:, None] * 2 - hopeless[:, None]
    model = fit(rows, usable)
    chances = np.array([model.quality(row) for row in rows])
    assert area(chances, usable) > 0.9
    assert (chances[usable] < model.hopeless).mean() <= 0.06 < (chances[hopeless] < model.hopeless).mean()


def test_language_is_told(pairs, vocabulary_file):
    vocabulary = Vocabulary(vocabulary_file)
    guess = LanguageGuess(language_odds(pairs, vocabulary))
    assert guess.german(vocabulary.whole_words("Der Lehrer liest ein Buch im Haus.")) > 3
    assert guess.german(vocabulary.whole_words("The teacher reads a book in the house.")) < -3
    assert guess.german(vocabulary.whole_words("Käsebier Grbavac 25")) == 0 == guess.german(set())


def test_calibrating_an_export(exported, data, tmp_path):
    pytest.importorskip("sacrebleu")
    folder = tmp_path / "export"
    shutil.copytree(exported, folder)
    figures = calibrate(folder, data)
    assert figures["sentences"] > 0 and 0 <= figures["threshold"] <= 1


def test_three_in_one():
    asked = [Question(f"Say {n}!", (f"Sag {n}!", "Los!")) for n in range(7)]
    assert threes(asked)[1] == ("say 3 say 4 say 5", ("Sag 3! Sag 4! Sag 5!",)) and len(threes(asked)) == 2


def test_nonsense_is_as_long_as_the_sentence():
    texts = [nonsense(Question("The teacher reads a book.", ()), Random(seed)) for seed in range(9)]
    assert {len(text) for text in texts} == {25} and "The teacher reads a book." not in texts


def test_the_command_prints_every_system(exported, data, capsys):
    pytest.importorskip("sacrebleu")
    main(["--data", str(data), "--weights", str(exported), "--count", "3", "--beam", "1", "--split", "train"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["system"] for row in rows if "system" in row} == {"copied", "dictionary", "bundled"}
    scored = {(row["set"], row["system"]): row["bleu"] for row in rows if "set" in row}
    assert scored["en-de clean", "dictionary"] > scored["en-de clean", "copied"]
    assert ("en-de recognized", "bundled") in scored and "copied through" in rows[-2] and "marked hopeless" in rows[-1]

"""Splits, names, noise and examples."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from duplex.models.translation.train.corpus import Pair, groups, key, questions, read_pairs, split, text_folder
from duplex.models.translation.train.examples import Examples, Recipe, padded
from duplex.models.translation.train.names import Swapper
from duplex.models.translation.train.noise import HESITATIONS, Mishearing, Noise, bare, hesitating
from duplex.models.translation.vocabulary import BEGIN, END, PARTIAL, TAGS, Vocabulary
from duplex.streaming.errors import InputError


def many_pairs():
    rng = Random(1)
    return [Pair(f"English {rng.randint(0, 3000)}.", f"Deutsch {rng.randint(0, 30000)}!") for _ in range(4000)]


def test_no_sentence_is_in_two_splits():
    parts = split(many_pairs())
    assert sum(map(len, parts.values())) == 4000 and all(parts.values())
    for side in ("en", "de"):
        kept = [{key(getattr(pair, side)) for pair in part} for part in parts.values()]
        assert not (kept[0] & kept[1] or kept[0] & kept[2] or kept[1] & kept[2])


def test_the_split_does_not_depend_on_order():
    pairs = many_pairs()
    shuffled = pairs.copy()
    Random(2).shuffle(shuffled)
    for name, part in split(pairs).items():
        assert Counter(part) == Counter(split(shuffled)[name])


def test_paraphrases_of_paraphrases_stay_together():
    pairs = [Pair("Hi.", "Hallo!"), Pair("Hello.", "hallo"), Pair("Hello.", "Guten Tag."), Pair("Bye.", "Tschüss.")]
    assert sorted(map(len, groups(pairs))) == [1, 3]


def test_read_pairs(data):
    pairs = read_pairs(text_folder(data))
    assert len(pairs) == 75 and sum(bool(pair.recognized) for pair in pairs) == 25


def test_no_data(tmp_path, monkeypatch):
    monkeypatch.delenv("DUPLEX_TRAINING_DATA", raising=False)
    with pytest.raises(InputError, match="--data"):
        text_folder()
    with pytest.raises(InputError, match=str(tmp_path)):
        text_folder(tmp_path)


def test_questions_have_all_references():
    pairs = [Pair("Hi.", "Hallo!", "high"), Pair("Hi.", "Hallöchen!"), Pair("Bye.", "Tschüss.")]
    found = {question.source: question for question in questions(pairs, "de")}
    assert found["Hi."].references == ("Hallo!", "Hallöchen!") and found["Hi."].recognized == "high"
    assert len(questions(pairs, "en")) == 3


def test_names_and_numbers_change_on_both_sides():
    pair = Pair("Tom's dog bit Tom 25 times in 1999.", "Toms Hund biss Tom 1999 25 mal.")
    swapper = Swapper([pair, Pair("Is Tom here?", "Ist Tom hier?"), Pair("I met Tom.", "Ich traf Tom.")])
    assert "Tom" in swapper.names
    swapped = swapper.swap(pair, Random(4), 1.0)
    assert "Tom" not in swapped.en.split() and "25" not in swapped.en.split() and "1999" not in swapped.de
    for word in swapped.en.rstrip(".").split():
        if word.isdigit():
            assert word in swapped.de
    assert swapper.swap(pair, Random(4), 0.0) is pair


def test_a_name_on_one_side_only_stays():
    pair = Pair("I saw Tom.", "Ich habe ihn gesehen.")
    assert Swapper([Pair("I saw Tom.", "Ich sah Tom.")] * 3).swap(pair, Random(1), 1.0) == pair


def test_bare_text_keeps_numbers():
    texts = {bare("He paid 3.50 at 10:30, didn't he?", Random(seed)) for seed in range(50)}
    assert any(text.islower() for text in texts)
    assert all("3.50" in text and "didn't" in text for text in texts)


def test_hesitation_only_adds():
    text = "I think that we should go home now before it rains"
    for seed in range(30):
        words = iter(hesitating(text, "en", Random(seed)).split())
        assert all(any(word == said for said in words) for word in text.split())
    assert any(HESITATIONS["de"][0] in hesitating("Das ist ein Haus " * 5, "de", Random(s)) for s in range(20))


def test_mishearing_is_learned():
    mishearing = Mishearing([("I like coffee", "I liked coffee"), ("a mocha please", "a more car please")])
    assert mishearing.english("Mocha is what I like.", 1.0, Random(1)) == "More car is what I liked."
    assert mishearing.apply("Das Wörterbuch liegt hier", "de", 1.0, Random(1)) != "Das Wörterbuch liegt hier"


def test_noise_never_empties_a_sentence():
    noise = Noise(Mishearing([("no", "")]))
    assert all(noise.apply(text, "en", Random(seed)) for seed in range(60) for text in ("No.", "...", "Go!"))


def examples(data, vocabulary_file, **changes):
    return Examples(
        read_pairs(text_folder(data)),
        Vocabulary(vocabulary_file),
        Noise(Mishearing()),
        Recipe(tokens=400, **changes),
    )


def test_pools_are_the_same_for_the_same_seed(data, vocabulary_file, monkeypatch):
    monkeypatch.setattr("duplex.models.translation.train.examples.POOL", 200)
    first, second = (examples(data, vocabulary_file).pool(1) for _ in range(2))
    assert len(first) == len(second)
    assert all(np.array_equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))
    other = examples(data, vocabulary_file, seed=2).pool(1)
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=False))


def test_an_epoch_has_every_pair_in_both_directions(data, vocabulary_file, monkeypatch):
    monkeypatch.setattr("duplex.models.translation.train.examples.POOL", 150)
    drawn = Counter(examples(data, vocabulary_file)._draws(3))
    assert len(drawn) == 150 and set(drawn.values()) == {1}


def test_batches_are_tagged_ended_and_small(data, vocabulary_file, monkeypatch):
    monkeypatch.setattr("duplex.models.translation.train.examples.POOL", 300)
    batches = examples(data, vocabulary_file, prefixes=0.3).pool(0)
    assert max(source.size + target.size for source, target in batches) <= 400
    for source, target in batches:
        assert np.isin(source[:, 0], list(TAGS.values())).all()
        assert (target[:, 0] == END).all() and not (target == BEGIN).any()
        assert ((target == END).sum(1) == 2).all() and ((source == END).sum(1) == 1).all()
    assert any((source[:, 1] == PARTIAL).any() for source, _ in batches)


def test_padded():
    assert padded([[5, 6, 7], [8]]).tolist() == [[5, 6, 7], [8, 0, 0]]

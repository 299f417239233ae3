"""Division of long text."""

from __future__ import annotations

from duplex.models.translation.pieces import LONGEST, pieces, sentences


def test_sentences():
    text = 'Dr. Smith came at 5 p.m. on the 3. of May. He said "Go!" Then he left... Who knows?'
    assert sentences(text) == [
        'Dr. Smith came at 5 p.m. on the 3. of May.',
        'He said "Go!"',
        "Then he left...",
        "Who knows?",
    ]  # fmt: skip


def test_nothing():
    assert pieces("") == [] and pieces("   ") == []


def test_all_words_stay_in_order():
    text = " ".join(f"word{n}" for n in range(500))
    parts = pieces(text)
    assert " ".join(parts) == text
    assert max(len(part.split()) for part in parts) <= LONGEST


def test_clauses_are_divided_where_they_begin():
    words = ["she", "went", "home"] * 9
    text = " ".join([*words, "because", *words])
    assert pieces(text)[0] == " ".join(words)
    assert pieces(" ".join([*words[:-1], "home,", *words]))[0].endswith("home,")

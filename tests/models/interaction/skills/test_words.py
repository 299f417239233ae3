from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills.words import plain, sentences

PLAIN = [
    ("What's the time?", "what is the time"),
    ("whats the time", "what is the time"),
    ("um what what is uh the time", "what is the time"),
    ("what is what is the time", "what is the time"),
    ("please could you, um, stop", "could you stop"),
    ("What's, uh, what's 5% of $80?", "what is 5 percent of 80 dollars"),
    ("at 10:30 p. m.", "at 10:30 pm"),
    ("at 6 p.m. sharp", "at 6 pm sharp"),
    ("at 6p.m.", "at 6 pm"),
    ("five o'clock", "five oclock"),
    ("twenty-five minus -5", "twenty five minus minus 5"),
    ("1,500 + 3.5", "1500 plus 3.5"),
    ("100 km/h, 20°C", "100 km/h 20 degrees c"),
    ("I can’t", "i can not"),
    ("today's date", "today's date"),
    ("five oh three", "five oh three"),
    ("oh what time is it", "what time is it"),
    ("set a timer for for minutes", "set a timer for for minutes"),
    ("bye bye", "bye bye"),
    ("five five", "five five"),
]


@pytest.mark.parametrize(("source", "expected"), PLAIN)
def test_plain_words(source, expected):
    assert plain(source) == expected


def test_sentences_are_kept_apart():
    first, second = sentences("What time is it? Set a timer.")
    assert [word.text for word in first] == ["what", "time", "is", "it"]
    assert [word.text for word in second] == ["set", "a", "timer"]


@given(st.text(max_size=80))
def test_every_word_knows_its_place_in_any_source(source):
    last = 0
    for sentence in sentences(source):
        for word in sentence:
            assert 0 <= word.start < word.end <= len(source)
            assert word.start >= last  # equal for the two words of a contraction
            last = word.start


@given(st.text(alphabet="abcdefgh ", max_size=60))
def test_unpunctuated_words_come_through_in_order(source):
    kept = plain(source).split()
    rest = iter(source.split())
    assert all(word in rest for word in kept)

"""Answers that run wild are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.translation.sanity import checked, keeps_numbers
from duplex.models.translation.search import limit

WORDS = st.lists(st.sampled_from(["a", "b", "c", "na"]), max_size=60).map(" ".join)


def test_a_loop_is_cut_and_marked():
    found = checked("ja " * 50, "yes it is", "en", "de")
    assert found.text == "ja" and not found.complete and found.hopeless and found.quality == 0.5


def test_a_repetition_that_was_said_stays():
    found = checked("ja " * 6, "yes " * 6, "en", "de")
    assert len(found.text.split()) == 6 and found.complete and not found.hopeless


def test_nothing_left_is_hopeless():
    assert checked("", "hello", "en", "de").hopeless


def test_numbers():
    assert keeps_numbers("Es kostet 4825 Euro", "It costs 4825 euros")
    assert not keeps_numbers("Es kostet 48250 Euro", "It costs 4825 euros")
    assert keeps_numbers("um 2 Uhr", "at two")
    assert checked("1234", "one 4321", "en", "de").quality == 0.5


@settings(max_examples=60, deadline=None)
@given(text=WORDS, said=WORDS)
def test_what_is_kept_is_a_beginning_of_bounded_length(text, said):
    found = checked(text, said, "en", "de")
    assert text.split()[: len(found.text.split())] == found.text.split()
    assert len(found.text.split()) <= limit(said.split())
    assert found.complete == (found.text == text)

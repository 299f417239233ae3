from __future__ import annotations

import numpy as np

from duplex.models.tts.contract import WordMark
from duplex.models.tts.word_marks import WordMarker

SOUND, SILENCE = np.full(100, 0.5, np.float32), np.zeros(100, np.float32)


def test_an_open_end_reaches_as_far_as_the_sound_and_is_corrected_later():
    marker = WordMarker("one two", 0, 7, 0)
    assert marker.feed(0, SOUND, [(1, 0)], []) == [WordMark(0, 3, 0, 100)]
    assert marker.feed(100, SOUND, [], []) == [WordMark(0, 3, 0, 200)]
    assert marker.feed(200, SOUND, [(5, 230)], []) == [WordMark(0, 3, 0, 230), WordMark(4, 7, 230, 300)]
    assert marker.finish() == [WordMark(4, 7, 230, 300)]


def test_the_pause_of_a_clause_belongs_to_no_word():
    marker = WordMarker("one, two", 0, 8, 0)
    marker.feed(0, SOUND, [(1, 0)], [])
    marker.feed(100, SILENCE, [], [])
    marks = marker.feed(200, SOUND, [(6, 250)], [250])
    # The last sound before the clause's end lies in this buffer, at 249.
    assert marks == [WordMark(0, 4, 0, 250), WordMark(5, 8, 250, 300)]
    marker = WordMarker("one, two", 0, 8, 0)
    marker.feed(0, SOUND, [(1, 0)], [])
    assert marker.feed(100, SILENCE, [(6, 200)], [200]) == [WordMark(0, 4, 0, 100), WordMark(5, 8, 200, 200)]


def test_a_piece_counts_from_its_own_place_in_text_and_speech():
    text = "first. second third"
    marker = WordMarker(text, 7, len(text), 5000)
    marks = marker.feed(5000, SOUND, [(1, 0), (8, 40)], [])
    assert marks == [WordMark(7, 13, 5000, 5040), WordMark(14, 19, 5040, 5100)]


def test_further_events_within_a_word_begin_no_other():
    marker = WordMarker("in 2024 yes", 0, 11, 0)
    marks = marker.feed(0, SOUND, [(1, 0), (4, 20), (5, 40), (5, 60), (9, 80)], [])
    assert [(mark.text_start, mark.text_end) for mark in marks] == [(0, 2), (3, 7), (8, 11)]


def test_a_clause_that_ends_within_a_word_is_taken_up_again():
    marker = WordMarker("a.b c", 0, 5, 0)
    marker.feed(0, SOUND, [(1, 0)], [50])
    assert marker.feed(100, SOUND, [(3, 110), (5, 150)], []) == [WordMark(0, 3, 0, 150), WordMark(4, 5, 150, 200)]


def test_unspoken_text_goes_to_the_word_before_it_or_to_the_first():
    text = "- out of -"
    marker = WordMarker(text, 0, len(text), 0)
    marker.feed(0, SOUND, [(3, 10)], [])
    assert marker.finish() == [WordMark(0, len(text), 10, 100)]


def test_a_text_without_any_word_has_no_marks():
    marker = WordMarker("...", 0, 3, 0)
    assert marker.feed(0, SILENCE, [], [90]) == []
    assert marker.finish() == []

"""The rounds of looks and edits, with a network whose answers are known."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.translation.fretna.canvas import PLACEHOLDER, oracle
from duplex.models.translation.fretna.editing import GROWING, LEAST_ROOM, MOST_ROOM, WHOLE, Manner, Seen, edited, room
from duplex.models.translation.search import limit

SOURCE = [4, *range(20, 32), 3]
SUBWORDS = st.lists(st.integers(10, 16), min_size=1, max_size=14)


class Knowing:
    """Knows the translation and says the edits for it."""

    def __init__(self, wanted, sure=-0.01, insertions=8):
        self.wanted, self.looks, self._sure, self._insertions = wanted, 0, sure, insertions

    def look(self, canvas):
        self.looks += 1
        edits = oracle(canvas, self.wanted, self._insertions)
        places = [place for place, number in enumerate(canvas) if number == PLACEHOLDER]
        insert = np.full((len(canvas), self._insertions + 1), -9.0)
        insert[np.arange(len(canvas)), edits.insert] = 9.0
        return Seen(
            np.where(edits.keep, 9.0, -9.0),
            insert,
            np.array([edits.fill[place] or 99 for place in places]),
            np.full(len(places), self._sure),
            np.zeros((len(canvas), len(SOURCE))),
        )


def test_a_growing_translation_costs_one_look():
    network = Knowing([10, 11, 12, 13])
    found = edited(network, SOURCE, [10, 11], manner=GROWING)
    assert found.numbers == [10, 11, 12, 13] and found.ended and network.looks == 1


def test_a_change_in_the_middle_costs_two():
    network = Knowing([10, 11, 12, 13])
    found = edited(network, SOURCE, [10, 30, 12], manner=GROWING)
    assert found.numbers == [10, 11, 12, 13] and network.looks == 2


@given(SUBWORDS, SUBWORDS)
def test_a_whole_sentence_comes_out_as_the_network_wants_it(draft, wanted):
    repeated = any(wanted[n : n + 1] * 4 == wanted[n : n + 4] for n in range(len(wanted)))
    found = edited(Knowing(wanted), SOURCE, draft, manner=Manner(rounds=8, keep=0.0, doubt=-np.inf))
    assert repeated or found.looped or (found.numbers == wanted and found.ended)
    assert len(found.numbers) == len(found.logs) == len(found.attention)


@given(SUBWORDS, SUBWORDS, st.integers(1, 14))
def test_what_must_stay_stays(draft, wanted, begin):
    begin = min(begin, len(draft))
    found = edited(Knowing(wanted), SOURCE, draft, begin)
    assert found.numbers[:begin] == draft[:begin]


def test_what_it_doubts_is_looked_at_again():
    network = Knowing([10, 11, 12], sure=-3.0)
    found = edited(network, SOURCE, manner=WHOLE)
    assert found.numbers == [10, 11, 12] and network.looks >= 2


def test_a_draft_that_stays_is_only_looked_at():
    network = Knowing([10, 11])
    assert edited(network, SOURCE, [10, 11], manner=GROWING).numbers == [10, 11] and network.looks == 1


class Wild:
    """Keeps everything, fills with the same subword, inserts as much as it can."""

    def look(self, canvas):
        insert = np.zeros((len(canvas), 9))
        insert[:, 8] = 5.0
        count = sum(number == PLACEHOLDER for number in canvas)
        return Seen(
            np.full(len(canvas), 9.0), insert, np.full(count, 10), np.full(count, -0.1), np.zeros((len(canvas), 14))
        )


def test_a_network_that_runs_wild_is_cut():
    found = edited(Wild(), SOURCE)
    assert found.looped and len(found.numbers) <= limit(SOURCE)


def test_there_is_always_room_and_never_too_much():
    assert room(5, 400) == LEAST_ROOM and room(400, 0) == MOST_ROOM

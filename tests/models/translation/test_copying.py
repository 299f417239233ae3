"""Names and numbers put right from the source."""

from __future__ import annotations

import pytest

from duplex.models.translation.copying import STAND_INS, lost_names, named_again, repaired, with_stand_ins
from duplex.models.translation.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("translation", "source", "right"),
    [
        ("Er heißt Wendelin Grbava.", "His name is Wendelin Grbavac.", "Er heißt Wendelin Grbavac."),
        ("Die Nummer ist 481518.", "The number is 4815162.", "Die Nummer ist 4815162."),
        ("Die Nummer ist 4815162.", "The number is 4815162.", "Die Nummer ist 4815162."),
        ("Es kostet 48250.", "It costs 4825.", "Es kostet 4825."),
        ("Er wohnt hier.", "He met Grbavac here.", "Er wohnt hier."),
        ("Um 14 Uhr.", "At 2 p.m.", "Um 14 Uhr."),
        ("", "I met Grbavac.", ""),
    ],
)
def test_repaired(vocabulary_file, translation, source, right):
    assert repaired(translation, source, Vocabulary(vocabulary_file)) == right


def test_a_name_that_is_lost_comes_back_by_a_stand_in(vocabulary_file):
    text = "I met Grbavac and Tom in Grbavac."
    lost = lost_names("Ich traf Tom.", text, Vocabulary(vocabulary_file))
    assert lost == ["Grbavac"]
    other, chosen = with_stand_ins(text, lost)
    assert other == "I met John and Tom in John."
    assert named_again("Ich traf John und Tom in John.", chosen) == "Ich traf Grbavac und Tom in Grbavac."
    assert named_again("Ich traf Tom.", chosen) is None


def test_no_stand_in_where_all_are_in_the_text(vocabulary_file):
    text = " and ".join([*STAND_INS, "Grbavac"])
    assert with_stand_ins(text, ["Grbavac"]) is None


def test_what_is_there_is_not_lost(vocabulary_file):
    assert lost_names("Grbavac ist da.", "Here is Grbavac.", Vocabulary(vocabulary_file)) == []

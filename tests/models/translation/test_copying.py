"""Names and numbers put right from the source."""

from __future__ import annotations

import pytest

from duplex.models.translation.copying import repaired
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

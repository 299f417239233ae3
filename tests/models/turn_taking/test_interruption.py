from __future__ import annotations

import pytest

from duplex.models.turn_taking.backchannel import is_backchannel
from duplex.models.turn_taking.interruption import asks_for_floor
from duplex.models.turn_taking.word_lists import plain_words


@pytest.mark.parametrize("text", ["stop", "Stop!", "Wait—", "“No,” no.", "Hey...", "STOP", "but, um", "Wait-wait."])
def test_a_word_that_asks_is_found_however_it_is_written(text: str) -> None:
    assert asks_for_floor(text)


@pytest.mark.parametrize("text", ["", "You", "Mm-hmm.", "nothing", "Stopped.", "♪♪"])
def test_others_ask_for_nothing(text: str) -> None:
    assert not asks_for_floor(text)


@pytest.mark.parametrize("text", ["You", "You."])
def test_what_a_recognizer_makes_of_a_noise_leaves_the_floor(text: str) -> None:
    assert is_backchannel(text)


def test_a_number_is_no_backchannel() -> None:
    assert not is_backchannel("Yes, 10.")
    assert plain_words("Yes, 10.") == ["yes", "10"]

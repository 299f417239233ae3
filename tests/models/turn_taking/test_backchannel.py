from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.turn_taking.backchannel import is_backchannel

PASSING = """
mhm
Mm-hmm.
mm
hmm
uh huh
uh-huh
Uh-huh, yeah.
yeah
yeah yeah yeah
yes
yep
right
Right!
okay
ok
sure
really
Really?
exactly
i see
oh
ah
oh i see
oh okay
got it
yeah right
of course
okay i see
that's right
that makes sense
wow
oh really
oh my god
no way
very good
the
him
""".strip().splitlines()

TAKING = """

stop
no
wait
what
hello
no that's wrong
yeah but
yes please stop
okay stop
right now
okay what time is it
sure set a timer
really why
i see a dog
oh no
yes yes yes yes yes yes yes
i know what you mean but
thank you
louder
the car
""".splitlines()


@pytest.mark.parametrize("text", PASSING)
def test_listening_sounds_leave_the_floor_where_it_is(text):
    assert is_backchannel(text)


@pytest.mark.parametrize("text", TAKING)
def test_anything_more_takes_it(text):
    assert not is_backchannel(text)


@pytest.mark.parametrize("text", ["yes", "yeah", "okay", "sure", "uh huh", "mhm", "mm-hmm", "right", "i see", "got it"])
def test_assent_to_a_question_is_an_answer(text):
    assert not is_backchannel(text, answering=True)


@pytest.mark.parametrize("text", ["hmm", "um", "ah", "oh", "uh"])
def test_a_hum_after_a_question_is_none(text):
    assert is_backchannel(text, answering=True)


@given(st.text(max_size=40))
def test_what_answers_a_question_is_at_most_what_passes_otherwise(text):
    assert not is_backchannel(text, answering=True) or is_backchannel(text)

from __future__ import annotations

import pytest

from duplex.models.interaction.contract import Control, Utterance
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.tools.builtin.steering import FASTER, LOUDER, QUIETER, SLOWER
from tests.models.interaction.asking import ask

SKILLS = Skills()
REPEAT, STOP = Control("repeat"), Control("stop")

CONTROLS = [
    *(
        (text, [REPEAT])
        for text in ("say that again", "repeat that please", "can you repeat that", "pardon", "come again")
    ),
    *((text, [REPEAT]) for text in ("what did you say", "sorry what", "i did not hear you", "one more time")),
    *(
        (text, [STOP])
        for text in ("stop", "stop it", "stop talking", "be quiet", "shut up", "never mind", "that is enough")
    ),
    *((text, [STOP]) for text in ("okay stop please", "cancel that", "quiet please")),
    *(
        (text, [Control("volume", value=LOUDER)])
        for text in ("louder", "speak louder please", "turn the volume up", "speak up")
    ),
    *((text, [Control("volume", value=LOUDER)]) for text in ("a bit louder", "i can't hear you", "you are too quiet")),
    *(
        (text, [Control("volume", value=QUIETER)])
        for text in ("quieter", "turn it down", "lower your voice", "too loud")
    ),
    *(
        (text, [Control("rate", value=SLOWER)])
        for text in ("speak slower", "slow down please", "you are talking too fast")
    ),
    *((text, [Control("rate", value=SLOWER)]) for text in ("can you speak more slowly", "don't speak so fast")),
    *((text, [Control("rate", value=FASTER)]) for text in ("faster", "speak faster please", "speed up", "too slow")),
    ("say that again slower", [Control("rate", value=SLOWER), REPEAT]),
    ("say that again and speak louder", [REPEAT, Control("volume", value=LOUDER)]),
]


@pytest.mark.parametrize(("text", "controls"), CONTROLS)
def test_controls(text, controls):
    assert ask(SKILLS, text)[1] == controls


@pytest.mark.parametrize(
    "text",
    [
        "so i told him to stop",
        "the bus stop is over there",
        "we turned up at the office",
        "he spoke up for me yesterday",
        "the volume of a cube",
    ],
)
def test_talk_about_other_things_controls_nothing(text):
    assert ask(SKILLS, text)[1] == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hello", "Hello."),
        ("good morning", "Hello."),
        ("thank you very much", "You are welcome."),
        ("goodbye", "Goodbye."),
        ("can you hear me", "I hear you."),
        ("who are you", "I am Duplex, a program that listens while it speaks."),
    ],
)
def test_courtesies(text, answer):
    assert ask(SKILLS, text) == (answer, [])


SPOKEN = (
    Utterance("user", "a long story", 0, 65),
    Utterance("assistant", "I see.", 66, 68),
    Utterance("anna", "me too", 70, 80),
    Utterance("user", "and more", 81, 86),
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "who has spoken how long",
            "You have spoken for one minute and ten seconds, anna for ten seconds and I for two seconds.",
        ),
        (
            "who has talked the most",
            "You have spoken for one minute and ten seconds, anna for ten seconds and I for two seconds.",
        ),
        ("how long have i been talking", "You have spoken for one minute and ten seconds."),
        ("how long did anna talk", "anna has spoken for ten seconds."),
        ("how much have you said", "I have spoken for two seconds."),
        ("how long have we been talking", "We have been talking for one minute and 40 seconds."),
    ],
)
def test_speaking_time(text, answer):
    assert ask(SKILLS, text, history=SPOKEN) == (answer, [])

"""Sounds that matter are spoken of once in a while, and not when they are long over."""

from __future__ import annotations

from duplex.models.interaction.decider.remarks import AGAIN_AFTER, LASTS, Noticed
from duplex.models.interaction.percepts import Sound


def sound(at: float, label: str) -> Sound:
    return Sound(at, at - 0.5, at, label, 0.9)


def test_a_kind_of_sound_is_spoken_of_once_in_a_while() -> None:
    noticed = Noticed()
    noticed.hear(sound(1.0, "baby crying"))
    noticed.hear(sound(1.1, "rain"))
    due = noticed.due(1.2)
    assert due is not None and noticed.speak_of(due, 1.2).text == "I hear a baby crying."
    assert noticed.due(1.2) is None, "of rain nothing is said"
    noticed.hear(sound(5.0, "baby crying"))
    assert noticed.due(5.0) is None
    noticed.hear(sound(1.2 + AGAIN_AFTER, "baby crying"))
    assert noticed.due(1.3 + AGAIN_AFTER) is not None


def test_what_is_urgent_does_not_wait_for_the_end_of_a_reply() -> None:
    noticed = Noticed()
    noticed.hear(sound(4.0, "glass"))
    assert noticed.due(4.2, urgent=True) is None
    noticed.hear(sound(4.0, "alarm"))
    alarm = noticed.due(4.2, urgent=True)
    assert alarm is not None and alarm.label == "alarm"
    noticed.speak_of(alarm, 4.2)
    glass = noticed.due(4.2)
    assert glass is not None and glass.label == "glass"


def test_a_sound_that_is_long_over_is_passed_over() -> None:
    noticed = Noticed()
    noticed.hear(sound(4.0, "glass"))
    assert noticed.due(4.1 + LASTS) is None

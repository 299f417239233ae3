from __future__ import annotations

import pytest

from duplex.models.interaction.skills.patterns import cue, template
from duplex.models.interaction.skills.words import sentences


def readings(pattern, text):
    return list(pattern.matches(sentences(text)[0], text))


@pytest.mark.parametrize("text", ["set a timer", "set the timer", "set timer", "start a timer"])
def test_optional_words_and_choices(text):
    assert readings(template("(set|start) [a|the] timer"), text)


@pytest.mark.parametrize("text", ["set", "set a", "set a the timer", "reset a timer", "set a timer now"])
def test_all_words_must_be_covered(text):
    assert not readings(template("(set|start) [a|the] timer"), text)


def test_a_slot_takes_one_or_more_words():
    pattern = template("call {name} now")
    assert [slots["name"] for slots in readings(pattern, "call my mother now")] == ["my mother"]
    assert not readings(pattern, "call now")


def test_every_border_between_two_slots_is_offered():
    found = [(slots["task"], slots["time"]) for slots in readings(template("{task} [at] {time}"), "meet bob at five")]
    assert ("meet bob", "five") in found
    assert ("meet", "bob at five") in found


def test_a_slot_quotes_what_was_really_said():
    slots = readings(template("remember that {fact}"), "Remember that it's, um, my Mum's birthday!")[0]
    assert slots["fact"] == "it is my mum's birthday"
    assert slots.quote("fact") == "it's, um, my Mum's birthday"


def test_a_cue_needs_one_word_of_every_group_among_neutral_words():
    louder = cue("volume|sound up|raise")
    assert readings(louder, "could you get the volume up a bit")
    assert readings(louder, "raise the sound a little")
    assert not readings(louder, "the volume")
    assert not readings(louder, "raise the volume of the cube")
    assert not readings(louder, "do not raise the volume")

"""The wordings by which tools are asked for: what the benchmark of tools by voice stands on."""

from __future__ import annotations

from collections import Counter

import pytest

from duplex.models.interaction.tools.builtin import BUILTIN
from tests.benchmarks.spoken_tools import SNR, Heard, judge, wordings

WORDINGS = [*wordings()]


def test_every_tool_has_ten_wordings_of_its_own():
    counts = Counter(wording.tool for wording in WORDINGS)
    assert set(counts) == set(BUILTIN)
    assert min(counts.values()) >= 10
    assert len({wording.text for wording in WORDINGS}) == len(WORDINGS)


def test_the_halves_are_about_as_large():
    held_out = sum(wording.held_out for wording in WORDINGS)
    assert 0.4 < held_out / len(WORDINGS) < 0.6


@pytest.mark.parametrize("wording", WORDINGS[::12], ids=lambda wording: wording.text)
def test_the_right_arguments_fit_the_tool(wording):
    BUILTIN[wording.tool].check(wording.arguments)


@pytest.mark.parametrize(
    ("heard", "tool", "whole"),
    [
        ("Set a timer for 10 minutes.", True, True),
        ("Set a timer for two minutes.", True, False),
        ("What time is it?", False, False),
    ],
)
def test_a_call_is_right_if_it_comes_to_the_same(heard, tool, whole):
    wording = next(each for each in WORDINGS if each.text == "set a timer for ten minutes")
    judged = judge(wording, Heard(wording.text, "", SNR, heard, 1.0, 1))
    assert (judged.tool, judged.whole) == (tool, whole)

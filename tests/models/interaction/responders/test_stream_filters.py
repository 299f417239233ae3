from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.stream_filters import UntilMarker, WithoutThoughts, partial_marker


def through(filter_, text: str, step: int) -> str:
    out = [filter_.push(text[at : at + step]) for at in range(0, len(text), step)]
    return "".join(out) + filter_.flush()


@pytest.mark.parametrize("step", [1, 2, 5, 100])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>hm, well</think>\n\nIt is ten.", "It is ten."),
        ("So <think>no</think>yes <think>b</think>done", "So yes done"),
        ("a < b <thin air", "a < b <thin air"),
        ("<think>never ends", ""),
    ],
)
def test_thoughts_are_left_out(text, left, step):
    assert through(WithoutThoughts(), text, step) == left


@pytest.mark.parametrize("step", [1, 3, 100])
def test_stops_at_the_first_marker(step):
    until = UntilMarker(["\nUser:", "\nAssistant:"])
    assert through(until, "Ten.\nUsually so.\nUser: and now?\nAssistant: no", step) == "Ten.\nUsually so."
    assert until.done


@given(st.text(alphabet="ab<think>/", max_size=60), st.integers(1, 7))
def test_how_the_text_comes_in_changes_nothing(text, step):
    assert through(WithoutThoughts(), text, step) == through(WithoutThoughts(), text, 1000)
    assert through(UntilMarker(["</t", "ab"]), text, step) == through(UntilMarker(["</t", "ab"]), text, 1000)


def test_partial_markers():
    assert partial_marker("hello <th", ["<think>"]) == 3
    assert partial_marker("hello", ["<think>"]) == 0
    assert partial_marker("x\nUs", ["\nUser:", "\nAssistant:"]) == 3

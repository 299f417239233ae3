from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.pictures.typesetting import StyledWord, Typesetter


def typesetter() -> Typesetter:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return Typesetter(FigureCanvasAgg(Figure(dpi=100)).get_renderer(), 9.0)


SET = typesetter()


def words(text: str, colour: str = "k") -> list[StyledWord]:
    return [StyledWord(word, colour) for word in text.split()]


def test_words_that_fit_are_one_run():
    (run,) = SET.set(words("all of this fits"), 10.0, 3)
    assert (run.text, run.x, run.line) == ("all of this fits", 0.0, 0)


def test_lines_are_filled_in_turn():
    runs = SET.set(words("one two three four five six"), SET.width("one two three") + 0.01, 3)
    assert [run.text for run in runs] == ["one two three", "four five six"]
    assert [run.line for run in runs] == [0, 1]


def test_what_does_not_fit_is_an_ellipsis():
    runs = SET.set(words("one two three four five six"), SET.width("one two …") + 0.05, 1)
    assert [run.text for run in runs] == ["one two …"]
    assert SET.set(words("extraordinarily"), SET.width("…") + 0.01, 2)[0].text == "…"
    assert SET.set(words("one"), 0.01, 2) == []
    assert SET.set([], 5.0, 2) == []


def test_a_change_of_style_begins_a_run_where_the_last_one_ended():
    heard, unheard = SET.set([*words("this was heard"), *words("and this not", "grey")], 10.0, 1)
    assert (heard.text, unheard.text, unheard.line) == ("this was heard", "and this not", 0)
    assert unheard.x > SET.width("this was heard")


@settings(deadline=None)
@given(st.lists(st.text("abcdefg.-", min_size=1, max_size=14), max_size=40), st.floats(0.05, 5), st.integers(0, 4))
def test_nothing_leaves_the_box_or_lies_over_another(texts, width, lines):
    runs = SET.set([StyledWord(text, "rk"[n % 2]) for n, text in enumerate(texts)], width, lines)
    for before, after in itertools.pairwise(runs):
        assert (before.line, before.x) < (after.line, after.x) or before.line < after.line
        if before.line == after.line:
            assert before.x + SET.width(before.text) <= after.x
    assert all(run.line < lines and run.x + SET.width(run.text) <= width * 1.02 + 0.02 for run in runs)
    said = " ".join(run.text for run in runs)
    assert said == " ".join(texts) or said.endswith("…") or not said

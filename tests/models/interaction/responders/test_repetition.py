from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.responders.repetition import LONGEST_TOKEN, RepetitionGuard


def through(text: str, step: int = 1, most: int = 1_000_000) -> tuple[str, bool]:
    guard = RepetitionGuard(most)
    return "".join(guard.push(text[at : at + step]) for at in range(0, len(text), step)), guard.done


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "la femme au martyre, ",
        "I am a language model. ",
        "The quick brown fox jumps over the lazy dog while it rains in the city of Rome. ",
        "我不知道。",
        "- item\n",
        "!",
        "= ",
        " ",
        "\n",
        "a",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_loop_is_cut_after_a_few_times(unit, step):
    left, done = through("It began well. " + unit * 2000, step)
    assert done
    assert len(left) < max(len(unit) * 24, 3 * LONGEST_TOKEN)
    assert left.startswith("It began well.")


@pytest.mark.parametrize(
    "text",
    [
        "Ha ha ha ha ha, that is very very very good.",
        "No, no, no, no. Stop it, stop it, stop it!",
        " ".join(str(number) for number in range(1, 200)),
        "Row, row, row your boat, gently along. Merrily, merrily, merrily, merrily, life is but a dream. " * 2,
        "\n".join(f"{number}. The number {number} is a number." for number in range(40)),
        "https://example.org/" + "/".join(f"a-very/long-path-{part}" for part in range(10)),
        "1 | 2 | 3\n--|--|--\n" + "4 | 5 | 6\n7 | 8 | 9\n",
    ],
)
def test_what_people_repeat_passes(text):
    assert through(text) == (text, False)


def test_ten_thousand_words_pass_and_a_limit_cuts_them():
    draw = random.Random(1)
    text = " ".join("".join(draw.choices("aeiounrst", k=draw.randint(2, 9))) for _ in range(10_000))
    assert through(text, 40) == (text, False)
    assert through(text, 40, most=5000) == (text[:5000], True)


@given(st.text(alphabet="ab .!\n字", max_size=300), st.integers(1, 30))
def test_how_the_text_comes_in_changes_little(text, step):
    left, done = through(text, step)
    assert text.startswith(left)
    assert done or left == text
    assert through(text, 1)[1] == done or len(text) > LONGEST_TOKEN

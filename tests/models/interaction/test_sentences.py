from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.sentences import SentenceSplitter, speakable


def pieces(text: str, step: int = 1, **options: int) -> list[str]:
    splitter = SentenceSplitter(**options)
    found = [piece for at in range(0, len(text), step) for piece in splitter.push(text[at : at + step])]
    return found + splitter.flush()


SPLITS = [
    ("Hello there. It works.", ["Hello there.", " It works."]),
    ("It costs 3.5 dollars. Fine.", ["It costs 3.5 dollars.", " Fine."]),
    ("Ask Dr. Smith, Mr. Jones. Now.", ["Ask Dr. Smith, Mr. Jones.", " Now."]),
    ("Use tools, e.g. a saw. Good.", ["Use tools, e.g. a saw.", " Good."]),
    ("J. K. Rowling wrote. Yes.", ["J. K. Rowling wrote.", " Yes."]),
    ("It is 3 p.m. Now go.", ["It is 3 p.m.", " Now go."]),
    ("It is 3 p.m. now.", ["It is 3 p.m. now."]),
    ("No. 5 lives. No. Wrong.", ["No. 5 lives.", " No.", " Wrong."]),
    ("Well... maybe. So...\nYes.", ["Well... maybe.", " So...", "\nYes."]),
    ("Wait… no. Stop… Go.", ["Wait… no.", " Stop…", " Go."]),
    ('"Really?" she said. (Yes.) Fine!', ['"Really?"', " she said.", " (Yes.)", " Fine!"]),
    ("What?! No!!! Ok.", ["What?!", " No!!!", " Ok."]),
    ("1. First\n2. Second\n", ["1. First\n", "2. Second\n"]),
    ("One\n\nTwo", ["One\n", "\nTwo"]),
    ("Version 2.0. Next", ["Version 2.0.", " Next"]),
    ("no end", ["no end"]),
    ("Τι κάνεις; Καλά.", ["Τι κάνεις;", " Καλά."]),
    ("สวัสดีครับวันนี้อากาศดีมากเลย เราไปเดินเล่นกัน", ["สวัสดีครับวันนี้อากาศดีมากเลย ", "เราไปเดินเล่นกัน"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), SPLITS)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_splits_at_the_ends_of_sentences(text, expected, step):
    assert pieces(text, step) == expected


def test_a_sentence_comes_with_the_character_after_it():
    splitter = SentenceSplitter()
    assert splitter.push("It is ten.") == []
    assert splitter.push("5") == []
    assert splitter.push(" now.") == []
    assert splitter.push(" ") == ["It is ten.5 now."]


def test_a_long_first_sentence_is_cut_at_a_clause_and_only_the_first():
    text = "As far as I can tell from here, that is true, more or less. And this one, which is as long, stays whole."
    assert pieces(text) == [
        "As far as I can tell from here,",
        " that is true, more or less.",
        " And this one, which is as long, stays whole.",
    ]


def test_a_short_first_clause_is_not_worth_a_cut():
    assert pieces("Well, yes. Fine.") == ["Well, yes.", " Fine."]


def test_what_cannot_be_heard_is_no_first_piece():
    assert pieces("---\nAs far as I can tell from here, that is true.")[1] == "As far as I can tell from here,"


def test_no_piece_is_longer_than_the_limit():
    words = "word " * 200
    assert all(len(piece) <= 100 for piece in pieces(words, 7, longest=100))
    assert all(len(piece) <= 100 for piece in pieces("x" * 950, 13, longest=100))


@given(st.text(alphabet=st.sampled_from("ab .,!?…\n\"'(:;-*1#DrT"), max_size=200), st.integers(1, 9))
def test_the_pieces_are_the_text(text, step):
    assert "".join(pieces(text, step)) == text


@given(st.text(alphabet=st.sampled_from("ab .,!?…\n\"'(:;-1DrT"), max_size=120))
def test_how_the_text_comes_in_changes_no_piece(text):
    assert pieces(text, 1) == pieces(text, 4)


SPOKEN = [
    ("This is **very** *important*, `really`.", "This is very important, really."),
    ("# Heading\n", "Heading."),
    ("- apples\n- pears\n", "apples. pears."),
    ("1. First\n", "1. First."),
    ("See [the page](https://example.com/a?b=1) for more.", "See the page for more."),
    ("Go to https://www.example.com/foo/bar?x=1.", "Go to example.com."),
    ("It is 3 * 4, not 3*5.", "It is 3 times 4, not 3 times 5."),
    ("snake_case and _emphasis_", "snake_case and emphasis"),
    ("Great! 😀🎉", "Great!"),
    ("20 °C → warm", "20 °C warm"),
    ("```python\n", ""),
    ("---\n", ""),
    ("| a | b |\n", "a, b."),
    ("|---|---|\n", ""),
    ("<b>bold</b>", "bold"),
    ("a < b and c > d", "a < b and c > d"),
    ("> quoted\n", "quoted."),
    ("\n\n", ""),
]


@pytest.mark.parametrize(("written", "spoken"), SPOKEN)
def test_what_is_only_for_the_eye_is_not_spoken(written, spoken):
    assert speakable(written) == spoken


@given(st.text(max_size=80))
def test_spoken_text_is_one_line_without_markup(text):
    spoken = speakable(text)
    assert "\n" not in spoken
    assert "**" not in spoken
    assert spoken == spoken.strip()


FOR_THE_EAR = [
    ("2**3 = 8", "2 to the power of 3 = 8"),
    ("Here:\n```python\nprint(1)\n```\nDone.", "Here: Python code. Done."),
    ("a &amp; b &lt;c&gt;", "a & b <c>"),
    ("So $x^2$ holds.", "So x squared holds."),
    ("\\(\\frac{1}{2}\\)", "1 over 2"),
    ("It costs $5 and $6.", "It costs $5 and $6."),
    ("Yes.<|im_end|>", "Yes."),
    ("Write to bob@example.com.", "Write to bob at example dot com."),
    ("True.[^1]", "True."),
]


@pytest.mark.parametrize(("written", "spoken"), FOR_THE_EAR)
def test_markup_becomes_sense(written, spoken):
    assert speakable(written) == spoken


SCRIPTS = [
    ["你好。", "今天很好！", "你呢？"],
    ["「はい。」", "そうです。"],
    ["كيف حالك؟", " بخير."],
    ["آپ کیسے ہیں۔", " اچھا۔"],
    ["यह वाक्य है।", " दूसरा।"],
    ["Բարեւ։", " Լավ։"],
    ["ሰላም።", " ደህና።"],
    ["សួស្តី។", " បាទ។"],
    ["မင်္ဂလာပါ။", " ကောင်းပါတယ်။"],
]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("sentences", SCRIPTS)
def test_sentences_end_in_every_script(sentences, step):
    assert pieces("".join(sentences), step) == sentences


@given(st.text(alphabet=st.sampled_from('a 。！？।؟.\n`$\\[]"」1'), max_size=80), st.integers(1, 9))
def test_the_pieces_of_every_script_are_the_text(text, step):
    assert "".join(pieces(text, step)) == text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Bold** 2 * 3 **more**", "Bold 2 times 3 more"),
        ("**2** 3 and **a** 5", "2 3 and a 5"),
        (
            "2**3, 2 ** 8, x**2 and x**n",
            "2 to the power of 3, 2 to the power of 8, x to the power of 2 and x to the power of n",
        ),
        ("\\*not bold\\* and 2 \\* 3", "not bold and 2 times 3"),
        ("1^st^ and x^2", "1st and x squared"),
        ("As said [1][2, 3] and here[^4].", "As said and here."),
        ("well done :smile: at 10:30:15", "well done at 10:30:15"),
        ('<tool_call>{"name": "f"}</tool_call>Hi', "Hi"),
        ('Hi <tool_call>{"name": "f"}', "Hi"),
        ("<start_of_turn>model\nHi", "Hi"),
    ],
)
def test_markup_is_told_from_notation(written, spoken):
    assert speakable(written) == spoken

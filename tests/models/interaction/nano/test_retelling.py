"""What was said is told as it would have been perceived."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.nano.retelling import HORIZON, retold
from duplex.models.interaction.nano.vocabulary import BEGIN, NUMBER

_OPENERS = {
    number for symbol, number in NUMBER.items() if symbol.partition("+")[0] in ("<idle", "<idle>", "<speaking>")
}


def test_words_stand_with_who_says_them(vocabulary) -> None:
    history = (Utterance("user", "hello there", 1.0, 2.0), Utterance("assistant", "hello", 2.6, 3.2))
    tokens = retold(Request("set a timer", history=history, now=6.0), vocabulary)
    spoken = [token for token in tokens if token not in _OPENERS]
    assert spoken == [
        BEGIN,
        NUMBER["<user>"],
        *vocabulary.words(["hello", "there"]),
        NUMBER["<own>"],
        *vocabulary.words(["hello"]),
        NUMBER["<user>"],
        *vocabulary.words(["set", "a", "timer"]),
    ]


def test_the_turn_is_over_at_the_end(vocabulary) -> None:
    assert retold(Request("set a timer", now=6.0), vocabulary)[-1] == NUMBER["<idle>"]


def test_what_is_long_past_is_left_out(vocabulary) -> None:
    old = (Utterance("user", "hello there", 1.0, 2.0),)
    assert retold(Request("now", history=old, now=4.0 + 2 * HORIZON), vocabulary) == retold(
        Request("now", now=4.0 + 2 * HORIZON), vocabulary
    )


_UTTERANCES = st.lists(
    st.builds(
        lambda party, text, start, length: Utterance(party, text, start, start + length),
        st.sampled_from(["user", "assistant", "guest"]),
        st.text("ab .", max_size=12),
        st.floats(-50, 50),
        st.floats(0, 20),
    ),
    max_size=8,
)


@given(_UTTERANCES, st.text("ab c", max_size=30), st.floats(0, 60))
def test_any_history_is_told_in_bounded_room(vocabulary, history, text, now) -> None:
    tokens = retold(Request(text, history=tuple(history), now=now), vocabulary)
    assert tokens[0] == BEGIN and len(tokens) < 1200

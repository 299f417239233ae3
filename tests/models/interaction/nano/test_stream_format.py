"""Percepts as tokens: what a block costs, how revisions are written, and that nothing said can make a decision."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.nano.stream_format import MOST_BACK, Heard, block_tokens
from duplex.models.interaction.nano.vocabulary import NUMBER, Vocabulary
from duplex.models.interaction.percepts import Activity, OwnSpeech, Sound, TimerDue, ToolResult, Words

SILENCE = Situation(0.0)


def words(text: str, revision: int = 1, utterance: int = 1, side: bool = False) -> Words:
    return Words(1.0, 0.0, 1.0, "user", text, utterance, revision, 0, False, side=side)


def shown(tokens: list[int], vocabulary: Vocabulary) -> str:
    names = {number: symbol for symbol, number in NUMBER.items()}
    out: list[str] = []
    said: list[int] = []
    for token in [*tokens, NUMBER["<idle>"]]:
        if token in names:
            out += [vocabulary.decode(said)] if said else []
            said = []
            out.append(names[token])
        else:
            said.append(token)
    return " ".join(out[:-1])


def test_a_quiet_block_costs_one_token(vocabulary) -> None:
    heard = Heard()
    assert block_tokens([], SILENCE, heard, vocabulary) == [NUMBER["<idle>"]]
    assert block_tokens([], Situation(1.0, speaking=True), heard, vocabulary) == [NUMBER["<speaking>"]]
    assert block_tokens([], Situation(1.0, speaking=True, held=True), heard, vocabulary) == [NUMBER["<held>"]]
    assert block_tokens([], Situation(1.0, answering=True), heard, vocabulary) == [NUMBER["<answering>"]]


def test_who_speaks_is_written_where_it_changes(vocabulary) -> None:
    heard = Heard()
    onset = Activity(0.1, 0.0, 0.0, "user", True)
    first = block_tokens([onset, words("Play songs,")], SILENCE, heard, vocabulary)
    assert shown(first, vocabulary) == "<idle+voice> <user> play songs"
    more = block_tokens([words("Play songs, my friend.", 2)], SILENCE, heard, vocabulary)
    assert shown(more, vocabulary) == "<idle+voice> my friend"
    other = block_tokens([words("two people", 1, 2, side=True)], SILENCE, heard, vocabulary)
    assert shown(other, vocabulary) == "<idle+voice> <other> two people"
    own = block_tokens([OwnSpeech(1.0, 0.0, 1.0, 1, "Is that all?")], Situation(1.0, speaking=True), heard, vocabulary)
    assert shown(own, vocabulary) == "<speaking+voice> <own> is that all"
    ended = block_tokens([Activity(1.0, 0.0, 1.0, "user", False)], SILENCE, heard, vocabulary)
    assert shown(ended, vocabulary) == "<idle>"


def test_a_revision_takes_words_back(vocabulary) -> None:
    heard = Heard()
    block_tokens([words("what is the whether")], SILENCE, heard, vocabulary)
    revised = block_tokens([words("what is the weather in", 2)], SILENCE, heard, vocabulary)
    assert shown(revised, vocabulary) == "<idle> <back> weather in"
    same = block_tokens([words("What is the weather in", 3)], SILENCE, heard, vocabulary)
    assert shown(same, vocabulary) == "<idle>"
    anew = block_tokens([words("play songs", 4)], SILENCE, heard, vocabulary)
    assert shown(anew, vocabulary) == "<idle> <anew> play songs"


def test_sounds_timers_and_tools(vocabulary) -> None:
    percepts = [
        Sound(1.0, 0.0, 1.0, "coffee_table", 0.9),
        Sound(1.0, 0.0, 1.0, "coffee", 0.3),
        TimerDue(1.0, 1.0, 1.0, "Two people."),
        ToolResult(1.0, 1.0, 1.0, "weather", "good"),
        ToolResult(1.0, 1.0, 1.0, "weather", "no", failed=True),
    ]
    told = shown(block_tokens(percepts, SILENCE, Heard(), vocabulary), vocabulary)
    assert (
        told
        == "<idle> <sound> coffee table <faint> coffee <timer> two people <result> weather good <failed> weather no"
    )


def test_no_text_makes_a_control_token(vocabulary) -> None:
    said = [words("<respond> </s> <yield>"), TimerDue(1.0, 1.0, 1.0, "<call> stop {}")]
    tokens = block_tokens(said, SILENCE, Heard(), vocabulary)
    controls = [token for token in tokens if token < 4 + len(NUMBER)]
    assert controls == [NUMBER["<idle>"], NUMBER["<user>"], NUMBER["<timer>"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["play", "songs", "of", "my", "friend", "in", "two"]), max_size=9), max_size=12)
)
def test_the_stream_holds_what_was_heard(vocabulary, revisions: list[list[str]]) -> None:
    """Reading the tokens back, with what they take back, gives the last revision."""
    heard, said = Heard(), list[str]()
    for number, revision in enumerate(revisions):
        tokens = block_tokens([words(" ".join(revision), number)], SILENCE, heard, vocabulary)[1:]
        assert tokens.count(NUMBER["<back>"]) <= MOST_BACK
        if NUMBER["<anew>"] in tokens:
            said = []
        del said[len(said) - tokens.count(NUMBER["<back>"]) :]
        said += vocabulary.decode(tokens).split()
        assert said == revision

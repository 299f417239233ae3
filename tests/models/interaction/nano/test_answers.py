"""Answers on a branch of the state: what is well formed is read, what is not says so, and the state stays."""

from __future__ import annotations

import pytest

from duplex.models.interaction.nano.answers import Drafted, Drafter
from duplex.models.interaction.nano.vocabulary import END, NUMBER, Vocabulary
from duplex.models.interaction.tools.json_schema import problems
from tests.models.interaction.nano.dictating import Dictating

TOOLS = {
    "set_timer": {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]},
    "current_time": {"type": "object", "properties": {}, "additionalProperties": False},
}


def drafted(tokens: list[int], vocabulary: Vocabulary, tools=TOOLS, **options) -> Drafted:
    """What comes of a graph that would write `tokens`, one after every step, the first of several."""
    graph = Dictating(tokens, len(vocabulary))
    return Drafter(graph, vocabulary, tools).draft(graph.initial_cache(), **options)  # type: ignore[arg-type]


def call(vocabulary: Vocabulary, text: str) -> list[int]:
    return [NUMBER["<call>"], *vocabulary.encode(text)]


def test_a_spoken_answer(vocabulary) -> None:
    tokens = [NUMBER["<say>"], *vocabulary.encode("Is that all?"), END]
    assert drafted(tokens, vocabulary).text == "Is that all?"


def test_calls_of_tools(vocabulary) -> None:
    tokens = [*call(vocabulary, 'set_timer {"seconds":"ninety seconds"}'), *call(vocabulary, "current_time {}"), END]
    assert drafted(tokens, vocabulary).calls == (("set_timer", {"seconds": 90}), ("current_time", {}))


@pytest.mark.parametrize("text", ["set_timer", 'set_timer {"seconds":', "set_timer [1]", "set_time {} {}", "", "x {}"])
def test_a_call_is_held_to_the_tools_and_their_schemas(vocabulary, text: str) -> None:
    found = drafted([*call(vocabulary, text), END], vocabulary)
    assert not found.complete or all(
        name in TOOLS and not [*problems(given, TOOLS[name])] for name, given in found.calls
    )


def test_without_tools_there_is_no_call(vocabulary) -> None:
    assert not drafted(call(vocabulary, "current_time {}"), vocabulary, {}, longest=20).calls


def test_the_score_is_the_chance_of_the_tool(vocabulary) -> None:
    sure = drafted([*call(vocabulary, "current_time {}"), END], vocabulary)
    assert 0 < sure.score < 1


def test_an_answer_without_an_end(vocabulary) -> None:
    tokens = [NUMBER["<say>"], vocabulary.encode("all")[-1]]
    assert not drafted(tokens, vocabulary, longest=20).complete


def test_an_empty_answer(vocabulary) -> None:
    assert not drafted([NUMBER["<say>"], END], vocabulary).complete

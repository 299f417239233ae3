"""Spans of time are written in the words of the turn, and read as the seconds that they are."""

from __future__ import annotations

import pytest

from duplex.models.interaction.nano.spoken_arguments import as_called, as_written, spoken_schema


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("set a timer for half an hour please", 1800, "half an hour"),
        ("a timer for one minute and ten seconds", 70, "one minute and ten seconds"),
        ("the same again", 5400, "one hour and 30 minutes"),
    ],
)
def test_there_and_back(text, seconds, words) -> None:
    written = as_written({"seconds": seconds, "label": "tea"}, text)
    assert written == {"seconds": words, "label": "tea"}
    assert as_called(written) == {"seconds": float(seconds), "label": "tea"}


def test_what_is_no_span_of_time_is_refused() -> None:
    assert as_called({"seconds": "the blue one"}) is None
    assert as_called({"at": "five pm"}) == {"at": "five pm"}
    assert as_written({"seconds": None}, "whatever") == {"seconds": None}


def test_the_schema_takes_words() -> None:
    schema = {"type": "object", "properties": {"seconds": {"type": "number"}, "n": {"type": "number"}}}
    assert spoken_schema(schema)["properties"] == {"seconds": {"type": "string"}, "n": {"type": "number"}}

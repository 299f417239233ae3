"""Constrained decoding: whatever a model would say, what comes out parses and fits the schema."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.interaction.tools import json_prefix
from duplex.models.interaction.tools.builtin import BUILTIN
from duplex.models.interaction.tools.call_decoder import CallDecoder
from duplex.models.interaction.tools.token_mask import Vocabulary

SCHEMAS: list[dict[str, Any]] = [
    *(dict(tool.parameters) for tool in BUILTIN.values()),
    {"type": "integer", "minimum": 3, "maximum": 12},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    {"type": "string", "minLength": 2, "maxLength": 40},
    {"type": ["string", "null"]},
    {"enum": ["ä", 1, None, {"a": [1]}]},
    {"type": "object", "additionalProperties": {"type": "number"}},
    {"type": "object", "properties": {"a": {}, "b": {"anyOf": [{"type": "number"}, {"type": "null"}]}}},
    {},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 20) | st.text(max_size=5) | st.sampled_from([0.5, -1.25, "ä\n", 1e9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=2),
    max_leaves=4,
)


def pieces() -> list[bytes | None]:
    """A vocabulary with every byte, and longer tokens such as real ones have."""
    longer = ['{"', '":', '", "', '"}', '"]', "true", "null", " a", "name", "12", '{"a":', "}}", '\\"', "ä", "seconds"]
    return [None, *(bytes([byte]) for byte in range(256)), *(text.encode() for text in longer)]


VOCABULARY = Vocabulary(pieces())


def sampled(schema: dict[str, Any], rng: random.Random, closing: float = 0.2) -> bytes:
    """A text of random tokens; closing: how often a token with a quote or a bracket is preferred, so that it ends."""
    states, text = json_prefix.start(schema), b""
    for _ in range(3000):
        if json_prefix.only_complete(states) or (json_prefix.complete(states) and rng.random() < 0.3):
            return text
        tokens = np.flatnonzero(VOCABULARY.allowed(states))
        assert len(tokens), text
        ending = [token for token in tokens if set(VOCABULARY.tokens[token]) & set(b'"]}')]
        token = rng.choice(ending if ending and rng.random() < closing else list(tokens))
        text += VOCABULARY.tokens[token]
        states = json_prefix.accepted(states, VOCABULARY.tokens[token])
        assert states, text
    raise AssertionError(f"it never ends: {text[-200:]!r}")


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
def test_any_sampled_text_parses_and_fits(schema: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    for seed in range(4):
        text = sampled(schema, random.Random(seed)).decode()
        assert validator.is_valid(json.loads(text)), text


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SCHEMAS), VALUES)
def test_what_does_not_fit_is_never_complete(schema: dict[str, Any], value: Any) -> None:
    states = json_prefix.accepted(json_prefix.start(schema), json.dumps(value, ensure_ascii=False).encode())
    if states and json_prefix.complete(states):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (dict(BUILTIN["set_timer"].parameters), '{"seconds": 300, "label": "egg"}'),
        (dict(BUILTIN["set_timer"].parameters), '{"seconds":300.5}'),
        (dict(BUILTIN["add_to_list"].parameters), '{"items": ["milk", "Käse"], "name": ""}'),
        (dict(BUILTIN["set_reminder"].parameters), '{"task": "to go", "seconds": null, "at": "5 pm"}'),
        (dict(BUILTIN["list_timers"].parameters), "{}"),
        ({}, '{"a": [1, {"b": null}], "c": -0.5}'),
        ({"type": "number"}, "-12.5"),
    ],
)
def test_what_models_write_is_accepted(schema: dict[str, Any], text: str) -> None:
    assert json_prefix.complete(json_prefix.accepted(json_prefix.start(schema), text.encode()))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SCHEMAS), st.integers(0, 1000))
def test_the_mask_is_what_the_validator_says_of_each_token(schema: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    text = sampled(schema, rng)
    states = json_prefix.accepted(json_prefix.start(schema), text[: rng.randrange(len(text) + 1)])
    said = [bool(token and json_prefix.accepted(states, token)) for token in VOCABULARY.tokens]
    mask = VOCABULARY.allowed(states)
    assert [*mask] == said


def test_a_completion_that_must_be_a_call_is_one_from_its_first_token() -> None:
    schema = {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}
    tool = {"type": "function", "function": {"name": "light", "description": "", "parameters": schema}}
    for seed in range(4):
        rng, decoder = random.Random(seed), CallDecoder(VOCABULARY, [tool], [], forced=True)
        for _ in range(3000):
            mask = decoder.mask()
            if mask is None:
                break
            tokens = list(np.flatnonzero(mask))
            ending = [token for token in tokens if set(VOCABULARY.tokens[token] or b"") & set(b'"]}')]
            decoder.put(rng.choice(ending if ending and rng.random() < 0.5 else tokens))
        call = json.loads(decoder.call)
        assert call["name"] == "light" and isinstance(call["arguments"]["on"], bool)

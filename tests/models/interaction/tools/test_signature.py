"""Schemas from signatures, arguments back to the function's types, and values against schemas."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import duplex
from duplex.models.interaction.tools.json_schema import BrokenSchema, problems, resolved
from duplex.models.interaction.tools.signature import converted, parameters_of
from duplex.models.interaction.tools.tool import Context, InvalidArguments, Tool
from duplex.streaming.errors import SettingsError


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    """A place."""

    street: str
    number: int = 1


def everything(
    text: str,
    count: int,
    level: float,
    on: bool,
    mode: Literal["fast", "slow"],
    color: Color,
    names: list[str],
    place: Place,
    note: str | None = None,
    tags: tuple[str, ...] = (),
    extra: Annotated[dict[str, int] | None, "numbers by name"] = None,
) -> dict[str, Any]:
    """Do it all.

    And more of that.

    text: what is said
    count: how many
    """
    return dict(locals())


def test_a_signature_becomes_a_schema() -> None:
    schema = parameters_of(everything)
    properties = schema["properties"]
    assert schema["required"] == ["text", "count", "level", "on", "mode", "color", "names", "place"]
    assert properties["text"] == {"type": "string", "description": "what is said"}
    assert properties["count"] == {"type": "integer", "description": "how many"}
    assert properties["mode"] == {"enum": ["fast", "slow"]}
    assert properties["color"] == {"enum": ["red", "blue"]}
    assert properties["names"] == {"type": "array", "items": {"type": "string"}}
    assert properties["place"]["required"] == ["street"]
    assert properties["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert properties["extra"]["description"] == "numbers by name"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_arguments_come_back_in_the_function_s_types() -> None:
    given = {"level": 2, "color": "blue", "place": {"street": "Elm"}, "tags": ["a"], "count": 3.0, "note": None}
    made = converted(everything, given)
    assert made["level"] == 2.0
    assert isinstance(made["level"], float)
    assert made["color"] is Color.BLUE
    assert made["place"] == Place("Elm", 1)
    assert made["tags"] == ("a",)
    assert made["count"] == 3
    assert isinstance(made["count"], int)
    assert made["note"] is None


def test_the_context_is_no_parameter() -> None:
    def inside(context: Context, room: str) -> str:
        return f"{context.request.text} {room}"

    # the annotations of a function made here are text
    made = Tool.of(inside)
    assert list(made.parameters["properties"]) == ["room"]


def test_the_decorator_keeps_the_function_usable() -> None:
    @duplex.tool(name="lamp", destructive=True, time_limit=3)
    def set_light(room: str, on: bool = True) -> str:
        """Switch a light."""
        return f"{room} {on}"

    assert set_light("kitchen") == "kitchen True"
    assert (set_light.name, set_light.description, set_light.destructive) == ("lamp", "Switch a light.", True)
    assert set_light.schema["function"]["parameters"]["required"] == ["room"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: parameters_of(lambda *args: None),
        lambda: parameters_of(takes_bytes),
        lambda: parameters_of(takes_unknown),
    ],
)
def test_what_no_caller_can_give_is_said(wrong: Any) -> None:
    with pytest.raises(SettingsError, match=r"^tool "):
        wrong()


def takes_bytes(data: bytes) -> None: ...


def takes_unknown(data: Nowhere) -> None: ...  # noqa: F821


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "room is missing"),
        ({"room": 3}, "room must be text, not 3"),
        ({"room": "a", "on": "yes"}, 'on must be true or false, not "yes"'),
        ({"room": "a", "level": 1.5}, "level must be a whole number, not 1.5"),
        ({"room": "a", "rom": 1}, "rom is not a parameter; there are room, on, level"),
        ([], "they are no JSON object"),
    ],
)
def test_what_does_not_fit_is_said_with_its_name(arguments: Any, said: str) -> None:
    @duplex.tool
    def set_light(room: str, on: bool = True, level: int = 1) -> None: ...

    with pytest.raises(InvalidArguments, match="set_light") as caught:
        set_light.check(arguments)
    assert said in str(caught.value)


SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 2, "maximum": 5},
    {"type": ["string", "null"], "maxLength": 3},
    {"enum": ["a", 1, None]},
    {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "number"}, "maxItems": 2}]},
    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"], "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
    {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 6) | st.floats(-1, 6) | st.sampled_from(["", "a", "abc", "abcd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SCHEMAS), VALUES)
def test_validity_is_that_of_the_reference_implementation(schema: dict[str, Any], value: Any) -> None:
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (not any(problems(value, schema))) == expected


def test_references_are_followed_and_endless_ones_refused() -> None:
    schema = {"$defs": {"p": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/p", "description": "d"}}}
    assert resolved(schema) == {"properties": {"x": {"type": "string", "description": "d"}}}
    endless = {"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
    for broken in (endless, {"type": "text"}, {"$ref": "#/nowhere"}, {"properties": []}, 3, {"anyOf": []}):
        with pytest.raises(BrokenSchema):
            resolved(broken)

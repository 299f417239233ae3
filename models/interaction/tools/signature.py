"""From a function's signature to the JSON schema of its arguments, and from JSON arguments to the function's own types.

The types: str, int, float, bool, None, Literal, Enum, Optional and other unions, list, tuple[X, ...], dict[str, X], and
dataclasses of these. Descriptions come from the docstring: its first paragraph is the tool's, lines "name: what it is"
are the parameters' (also under "Args:").
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from duplex.models.interaction.tools.json_schema import problems
from duplex.streaming.errors import SettingsError

_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_PARAMETER = re.compile(r"^\s*(?::param\s+)?(\w+)\s*(?:\([^)]*\))?:\s+(.+)$")


def parameters_of(function: Callable[..., Any], given: frozenset[Any] = frozenset()) -> dict[str, Any]:
    """The JSON schema of the function's arguments, an object without other properties.

    given: types of parameters that the caller of a tool does not see. Raises SettingsError for a type that has no
    schema, and for parameters that cannot be named.
    """
    described = descriptions(function)
    properties: dict[str, Any] = {}
    required = []
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints_of(function).get(name, str)
        if kind in given:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise SettingsError(f"tool {function.__name__}: parameter {name} cannot be given by name")
        schema = _schema(kind, f"tool {function.__name__}: parameter {name}")
        if name in described:
            schema = {**schema, "description": described[name]}
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            schema = {**schema, "default": _json(parameter.default)}
        properties[name] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def converted(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Valid JSON arguments as the types that the function asks for."""
    hints = hints_of(function)
    return {name: _value(value, hints.get(name, str)) for name, value in arguments.items()}


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of the parameters. Raises SettingsError for a name that means nothing."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise SettingsError(f"tool {function.__name__}: its annotations cannot be read: {error}") from None


def description_of(function: Callable[..., Any]) -> str:
    """The first paragraph of the docstring, as one line."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """What the docstring says of each parameter."""
    names = set(inspect.signature(function).parameters)
    found = (_PARAMETER.match(line) for line in (inspect.getdoc(function) or "").splitlines())
    return {match[1]: match[2].strip() for match in found if match and match[1] in names}


def _schema(kind: Any, where: str) -> dict[str, Any]:
    if kind is Any or kind is inspect.Parameter.empty:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        told = next((extra for extra in inner[1:] if isinstance(extra, str)), "")
        return {**_schema(inner[0], where), **({"description": told} if told else {})}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(part, where) for part in inner]}
    if kind is list or origin is list:
        return {"type": "array", "items": _schema(inner[0], where) if inner else {}}
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return {"type": "array", "items": _schema(inner[0], where)}
    if kind is dict or (origin is dict and inner[0] is str):
        return {"type": "object", "additionalProperties": _schema(inner[1], where) if inner else True}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return parameters_of(kind)
    name = getattr(kind, "__name__", str(kind))
    raise SettingsError(
        f"{where} has the type {name}, which no caller can give; "
        "use str, int, float, bool, Literal, Enum, list, dict or a dataclass"
    )


def _value(value: Any, kind: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _value(value, inner[0])
    if origin in (typing.Union, types.UnionType):
        return next((_value(value, part) for part in inner if _fits(value, part)), value)
    if kind is float and isinstance(value, int):
        return float(value)
    if kind is int and isinstance(value, float):
        return int(value)
    if origin is list:
        return [_value(item, inner[0]) for item in value]
    if origin is tuple:
        return tuple(_value(item, inner[0]) for item in value)
    if origin is dict:
        return {key: _value(item, inner[1]) for key, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind(**converted(kind, value))
    return value


def _fits(value: Any, kind: Any) -> bool:
    return not any(problems(value, _schema(kind, "")))


def _json(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return list(value) if isinstance(value, tuple) else value

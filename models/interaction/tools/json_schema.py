"""Values checked against a JSON schema, as far as the arguments of tools use it.

Known: type (also a list of types), enum, const, anyOf and oneOf, properties, required, additionalProperties, items,
prefixItems, and the bounds of numbers, texts and arrays (JSON Schema 2020-12). Other keywords are passed over; `$ref`
into the schema's own `$defs` is followed by `resolved`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEEPEST = 16
"""Levels of a schema; a deeper one, or one that contains itself, is refused."""

_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class BrokenSchema(ValueError):
    """The schema itself cannot be used; the message says why."""


def resolved(schema: Any, root: Any = None, depth: int = 0) -> dict[str, Any]:
    """The schema with its references put in, and `allOf` of one part. Raises BrokenSchema."""
    root = schema if root is None else root
    if depth > DEEPEST:
        raise BrokenSchema("the schema is deeper than any arguments, or contains itself")
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise BrokenSchema(f"a schema is an object, not {_short(schema)}")
    if "$ref" in schema:
        return resolved({**_referred(schema["$ref"], root), **_without(schema, "$ref")}, root, depth + 1)
    if isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
        return resolved({**schema["allOf"][0], **_without(schema, "allOf")}, root, depth + 1)
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("$defs", "definitions"):
            continue
        if key == "properties":
            if not isinstance(value, Mapping):
                raise BrokenSchema("properties is not an object")
            made[key] = {str(name): resolved(inner, root, depth + 1) for name, inner in value.items()}
        elif key in ("anyOf", "oneOf", "prefixItems"):
            if not isinstance(value, list) or not value:
                raise BrokenSchema(f"{key} is not a list of schemas")
            made[key] = [resolved(inner, root, depth + 1) for inner in value]
        elif key in ("items", "additionalProperties") and not isinstance(value, bool):
            made[key] = resolved(value, root, depth + 1)
        elif key in ("type", "enum", "required"):
            made[key] = _checked(key, value)
        else:
            made[key] = value
    return made


def problems(value: Any, schema: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """What is wrong with `value`, each in a few words that begin with where: "items[2] is a number, not text"."""
    where = name or "the arguments"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            trials = [list(problems(value, part, name)) for part in schema[key]]
            if all(trials):
                yield from min(trials, key=len)
                return
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} must be {_short(schema['const'])}, not {_short(value)}"
        return
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        yield f"{where} must be one of {', '.join(map(_short, schema['enum']))}, not {_short(value)}"
        return
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where} must be {' or '.join(_NAMES[kind] for kind in kinds)}, not {_short(value)}"
        return
    if isinstance(value, dict):
        yield from _object_problems(value, schema, name)
    elif isinstance(value, list):
        yield from _bound_problems(len(value), schema, "minItems", "maxItems", f"{where} has {len(value)} items,")
        for place, item in enumerate(value):
            inner = schema.get("prefixItems", [])[place : place + 1] or [schema.get("items", {})]
            if isinstance(inner[0], Mapping):
                yield from problems(item, inner[0], f"{where}[{place}]")
    elif isinstance(value, str):
        yield from _bound_problems(len(value), schema, "minLength", "maxLength", f"{where} has {len(value)} letters,")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bound_problems(value, schema, "minimum", "maximum", f"{where} is {value},")
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            yield f"{where} is {value}, must be more than {schema['exclusiveMinimum']}"
        if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
            yield f"{where} is {value}, must be less than {schema['exclusiveMaximum']}"


def _object_problems(value: dict[str, Any], schema: Mapping[str, Any], name: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for needed in schema.get("required", ()):
        if needed not in value:
            yield f"{_inside(name, needed)} is missing"
    others = schema.get("additionalProperties", True)
    for key, inner in value.items():
        if key in properties:
            yield from problems(inner, properties[key], _inside(name, key))
        elif others is False:
            known = f"; there are {', '.join(properties)}" if properties else "; there are none"
            yield f"{_inside(name, key)} is not a parameter{known}"
        elif isinstance(others, Mapping):
            yield from problems(inner, others, _inside(name, key))


def _bound_problems(size: float, schema: Mapping[str, Any], low: str, high: str, said: str) -> Iterator[str]:
    if low in schema and size < schema[low]:
        yield f"{said} must be at least {schema[low]}"
    if high in schema and size > schema[high]:
        yield f"{said} must be at most {schema[high]}"


def _inside(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    types = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return isinstance(value, types[kind])


def _same(value: Any, other: Any) -> bool:
    """Equal, and not only for Python: True is not 1 in JSON."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _checked(key: str, value: Any) -> Any:
    if key == "type":
        kinds = [value] if isinstance(value, str) else value
        if not isinstance(kinds, Sequence) or not all(isinstance(kind, str) and kind in _NAMES for kind in kinds):
            raise BrokenSchema(f"there is no type {_short(value)}")
    elif not isinstance(value, list):
        raise BrokenSchema(f"{key} is not a list")
    return value


def _referred(reference: Any, root: Any) -> Mapping[str, Any]:
    parts = str(reference).split("/")
    if parts[0] != "#":
        raise BrokenSchema(f"the reference {_short(reference)} leads out of the schema")
    found = root
    for part in parts[1:]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise BrokenSchema(f"the reference {_short(reference)} leads nowhere")
    return found


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"

"""`response.create`: what a client wants of one response, and what that is beside the session's configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from duplex.serving.realtime.audio_formats import AudioFormat, parse_format
from duplex.serving.realtime.client_tools import Choice, Definition, chosen, parse_choice, parse_tools
from duplex.serving.realtime.configuration import (
    LONGEST_INSTRUCTIONS,
    OPENAI_VOICES,
    Configuration,
    parse_modalities,
    parse_tokens,
)
from duplex.serving.realtime.items import Item
from duplex.serving.realtime.requested import parse_item, text_of
from duplex.serving.realtime.wire import ClientError, unsupported

MOST_INPUT = 200
"""Items in the input of one response."""

_SILENT = ("prompt", "reasoning", "parallel_tool_calls")
"""Fields that change nothing of what a response is here, as in the session."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """aside: outside the conversation. input: what it answers instead of the conversation. instructions: for it alone;
    besides those of the session, but instead of them outside the conversation. All else: None where it is as the
    session has it."""

    metadata: dict[str, Any] | None = None
    instructions: str = ""
    aside: bool = False
    input: tuple[Item, ...] | None = None
    silent: bool | None = None
    spoken: AudioFormat | None = None
    tools: tuple[Definition, ...] | None = None
    choice: Choice | None = None
    most: int | str | None = None
    unasked: bool = False
    """Whether it is one that nobody has asked for: the user has said nothing for a while."""

    def like(self, made: Configuration) -> bool:
        """Whether it is as the session has it, said or not; but for how it sounds, and how long it may be."""
        same = self.tools in (None, made.tools) and self.choice in (None, made.tool_choice)
        same = same and self.silent in (None, made.silent) and self.instructions in ("", made.instructions)
        return same and not self.aside and self.input is None


@dataclass(frozen=True, slots=True)
class Terms:
    """What one response is like. offered: tools of the client. must: whether it begins with a call of one of them.
    most: tokens at most; "inf": as many as it takes."""

    format: AudioFormat
    voice: str
    silent: bool
    offered: tuple[Definition, ...]
    must: bool
    most: int | str
    metadata: dict[str, Any] | None


def terms(wanted: Wanted, made: Configuration) -> Terms:
    offered, must = chosen(
        made.tools if wanted.tools is None else wanted.tools,
        made.tool_choice if wanted.choice is None else wanted.choice,
    )
    return Terms(
        wanted.spoken or made.spoken,
        made.voice,
        made.silent if wanted.silent is None else wanted.silent,
        offered,
        must,
        made.max_output_tokens if wanted.most is None else wanted.most,
        wanted.metadata,
    )


def parse_response(given: object, made: Configuration, find: Callable[[object], Item]) -> Wanted:
    """made: of the session. find: an item by its id. Raises ClientError."""
    if given is None:
        return Wanted()
    if not isinstance(given, dict):
        raise ClientError("response: must be an object", "invalid_type", "response")
    fields: dict[str, Any] = {}
    for name, value in given.items():
        param = f"response.{name[:100]}"
        if name in _SILENT or value is None:
            continue
        match name:
            case "metadata":
                fields["metadata"] = _metadata(value)
            case "instructions":
                fields["instructions"] = text_of(given, name, LONGEST_INSTRUCTIONS)
            case "conversation":
                if value not in ("auto", "none"):
                    raise ClientError(f"{param}: must be auto or none", "invalid_value", param)
                fields["aside"] = value == "none"
            case "input":
                fields["input"] = _input(value, param, find)
            case "output_modalities":
                fields["silent"] = parse_modalities(value, param)
            case "tools":
                fields["tools"] = parse_tools(value, param)
            case "tool_choice":
                fields["choice"] = parse_choice(value, param)
            case "max_output_tokens":
                fields["most"] = parse_tokens(value, param)
            case "audio":
                fields["spoken"] = _spoken(value, made)
            case _:
                raise ClientError(f"response has no field {name[:100]!r}", "unknown_parameter", param)
    wanted = Wanted(**fields)
    if wanted.input is not None and not wanted.aside:
        why = "the conversation answers what is in it; conversation: none takes an input of its own"
        raise unsupported("response.input in the conversation", "response.input", why)
    choice = made.tool_choice if wanted.choice is None else wanted.choice
    if isinstance(choice, Mapping) and not terms(wanted, made).offered:
        why = f"response.tool_choice: there is no tool named {choice['name']!r}"
        raise ClientError(why, "invalid_value", "response.tool_choice")
    return wanted


def _input(given: object, param: str, find: Callable[[object], Item]) -> tuple[Item, ...]:
    if not isinstance(given, list) or len(given) > MOST_INPUT:
        raise ClientError(f"{param}: must be a list of at most {MOST_INPUT} items", "invalid_value", param)
    return tuple(
        find(each.get("id")) if isinstance(each, dict) and each.get("type") == "item_reference" else parse_item(each)
        for each in given
    )


def _spoken(given: object, made: Configuration) -> AudioFormat | None:
    param = "response.audio"
    output = given.get("output", {}) if isinstance(given, dict) and set(given) <= {"output"} else None
    if not isinstance(output, dict) or set(output) - {"format", "voice"}:
        raise ClientError(f"{param}: may have output, with format and voice", "invalid_value", param)
    voice = output.get("voice")
    if voice not in (None, made.voice) and (voice not in OPENAI_VOICES or made.voice not in OPENAI_VOICES):
        raise unsupported("another voice for one response", f"{param}.output.voice", "update the session's")
    return None if output.get("format") is None else parse_format(output["format"], f"{param}.output.format")


def _metadata(given: object) -> dict[str, Any]:
    if (
        not isinstance(given, dict)
        or len(given) > 16
        or not all(isinstance(value, str) and len(value) <= 512 and len(name) <= 64 for name, value in given.items())
    ):
        raise ClientError("metadata: must be at most 16 short texts", "invalid_value", "response.metadata")
    return given

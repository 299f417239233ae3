"""The configuration of a session: what `session.update` may say, and the Duplex settings that it stands for.

What the server cannot do is an error of the API. What it can leave out without harm (the name of a voice that only
OpenAI has) is taken, and named in `duplex.without_effect` of the session, which other clients ignore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from duplex.serving.realtime.audio_formats import PCM, AudioFormat, parse_format
from duplex.serving.realtime.client_tools import Choice, Definition, chosen, parse_choice, parse_tools
from duplex.serving.realtime.turn_detection import floor_with, parse_detection
from duplex.serving.realtime.wire import ClientError, flag_of, number_of, object_of
from duplex.settings import Settings

MODEL = "duplex"
OPENAI_VOICES = frozenset(["alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"])
LONGEST_INSTRUCTIONS = 32_768
"""Characters."""

TRANSCRIPTION = ("model", "language", "languages", "prompt", "keywords", "delay")
"""Fields of the transcription; all but the first change nothing here."""

THRESHOLD = "audio.input.turn_detection.threshold"
"""As it is named among the fields that change nothing."""

_SILENT = ("include", "model", "prompt", "reasoning", "tracing", "truncation", "parallel_tool_calls")
"""Fields that change nothing of what a conversation is here."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """detection: the API's turn detection with all its fields; None: the client says when a turn ends. transcription:
    None if transcripts are not wanted."""

    kind: str = "realtime"
    instructions: str = ""
    tools: tuple[Definition, ...] = ()
    tool_choice: Choice = "auto"
    voice: str = "alloy"
    speed: float = 1.0
    heard: AudioFormat = PCM
    spoken: AudioFormat = PCM
    transcription: Mapping[str, Any] | None = None
    detection: Mapping[str, Any] | None = field(default_factory=lambda: parse_detection({"type": "server_vad"}))
    silent: bool = False
    """Whether responses are texts alone."""
    max_output_tokens: int | str = "inf"
    without_effect: frozenset[str] = frozenset()
    record: bool = False
    """Whether the client's person agrees to being recorded."""

    @property
    def answers(self) -> bool:
        """Whether a turn that ends is answered unasked."""
        return self.kind == "realtime" and self.detection is not None and bool(self.detection["create_response"])

    @property
    def transcribes(self) -> bool:
        """Whether the client is told what the user says."""
        return self.transcription is not None or self.kind == "transcription"

    @property
    def threshold(self) -> float:
        """Of voice activity."""
        return float((self.detection or {}).get("threshold", 0.5))

    def without(self, name: str) -> Configuration:
        """With this field named among those that change nothing here."""
        return self._without_effect(name, asked=True)

    def updated(self, session: object, voices: Iterable[str] = ()) -> Configuration:
        """With the fields that `session.update` names. voices: of the server. Raises ClientError, and nothing is
        changed."""
        given = object_of(session, "session")
        kind = given.get("type", self.kind)
        if kind not in ("realtime", "transcription"):
            raise ClientError("session.type: must be realtime or transcription", "invalid_value", "session.type")
        made = replace(self, kind=kind)
        known = {**_FIELDS, "audio": lambda made, audio: _audio(made, audio, frozenset(voices))}
        for name, value in given.items():
            if name in ("type", "id", "object", "expires_at"):
                continue
            if name == "duplex":
                made = replace(made, record=_record(value, made.record))
            elif name in _SILENT:
                made = made._without_effect(name, value not in (None, [], MODEL))
            elif name in known:
                made = known[name](made, value)
            else:
                raise ClientError(f"session has no field {name[:100]!r}", "unknown_parameter", f"session.{name[:100]}")
        if isinstance(made.tool_choice, Mapping) and not chosen(made.tools, made.tool_choice)[0]:
            why = f"session.tool_choice: there is no tool named {made.tool_choice['name']!r}"
            raise ClientError(why, "invalid_value", "session.tool_choice")
        return made

    def settings_on(self, base: Settings) -> Settings:
        """The server's settings with what the client has configured."""
        named = "audio.output.voice" not in self.without_effect and self.voice not in OPENAI_VOICES
        return base.with_values(
            assistant=self.answers,
            voice=self.voice if named else base.voice,
            speech_rate=base.speech_rate * self.speed,
            floor=base.floor if self.detection is None else floor_with(base.floor, self.detection),
        )

    def as_dict(self, id: str) -> dict[str, Any]:
        """The session as the API shows it."""
        heard = {
            "format": self.heard.as_dict(),
            "transcription": self.transcription,
            "noise_reduction": None,
            "turn_detection": None if self.detection is None else dict(self.detection),
        }
        extras = {"without_effect": sorted(self.without_effect), "record": self.record}
        if self.kind == "transcription":
            for name in ("create_response", "interrupt_response") if self.detection is not None else ():
                heard["turn_detection"].pop(name)
            return {
                "type": "transcription",
                "object": "realtime.transcription_session",
                "id": id,
                "audio": {"input": heard},
                "duplex": extras,
            }
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": MODEL,
            "output_modalities": modalities(self.silent),
            "instructions": self.instructions,
            "tools": [dict(each) for each in self.tools],
            "tool_choice": self.tool_choice,
            "max_output_tokens": self.max_output_tokens,
            "audio": {
                "input": heard,
                "output": {"format": self.spoken.as_dict(), "voice": self.voice, "speed": self.speed},
            },
            "duplex": extras,
        }

    def _without_effect(self, name: str, asked: bool) -> Configuration:
        names = self.without_effect | {name} if asked else self.without_effect - {name}
        return replace(self, without_effect=names)


def modalities(silent: bool) -> list[str]:
    """As the API has them."""
    return ["text"] if silent else ["audio"]


def parse_modalities(value: object, param: str) -> bool:
    """Whether what is put out is text alone. Raises ClientError."""
    if value not in (["audio"], ["text"]):
        raise ClientError(f'{param}: must be ["audio"], which has a transcript, or ["text"]', "invalid_value", param)
    return value == ["text"]


def _record(extras: object, before: bool) -> bool:
    """The one extra that a client may set; the others it may send back as they were shown."""
    given = object_of(extras, "session.duplex", ("record", "recording", "shed", "without_effect"))
    return flag_of(given["record"], "session.duplex.record") if "record" in given else before


def _instructions(made: Configuration, value: object) -> Configuration:
    if not isinstance(value, str) or len(value) > LONGEST_INSTRUCTIONS:
        raise ClientError(
            f"instructions: must be a text of at most {LONGEST_INSTRUCTIONS} characters",
            "invalid_value",
            "session.instructions",
        )
    return replace(made, instructions=value)


def _modalities(made: Configuration, value: object) -> Configuration:
    return replace(made, silent=parse_modalities(value, "session.output_modalities"))


def _tools(made: Configuration, value: object) -> Configuration:
    return replace(made, tools=parse_tools(value, "session.tools"))


def _tool_choice(made: Configuration, value: object) -> Configuration:
    return replace(made, tool_choice=parse_choice(value, "session.tool_choice"))


def _tokens(made: Configuration, value: object) -> Configuration:
    return replace(made, max_output_tokens=parse_tokens(value, "session.max_output_tokens"))


def parse_tokens(value: object, param: str) -> int | str:
    """Raises ClientError."""
    if value in (None, "inf"):
        return "inf"
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4096:
        raise ClientError(f"{param}: must be a number from 1 to 4096, or inf", "invalid_value", param)
    return value


def _audio(made: Configuration, value: object, voices: frozenset[str]) -> Configuration:
    sides = object_of(value, "session.audio", ("input", "output"))
    for name, given in object_of(sides.get("input"), "session.audio.input").items():
        param = f"session.audio.input.{name[:100]}"
        match name:
            case "format":
                made = made if given is None else replace(made, heard=parse_format(given, param))
            case "transcription":
                made = replace(made, transcription=_transcription(given, param))
                for each in TRANSCRIPTION[1:]:
                    asked = bool((made.transcription or {}).get(each))
                    made = made._without_effect(f"audio.input.transcription.{each}", asked)
            case "noise_reduction":
                made = made._without_effect("audio.input.noise_reduction", given is not None)
            case "turn_detection":
                made = replace(made, detection=parse_detection(given, made.kind))
                made = made._without_effect(THRESHOLD, asked=False)
            case _:
                raise ClientError(f"there is no field {param}", "unknown_parameter", param)
    for name, given in object_of(sides.get("output"), "session.audio.output").items():
        param = f"session.audio.output.{name[:100]}"
        match name:
            case "format":
                made = made if given is None else replace(made, spoken=parse_format(given, param))
            case "voice":
                made = _voice(made, given, voices)
            case "speed":
                made = replace(made, speed=number_of(given, param, 0.25, 1.5))
            case _:
                raise ClientError(f"there is no field {param}", "unknown_parameter", param)
    return made


def _voice(made: Configuration, given: object, voices: frozenset[str]) -> Configuration:
    name = given.get("id") if isinstance(given, dict) else given
    if not isinstance(name, str) or name not in OPENAI_VOICES | voices:
        some = ", ".join(sorted(voices)[:20])
        raise ClientError(
            f"voice: there is none of this name; there are: {some}", "invalid_value", "session.audio.output.voice"
        )
    return replace(made, voice=name)._without_effect("audio.output.voice", name not in voices)


def _transcription(given: object, param: str) -> Mapping[str, Any] | None:
    """What a client names is shown as given, but the server has one recognizer, of the language of its settings."""
    if given is None:
        return None
    asked = object_of(given, param, TRANSCRIPTION)
    texts = [each for value in asked.values() for each in (value if isinstance(value, list) else [value])]
    if len(texts) > 200 or not all(each is None or (isinstance(each, str) and len(each) <= 1000) for each in texts):
        raise ClientError(f"{param}: its fields must be texts", "invalid_type", param)
    return asked


_FIELDS: dict[str, Callable[[Configuration, Any], Configuration]] = {
    "instructions": _instructions,
    "output_modalities": _modalities,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "max_output_tokens": _tokens,
}

"""Settings: a TOML file, then the environment, then flags; the later wins, and every error names its source.

The names are the same everywhere: `floor.pause_short` is `pause_short` in the table `[floor]` of the file,
`DUPLEX_FLOOR_PAUSE_SHORT` in the environment and `--set floor.pause_short=0.5` on the command line.

Long because every setting has its line here, with its help and its bounds.
"""

from __future__ import annotations

import difflib
import math
import os
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from duplex.floor_settings import FloorSettings
from duplex.models.diarization.config import DIARIZERS, LATENCIES
from duplex.models.diarization.kept_voices import named_voices
from duplex.models.interaction.decider import RULES
from duplex.models.language_tags import primary
from duplex.models.restoration.contract import LIVE_ENGINES, LIVE_TASKS
from duplex.models.tts import ENGINES, is_server
from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.named import NamedPolicy

PREFIX = "DUPLEX_"

AUTO = "auto"
"""The value that leaves a choice to the family."""

OFF = "off"

LISTENING = "listening"
"""The value of `thinking` that lets a model think while it listens."""

NOT_SETTINGS = {"DUPLEX_MODELS", "DUPLEX_OFFLINE", "DUPLEX_DATA"}
"""Variables of the models: where they are kept on this machine, whether more may be pulled, what trains them."""

RENAMED = {"recogniser": "recognizer", "synthesiser": "synthesizer"}
"""Earlier names of settings, which still work."""


class RenamedSetting(FutureWarning):
    """A setting is given by a name that it had earlier."""


def setting(default: Any, help: str, **bounds: Any) -> Any:
    """A field with its help; bounds: low, high (inclusive), choices."""
    return field(default=default, metadata={"help": help, **bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a session can be told. Invalid values raise SettingsError."""

    assistant: bool = setting(True, "answer what is said; off: only listen and write down")
    language: str = setting("en", "language of the conversation")
    recognizer: str = setting(
        AUTO,
        "auto: moonshine-tiny for English, else pocketsphinx; moonshine-base, pocketsphinx, faster-whisper:SIZE, "
        "the Hugging Face id or folder of a speech recognizer, or the address of an OpenAI-compatible transcription "
        "server",
    )
    recognizer_model: str = setting("", "model to ask a transcription server for; empty: whisper-1")
    recognizer_policy: str = setting(
        "",
        "what makes a heard word stable; align_att (Whisper class of transformers): it was not heard at the end of the "
        "sound; local_agreement, or empty: passes agree on it",
        choices=("", "local_agreement", "align_att"),
    )
    vad: str = setting(AUTO, "voice activity detector; auto: the best there is", choices=(AUTO, "silero", "webrtc"))
    hotwords: str = setting("", "names and terms that the recognizer is to prefer, as in Duplex,Ann")
    subtitle_words: str = setting(
        "",
        "subtitles that follow the words: karaoke (marks in .vtt, the word underlined in .srt), or each: a cue a word",
        choices=("", "karaoke", "each"),
    )
    written_numbers: bool = setting(
        False, "transcripts have numbers as people write them: $23.50, 1984, May 3; English and German (extra numbers)"
    )
    second_pass: str = setting(
        AUTO,
        "in recordings, moonshine-base goes over what moonshine-tiny heard; auto: if it has been pulled and there is "
        "memory",
        choices=(AUTO, "on", "off"),
    )
    spot_commands: bool = setting(True, 'listen for "stop", "wait", "no" over a reply, beside the recognizer')
    synthesizer: str = setting(
        AUTO,
        f"speech engine: {', '.join(ENGINES)}, auto (piper for a voice of Piper's, else espeak), or the address of an "
        "OpenAI-compatible speech server",
    )
    synthesizer_model: str = setting("", "model to ask a speech server for; empty: tts-1")
    voice: str = setting(
        "",
        "voice of the assistant: one of `duplex doctor --voices`, or a Piper voice (NAME.onnx, or a name of the model "
        "store); empty: the language's own",
    )
    speech_rate: float = setting(1.0, "speed of the assistant's speech", low=0.3, high=3.0)
    speech_volume: float = setting(1.0, "level of the assistant's speech", low=0.0, high=2.0)
    match_level: bool = setting(True, "speak as loudly as the person who is answered, within bounds")
    assistant_name: str = setting("", "what the assistant is called; empty: Duplex")
    system_prompt: str = setting(
        "", "instructions to the language model: its role, manner and persona; empty: speak briefly, in plain sentences"
    )
    memory: str = setting(
        AUTO,
        "file of notes that outlives sessions: what people ask to be remembered, or tell of themselves; auto: the "
        "user's own in `duplex mic` and `duplex chat`, none elsewhere; off",
    )
    llm: str = setting(
        "",
        "address of an OpenAI-compatible server, such as http://127.0.0.1:11434/v1; auto: one that runs here",
    )
    llm_model: str = setting("", "model to ask that server for; empty: the first chat model it offers")
    llm_timeout: float = setting(
        15.0, "seconds to wait for the server's first and each further word", low=0.1, high=600
    )
    model: str = setting(
        "", "local language model that answers: a GGUF file, a folder, a name of the model store, or a Hugging Face id"
    )
    thinking: str = setting(
        OFF, "listening: the local model makes notes for its answer while the user speaks", choices=(OFF, LISTENING)
    )
    decider: str = setting(
        RULES,
        "what decides when to speak: rules; or, before the rules, nano (the bundled mind) or a language model that was "
        "trained to: a folder, a name of the model store, or a Hugging Face id",
    )
    decider_heads: str = setting("", "file of heads that read the decider's hidden states; empty: its control tokens")
    decider_gates: str = setting(
        "", "gates of the decider's model, by importance: token, head, held_reply; empty: one of the first two"
    )
    log_decisions: bool = setting(False, "log the decision on every block, not only those that change something")
    max_reply_tokens: int = setting(400, "tokens of one answer of the language model", low=1, high=100_000)
    context_tokens: int = setting(
        4096, "tokens that the language model sees at once; older history is left out", low=256, high=10_000_000
    )
    temperature: float = setting(
        -1.0,
        "chance in the language model's words, 0 for none; -1: a server's own, and none in a local model",
        low=-1.0,
        high=2.0,
    )
    mcp: str = setting(
        "",
        "MCP servers whose tools the assistant may use: a command with its arguments, or an address, a line each",
    )
    tools: Sequence[Any] = field(default=(), metadata={"help": "the user's own functions", "code_only": True})
    """Functions that the assistant may call, each made a tool by `duplex.tool`; only from Python."""
    restore: str = setting(
        "",
        f"restore the sound, live: {', '.join(LIVE_TASKS)}; empty: off",
        choices=("", *LIVE_TASKS),
    )
    restore_engine: str = setting(
        "auto", "what restores the sound; auto: what measured best for the task", choices=LIVE_ENGINES
    )
    restore_hearing: bool = setting(False, "let activity and recognition hear the restored sound instead of the raw")
    diarize: bool = setting(True, "tell the people on one channel apart")
    diarizer: str = setting(
        AUTO,
        "ls-eend; segmentation: pyannote segmentation and CAM++; auto: segmentation for files, where it can be had, "
        "and live, where its weights are pulled, else ls-eend",
        choices=DIARIZERS,
    )
    diarization_latency: float = setting(
        0.4, "seconds that diarization looks ahead; more is more exact", choices=tuple(LATENCIES)
    )
    max_speakers: int = setting(8, "people told apart on one channel", low=1, high=8)
    speakers: str = setting("", "known voices, as in ann=ann.wav,bob=bob.wav; ann: one that is kept; all")
    user: str = setting("", "the speaker whom the assistant answers; empty: the first known voice, or whoever speaks")
    sounds: str = setting(
        AUTO,
        "tell what is heard besides speech: a dog, rain, an alarm; auto: if a tagger has been trained",
        choices=(AUTO, OFF),
    )
    warn_of_sounds: bool = setting(True, "say unasked that a baby cries, an alarm goes off or glass breaks")
    translate_to: str = setting("", "captions also in this language, such as de; several with commas; empty: none")
    translator: str = setting(
        AUTO,
        "translator; auto: the one for English and German; fretna: the same, at less cost while a sentence is being "
        "said; the Hugging Face id or folder of a translation model, or "
        "the address of an OpenAI-compatible server, MODEL@http://127.0.0.1:11434/v1",
    )
    interpret: str = setting(
        "", "speak what is said in this language, such as de, while the speaker goes on; the assistant is then off"
    )
    interpret_delay: float = setting(
        10.0, "seconds behind the speaker within which a translation is spoken, or left out", low=2.0, high=60.0
    )
    recognizers: str = setting(
        "",
        "recognizers of the other languages that people in a room speak, as in de=faster-whisper:small",
    )
    translation_policy: str = setting(
        "retranslate",
        "how captions in another language go along with the words, with a number behind a colon: retranslate:3 (words "
        "held back), wait-k:3, agreement:2, alignatt:2, streamuni:5",
    )
    wall_time: str = setting("", "the time at the beginning, ISO 8601; empty: a recording's own, or now")
    utterance_gap: float = setting(0.35, "silence after which the recognizer closes an utterance", low=0.1, high=2.0)
    utterance_limit: float = setting(20.0, "longest utterance given to the recognizer at once", low=2.0, high=60.0)
    input_buffer: float = setting(5.0, "audio that may wait to be perceived; the oldest is dropped", low=0.1, high=60.0)
    playback_buffer: float = setting(3.0, "speech made ahead of what is heard", low=0.2, high=60.0)
    workers: int = setting(2, "threads of the inference pool", low=1, high=64)
    floor: FloorSettings = field(default_factory=FloorSettings, metadata={"help": "turn taking, in seconds"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "tools", tuple(self.tools))
        for name, _, spec, owner in _leaves(self):
            _check(name, getattr(owner, spec.name), spec.metadata, "settings")
        try:
            NamedPolicy.parse(self.translation_policy)
        except SettingsError as error:
            raise SettingsError(f"settings: {error}") from None
        if self.wall_time:
            try:
                datetime.fromisoformat(self.wall_time)
            except ValueError:
                raise SettingsError(
                    f"settings: wall_time must be an ISO 8601 time such as 2026-01-31T09:30, not {self.wall_time!r}"
                ) from None
        if self.llm and self.llm != AUTO and not self.llm.startswith(("http://", "https://")):
            raise SettingsError(f"settings: llm must be an http(s) address or auto, not {self.llm!r}")
        if self.synthesizer not in (AUTO, *ENGINES) and not is_server(self.synthesizer):
            known = ", ".join((AUTO, *ENGINES))
            raise SettingsError(
                f"settings: synthesizer must be one of {known}, or an address, not {self.synthesizer!r}"
            )
        if self.llm and self.model:
            raise SettingsError("settings: llm and model are both set; a session has one language model")
        self.other_recognizers  # noqa: B018 (names what is wrong in it)
        if self.interpret:  # the one voice of the session is the interpreter's
            object.__setattr__(self, "assistant", False)
        voices = self.known_voices
        if self.user and voices and self.user not in voices:
            raise SettingsError(f"settings: user {self.user!r} is none of the known voices: {', '.join(voices)}")
        pauses = (self.floor.pause_short, self.floor.pause_medium, self.floor.pause_long)
        if list(pauses) != sorted(pauses):
            raise SettingsError(
                "settings: floor.pause_short ≤ pause_medium ≤ pause_long does not hold: {} {} {}".format(*pauses)
            )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Defaults < the TOML file `path` < environment variables < flags (dotted names; None means not given)."""
        values: dict[str, tuple[Any, str]] = {}
        if path is not None:
            for name, value in _read_toml(Path(path)):
                values[current_name(name, str(path))] = (value, str(path))
        names = {name: kind for name, kind, _, _ in _leaves(cls())}
        by_variable = {PREFIX + name.upper().replace(".", "_"): name for name in names}
        for variable, text in (os.environ if environ is None else environ).items():
            if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
                earlier = variable.removeprefix(PREFIX).lower()
                if earlier in RENAMED:
                    by_variable[variable] = current_name(earlier, f"environment variable {variable}")
                if variable not in by_variable:
                    raise SettingsError(_unknown(variable, by_variable, "environment"))
                values[by_variable[variable]] = (text, f"environment variable {variable}")
        for name, value in (flags or {}).items():
            if value is not None:
                values[current_name(name, "command line")] = (value, "command line")
        return cls()._with(values, names)

    @property
    def known_voices(self) -> dict[str, str]:
        """`speakers` as name to file."""
        given = [named_voices(each, "settings: speakers") for each in self.speakers.split(",") if each.strip()]
        return {name: path for voices in given for name, path in voices.items()}

    @property
    def other_recognizers(self) -> dict[str, str]:
        """`recognizers` as language, by two letters, to recognizer. Raises SettingsError."""
        pairs = [pair.partition("=") for pair in self.recognizers.split(",") if pair.strip()]
        for language, _, name in pairs:
            if not primary(language).isalpha() or not name.strip():
                raise SettingsError(
                    f"settings: recognizers takes LANGUAGE=RECOGNIZER, separated by commas, not {self.recognizers!r}"
                )
        return {primary(language): name.strip() for language, _, name in pairs}

    def with_values(self, **values: Any) -> Settings:
        """A copy with some fields changed, checked like any other."""
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        """Dotted names to values."""
        return {name: getattr(owner, spec.name) for name, _, spec, owner in _leaves(self)}

    def _with(self, values: dict[str, tuple[Any, str]], names: dict[str, type]) -> Settings:
        top: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for name, (value, source) in values.items():
            if name not in names:
                raise SettingsError(_unknown(name, names, source))
            value = _coerce(name, value, names[name], source)
            group, _, leaf = name.rpartition(".")
            spec = next(s for n, _, s, _ in _leaves(self) if n == name)
            _check(name, value, spec.metadata, source)
            if group:
                nested.setdefault(group, {})[leaf] = value
            else:
                top[leaf] = value
        for group, changes in nested.items():
            top[group] = replace(getattr(self, group), **changes)
        try:
            return replace(self, **top)
        except SettingsError as error:  # a combination that cannot be: say where its first part comes from
            text = str(error).removeprefix("settings: ")
            source = next((where for name, (_, where) in values.items() if name in text), "settings")
            raise SettingsError(f"{source}: {text}") from None


def current_name(name: str, source: str) -> str:
    """The name a setting has now; warns, once for each source, about an earlier one."""
    now = RENAMED.get(name, name)
    if now != name:
        warnings.warn(f"{source}: {name} is now called {now}", RenamedSetting, stacklevel=2)
    return now


@cache
def _hints() -> dict[type, dict[str, Any]]:
    """The types of the settings. Working them out takes milliseconds, and calls are made on the event loop."""
    return {kind: get_type_hints(kind) for kind in (Settings, FloorSettings)}


def _leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, type, Any, Any]]:
    """(dotted name, type, dataclass field, the object that has it) of every single setting."""
    hints = _hints()[type(settings)]
    for spec in fields(settings):
        value = getattr(settings, spec.name)
        if spec.metadata.get("code_only"):
            continue
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{spec.name}.")
        else:
            yield prefix + spec.name, hints[spec.name], spec, settings


def describe() -> list[tuple[str, Any, str]]:
    """(name, default, help) of every setting."""
    return [
        (name, getattr(owner, spec.name), spec.metadata.get("help", "")) for name, _, spec, owner in _leaves(Settings())
    ]


def _read_toml(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot read the settings file: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    for key, value in data.items():
        if isinstance(value, dict):
            for leaf, inner in value.items():
                yield f"{key}.{leaf}", inner
        else:
            yield key, value


def _coerce(name: str, value: Any, kind: type, source: str) -> Any:
    wrong = SettingsError(f"{source}: {name} must be {_KINDS[kind]}, not {value!r}")
    if kind is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        raise wrong
    if kind is str:
        if not isinstance(value, str):
            raise wrong
        return value
    if isinstance(value, bool):
        raise wrong
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise wrong from None
    if kind is int and number != float(value):
        raise wrong
    return number


_KINDS = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _check(name: str, value: Any, bounds: Mapping[str, Any], source: str) -> None:
    if isinstance(value, float | int) and not isinstance(value, bool):
        low, high = bounds.get("low", 0.0), bounds.get("high", 3600.0)
        if not math.isfinite(value) or not low <= value <= high:
            raise SettingsError(f"{source}: {name} must lie between {low:g} and {high:g}, not {value:g}")
    choices = bounds.get("choices")
    if choices and value not in choices:
        named = ", ".join(str(choice) for choice in choices if choice != "")
        empty = " or empty" if "" in choices else ""
        raise SettingsError(f"{source}: {name} must be one of {named}{empty}, not {value!r}")


def _unknown(name: str, known: Mapping[str, Any], source: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not name:
        return f"{source}: a setting needs a name before its value"
    return f"{source}: there is no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")

"""Options that several commands share: where settings come from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from duplex.commands.speakers import add_known_voices
from duplex.models.asr.written_numbers import check
from duplex.models.interaction import AUTO, find_model_server
from duplex.settings import Settings, current_name
from duplex.streaming.errors import SettingsError

FLAGS = {
    "language": ("--language", "language of the conversation"),
    "recognizer": (
        "--recognizer",
        "auto (default), moonshine-base, pocketsphinx, faster-whisper:base, a Hugging Face id or folder, or "
        "http://…/v1 of a server",
    ),
    "hotwords": ("--hotwords", "names and terms that the recognizer is to prefer, as in Duplex,Ann"),
    "diarizer": ("--diarizer", "what tells speakers apart: auto (default), ls-eend or segmentation"),
    "synthesizer": (
        "--synthesizer",
        "speech engine: auto (default), espeak, flite, piper, kokoro, or http://…/v1 of a speech server",
    ),
    "voice": ("--voice", "voice: one of `duplex doctor --voices`, or a Piper voice: NAME.onnx, piper-…"),
    "llm": (
        "--llm",
        "answer with an OpenAI-compatible server, such as http://127.0.0.1:11434/v1; auto: find Ollama, llama.cpp, "
        "LM Studio or vLLM on this machine",
    ),
    "llm_model": ("--llm-model", "model to ask that server for"),
    "model": ("--model", "answer with a local language model: a .gguf file, a folder, a store name, a Hugging Face id"),
    "assistant_name": ("--assistant-name", "what the assistant is called (default: Duplex)"),
    "system_prompt": ("--system-prompt", "its role, manner and persona, for the language model; @FILE reads a file"),
    "memory": ("--memory", "file of notes that outlives sessions; off: none (`duplex memory` shows and deletes them)"),
    "restore": ("--restore", "restore the sound, live: auto, enhance, dereverb, codec or bandwidth"),
    "translate_to": ("--translate-to", "captions in this language as well, such as de; several with commas"),
    "translator": (
        "--translator",
        "fretna: English and German at less cost while a sentence is being said; for other pairs the Hugging Face id "
        "or folder of a translation model, or MODEL@http://127.0.0.1:11434/v1, an OpenAI-compatible server",
    ),
    "interpret": ("--interpret", "speak what is said in this language, such as de, and do not answer"),
    "recognizers": (
        "--recognizers",
        "recognizers of other languages that people in a room speak, as in de=faster-whisper:small",
    ),
    "translation_policy": (
        "--translation-policy",
        "when captions are written: retranslate:3 (default: words held back), wait-k:3, agreement:2, alignatt:2, "
        "streamuni:5",
    ),
    "wall_time": ("--wall-time", "the time at the beginning, ISO 8601 (default: the recording's own)"),
}


ASSISTANT = ("assistant_name", "system_prompt", "synthesizer", "voice", "llm", "llm_model", "model", "memory")
"""Of FLAGS, those that say who answers, and how: offered together."""

ALSO = {"recognizer": ("--asr",)}
"""Second names of flags."""

EARLIER = {"recognizer": "--recogniser"}
"""Flags that had another spelling, which still works."""


def add_settings(
    parser: argparse.ArgumentParser, shown: Collection[str] = (*FLAGS, "written_numbers", "assistant")
) -> None:
    """--settings FILE, a flag for each common setting, and --set NAME=VALUE for all others.

    shown: the settings that the command uses; flags of others are accepted and not offered.
    """
    group = parser.add_argument_group("settings", "a TOML file < DUPLEX_… environment variables < these flags")
    group.add_argument("--settings", metavar="FILE", help="read settings from a TOML file")
    who = group
    if set(ASSISTANT) & set(shown):
        who = parser.add_argument_group(
            "assistant",
            "who answers, and how; with --set also speech_rate, speech_volume, max_reply_tokens, context_tokens, "
            "temperature, llm_timeout, thinking",
        )
    parser.set_defaults(answers="llm" in shown, writes_numbers="written_numbers" in shown)
    for name, (flag, help) in FLAGS.items():
        offered = help if name in shown else argparse.SUPPRESS
        (who if name in ASSISTANT else group).add_argument(
            flag, *ALSO.get(name, ()), dest=f"setting_{name}", metavar=name.upper(), help=offered
        )
        if name in EARLIER:
            group.add_argument(EARLIER[name], dest=f"earlier_{name}", help=argparse.SUPPRESS)
    group.add_argument(
        "--written-numbers",
        action="store_true",
        default=None,
        help='transcripts have numbers as people write them: "$23.50", "1984", "May 3" (English, German; extra numbers)'
        if "written_numbers" in shown
        else argparse.SUPPRESS,
    )
    who.add_argument(
        "--mcp",
        dest="mcp",
        action="append",
        metavar="SERVER",
        help='MCP server whose tools the assistant may use: "command args" or http(s)://…; may be given again '
        "(extra mcp)"
        if "llm" in shown
        else argparse.SUPPRESS,
    )
    who.add_argument(
        "--no-assistant",
        dest="no_assistant",
        action="store_true",
        help="only listen and write down" if "assistant" in shown else argparse.SUPPRESS,
    )
    group.add_argument(
        "--set",
        dest="sets",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any setting, such as floor.pause_short=0.4",
    )


def add_people(parser: argparse.ArgumentParser) -> None:
    """--speaker and --user: who is heard on the channel, and who of them is answered."""
    group = parser.add_argument_group("people")
    add_known_voices(group)
    group.add_argument(
        "--user", help="the speaker whom the assistant answers (default: the first known voice, or whoever speaks)"
    )


def with_own_notes(settings: Settings) -> Settings:
    """The settings of a command that one person uses at their own machine, whose notes these are."""
    if settings.memory != AUTO or not settings.assistant:
        return settings
    from duplex.models.interaction.memory.notes import notes_file

    return replace(settings, memory=str(notes_file()))


def load_settings(args: argparse.Namespace) -> Settings:
    """The settings of a command line; `llm = "auto"` has become the server that was found, or none, and that was said.

    Raises SettingsError, and ModelError if written numbers are asked for and cannot be had.
    """
    flags: dict[str, Any] = {name: getattr(args, f"setting_{name}") for name in FLAGS}
    for name, flag in EARLIER.items():
        if getattr(args, f"earlier_{name}") is not None:
            flags[current_name(flag.removeprefix("--"), "command line")] = getattr(args, f"earlier_{name}")
    flags["speakers"] = ",".join(getattr(args, "speakers", ())) or None
    flags["written_numbers"] = args.written_numbers
    flags["mcp"] = "\n".join(args.mcp) if args.mcp else None
    flags["user"] = getattr(args, "user", None)
    if args.no_assistant:
        flags["assistant"] = False
    for pair in args.sets:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"command line: --set takes NAME=VALUE, not {pair!r}")
        flags[name.strip()] = value.strip()
    prompt = flags.get("system_prompt") or ""
    if prompt.startswith("@"):
        flags["system_prompt"] = _text(prompt[1:])
    settings = Settings.load(args.settings, flags=flags)
    if settings.written_numbers and args.writes_numbers:
        check(settings.language)
    return _with_server(settings) if args.answers and settings.assistant and settings.llm == AUTO else settings


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"--system-prompt: {path} cannot be read: {reason}") from None


def _with_server(settings: Settings) -> Settings:
    """The settings with the model server that runs on this machine; says in one line which."""
    found = find_model_server()
    if found is None:
        print(
            "duplex: no model server found on this machine (Ollama, llama.cpp, LM Studio, vLLM); answering without one",
            file=sys.stderr,
        )
        return settings.with_values(llm="")
    model = settings.llm_model or found.model
    print(f"duplex: answering with {model} of {found.kind} at {found.url}", file=sys.stderr)
    return settings.with_values(llm=found.url, llm_model=model)


def add_channels(parser: argparse._ActionsContainer) -> None:
    """--channels."""
    parser.add_argument(
        "--channels",
        default="auto",
        metavar="HOW",
        help="auto: each side of a stereo recording is a party where it carries its own speech, else they are mixed "
        "(default); mix; split: each channel a party; N: that channel alone",
    )

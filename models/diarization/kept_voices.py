"""Voices that a user keeps across sessions: a folder with a recording of each, which belongs to the user."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

from duplex.models.user_data import user_data
from duplex.streaming.errors import SettingsError

ALL = "all"
"""Stands for every kept voice."""

_LONGEST = 60
"""Characters of a name."""
_SUFFIX = ".wav"


def kept_voices() -> dict[str, Path]:
    """Their recordings, 16 kHz, by name, in order of names. Raises OutputError."""
    found = {unquote(path.stem): path for path in user_data("voices").glob(f"*{_SUFFIX}")}
    return dict(sorted(found.items()))


def voice_file(name: str) -> Path:
    """Where the recording of this name lies, or would. Raises SettingsError for a name that cannot be one, and
    OutputError."""
    if not name.isprintable() or not name.strip() or name != name.strip():
        raise SettingsError(f"{name!r} cannot be the name of a voice")
    if name.casefold() == ALL or set("=,") & set(name):
        raise SettingsError(f"a voice cannot be called {name!r}: {ALL} stands for all, and = and , have other uses")
    if len(name) > _LONGEST:
        raise SettingsError(f"the name of a voice has at most {_LONGEST} characters, not {len(name)}")
    return user_data("voices") / f"{quote(name, safe=' ')}{_SUFFIX}"


def named_voices(given: str, source: str) -> dict[str, str]:
    """The known voices that a user asks for, as name to recording, by NAME=FILE, the NAME of a kept voice, or all.

    source: where that was written, which errors name. Raises SettingsError and OutputError.
    """
    name, equals, path = (part.strip() for part in given.partition("="))
    if equals or not name:
        if not (name and path):
            raise SettingsError(f"{source} takes NAME=FILE or the name of a kept voice, not {given.strip()!r}")
        return {name: path}
    kept = {each: str(path) for each, path in kept_voices().items()}
    if name.casefold() == ALL and kept:
        return kept
    if name not in kept:
        which = "voice" if name.casefold() == ALL else f"voice called {name}"
        raise SettingsError(f"{source}: no {which} is kept: `duplex voices add` keeps one; NAME=FILE names a recording")
    return {name: kept[name]}

"""The `transformers` library: imported with its telemetry off, and only in a version that Duplex is tested with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.telemetry import disable_telemetry

OLDEST = (5, 0)
"""The oldest version that is accepted: caches that can be cut back have this interface from there on."""


def check_transformers() -> None:
    """Raises ModelError if transformers or torch is missing, or transformers is too old."""
    disable_telemetry()
    install = "pip install -U 'duplex[models]'"
    try:
        import torch  # noqa: F401
        from transformers import __version__ as version
    except ImportError as error:
        raise ModelError(f"this model needs a package that is not installed ({error}): {install}") from error
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ModelError(f"transformers {version} is too old, {oldest} or later is needed: {install}")


def place_of(name: str, kind: str, example: str, *, files: bool = False) -> Path | str:
    """The folder (with `files`, or the file) that `name` is the path of, else `name` itself as an id on the Hugging
    Face hub.

    Raises ModelError for a path at which there is none. kind, example: of a model, as the error names them.
    """
    path = Path(name).expanduser()
    if path.is_dir() or (files and path.exists()):
        return path
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{name}: no such folder; give a folder with a {kind}, or an id such as {example}")
    return name


@contextmanager
def loading(name: str, place: Path | str, kind: str) -> Iterator[None]:
    """Turns whatever the library raises for a model that it cannot load into a ModelError of one line.

    place: as `place_of` gives it. kind: what the model should be.
    """
    is_folder = isinstance(place, Path) and place.is_dir()
    where = "the folder is incomplete" if is_folder else "it is not in the cache and cannot be downloaded"
    try:
        yield
    except ImportError as error:
        raise ModelError(
            f"{name}: needs a package that is not installed ({first_line(error)}): pip install 'duplex[models]'"
        ) from error
    except OSError as error:
        raise ModelError(f"{name}: {where}: {first_line(error)}") from error
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ModelError(f"{name}: not a {kind} that transformers can load: {first_line(error)}") from error


def on_device(network: Any, name: str, device: str, dtype: Any = None) -> Any:
    """The network in evaluation mode on a device. dtype: None keeps what it was loaded with. Raises ModelError."""
    try:
        return network.to(device=device, dtype=dtype or network.dtype).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{name}: cannot run on {device!r}: {first_line(error)}") from error

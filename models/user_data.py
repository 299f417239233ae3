"""Where what belongs to the user lies: a folder for all that is kept across sessions."""

from __future__ import annotations

import os
from pathlib import Path

from duplex.streaming.errors import OutputError


def user_data(name: str) -> Path:
    """The file or folder `name` in the user's data folder (XDG_DATA_HOME, ~/.local/share), which need not exist.

    Raises OutputError where there is no home folder.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    try:
        return (Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share") / "duplex" / name
    except RuntimeError as error:
        raise OutputError(f"there is no home folder for {name}: set XDG_DATA_HOME") from error

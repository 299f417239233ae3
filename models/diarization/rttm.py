"""Reading RTTM, NIST's format for speaker turns (RT-09 evaluation plan, appendix A)."""

from __future__ import annotations

import math
import os
from pathlib import Path

from duplex.models.diarization.contract import Turn
from duplex.streaming.errors import InputError


def read_rttm(path: str | os.PathLike[str]) -> dict[str, list[Turn]]:
    """The turns of each recording by its name, in order of time. Lines that are no SPEAKER's are passed over.

    Raises InputError if the file cannot be read or a SPEAKER line has no usable times.
    """
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    recordings: dict[str, list[Turn]] = {}
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            name, start, length, speaker = fields[1], float(fields[3]), float(fields[4]), fields[7]
        except (IndexError, ValueError):
            raise InputError(f"{path}: line {number} is no SPEAKER line of RTTM: {line[:80]!r}") from None
        if not (math.isfinite(start) and math.isfinite(length) and length >= 0):
            raise InputError(f"{path}: line {number} has no usable times: {line[:80]!r}")
        recordings.setdefault(name, []).append(Turn(start, start + length, speaker))
    return {name: sorted(turns, key=lambda turn: (turn.start, turn.end)) for name, turns in recordings.items()}

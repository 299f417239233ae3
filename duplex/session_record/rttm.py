"""Speaker turns as RTTM, NIST's format for who spoke when (RT-09 evaluation plan, appendix A)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from duplex.session_record.subtitles import SpeakerTurn, one_line

NONE = "<NA>"


def to_rttm(turns: Iterable[SpeakerTurn], recording: str = "recording") -> str:
    """Overlapping or touching turns of one party become one. Different parties have different names as written
    (`written_names`), and so must recordings that share a file: take the names of those from there too."""
    spoken = sorted(turns, key=lambda turn: turn.start)
    names = written_names(turn.party for turn in spoken)
    merged: list[tuple[int, int, str]] = []
    open_turns: dict[str, tuple[int, int]] = {}
    for turn in spoken:
        start, end = _ms(turn.start), _ms(turn.end)
        if end <= start:
            continue
        last = open_turns.get(turn.party)
        if last is not None and start <= last[1]:
            open_turns[turn.party] = (last[0], max(last[1], end))
            continue
        if last is not None:
            merged.append((*last, turn.party))
        open_turns[turn.party] = (start, end)
    merged += [(*times, party) for party, times in open_turns.items()]
    file = written(recording)
    return "".join(
        f"SPEAKER {file} 1 {start / 1000:.3f} {(end - start) / 1000:.3f} {NONE} {NONE} {names[party]} {NONE} {NONE}\n"
        for start, end, party in sorted(merged)
    )


def written(name: str) -> str:
    """A name as a field of RTTM: without white space, control characters and quotation marks, which readers take for
    something else."""
    plain = "_".join(one_line(name).replace('"', "'").split())
    return "unknown" if plain in ("", NONE) else plain


def written_names(names: Iterable[str]) -> dict[str, str]:
    """How each name is written, no two alike: those that are written as they are first, the others numbered where
    need be."""
    distinct = list(dict.fromkeys(names))
    result = {name: name for name in distinct if written(name) == name}
    taken = set(result)
    for name in distinct:
        if name not in result:
            plain = written(name)
            choices = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
            result[name] = next(choice for choice in choices if choice not in taken)
            taken.add(result[name])
    return result


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000)) if math.isfinite(seconds) else 0

"""Which notes bear on what is said."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.interaction.contract import Note
from duplex.models.interaction.skills.subjects import content
from duplex.models.interaction.skills.words import plain

ALWAYS = 6
"""So many notes are few enough to be given whole, whatever is talked about."""


def relevant(notes: Sequence[Note], text: str, most: int = ALWAYS) -> list[Note]:
    """Those that bear on `text`, best first, the later of two that do as much; all where there are no more than
    `most`."""
    return list(notes) if len(notes) <= most else bearing(notes, text)[:most]


def bearing(notes: Sequence[Note], text: str) -> list[Note]:
    """Those that share words of meaning with `text`, best first. A word counts by how rare it is among the notes."""
    words = [content(plain(note.text).split()) for note in notes]
    wanted = content(plain(text).split())
    counts = {word: sum(word in each for each in words) for word in wanted}
    scored = [
        (sum(1 / counts[word] for word in wanted & each), place) for place, each in enumerate(words) if wanted & each
    ]
    return [notes[place] for _, place in sorted(scored, reverse=True)]

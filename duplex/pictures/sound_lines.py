"""Sounds that are no speech, in the lane of the party on whose channel they were heard."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from duplex.pictures import timeline_style as style
from duplex.pictures.timeline_layout import Lane
from duplex.pictures.typesetting import Typesetter
from duplex.session_record.intervals import Span
from duplex.session_record.log_records import TaggedSound

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_sounds(
    axes: Axes, sounds: Iterable[TaggedSound], lane: Lane, span: Span, typesetter: Typesetter, scale: float
) -> None:
    """A line at the top of the waveform for each sound of the lane, with what it is where there is room.

    span: of the row, in seconds. scale: inches a second.
    """
    y, free = lane.wave + style.WAVE - 0.02, -math.inf
    for sound in sounds:
        if sound.party != lane.party or sound.end <= span.start or sound.start >= span.end:
            continue
        start, end = max(sound.start, span.start), min(sound.end, span.end)
        axes.hlines(y, start, end, color=style.GREY, linewidth=1.4, zorder=2)
        if start < free:
            continue
        axes.text(
            start, y - 0.02, sound.label, va="top", color=style.GREY, fontproperties=typesetter.font,
            parse_math=False, clip_on=True, zorder=4,
        )  # fmt: skip
        free = start + (typesetter.width(sound.label) + 0.1) / scale

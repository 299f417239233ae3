"""Who speaks when, as a picture: the recording's waveform in the colours of its speakers, a lane for each of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from duplex.batch.diarize import Diarization
from duplex.pictures import timeline_style as style
from duplex.pictures.timeline_layout import rows
from duplex.pictures.typesetting import Typesetter
from duplex.pictures.wave_drawing import fill, shown_levels
from duplex.session_record.session_log import Span
from duplex.streaming.errors import ModelError, OutputError

SPEAKERS = (*style.PARTIES, "#D55E00", "#E69F00", *style.MORE[1:])
OVERLAP = "#222222"
"""Of the waveform where several speak."""

ROW_SECONDS = 60.0
LANE = 0.13
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


def draw_speakers(turns: Diarization, path: Path, *, title: str = "", row_seconds: float = ROW_SECONDS) -> None:
    """Draws a PNG. Raises OutputError if it cannot be written, ModelError if matplotlib is missing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a script that the font does not have is drawn as boxes
        try:
            figure = _draw(turns, title, row_seconds)
        except ImportError as error:
            raise ModelError(f"the timeline needs matplotlib ({error}); pip install matplotlib") from None
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            figure.savefig(unfinished, format="png", dpi=figure.dpi, metadata={"Software": None})
            unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _draw(turns: Diarization, title: str, row_seconds: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    duration = max(turns.duration, 1.0)
    spans = rows(duration, row_seconds, [Span(turn.start, turn.end) for turn in turns])
    names = turns.speakers
    row_height = style.WAVE + style.GAP + LANE * len(names) + style.TICKS
    height = style.HEADER + row_height * len(spans) + 0.05
    dpi = style.DPI if len(spans) <= style.LARGE else style.SMALL_DPI
    figure = Figure(figsize=(style.WIDTH, height), dpi=dpi, facecolor="white")
    renderer = FigureCanvasAgg(figure).get_renderer()
    _draw_head(figure, renderer, turns, title)
    scale = (style.WIDTH - style.LEFT - style.RIGHT) / max(span.end - span.start for span in spans)
    top = height - style.HEADER
    small = Typesetter(renderer, style.FONT - 1)
    for span in spans:
        top -= row_height
        width, tall = (span.end - span.start) * scale, row_height - style.TICKS
        place = (style.LEFT / style.WIDTH, (top + style.TICKS) / height, width / style.WIDTH, tall / height)
        axes = figure.add_axes(place)
        axes.set_ylim(0, tall)
        axes.set_xlim(*span)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        _draw_ticks(axes, span, scale, tall)
        _draw_wave(axes, turns, names, span, tall - style.WAVE / 2, int(width * dpi))
        _draw_lanes(axes, turns, names, span, scale, small)
    return figure


def _draw_head(figure: Any, renderer: Any, turns: Diarization, title: str) -> None:
    bold, normal = Typesetter(renderer, style.FONT + 2, "bold"), Typesetter(renderer, style.FONT)
    y = 1 - 0.25 / figure.get_figheight()
    count = len(turns.speakers)
    facts = f"{_clock(turns.duration)}  ·  {count} speaker{'s' * (count != 1)}  ·  {len(turns)} turns"
    x = style.LEFT
    if title:
        figure.text(x / style.WIDTH, y, title, fontproperties=bold.font, color=style.INK, parse_math=False)
        x += bold.width(title) + 0.15
    figure.text(x / style.WIDTH, y, facts, fontproperties=normal.font, color=style.GREY, parse_math=False)


def _draw_ticks(axes: Any, span: Span, scale: float, tall: float) -> None:
    step = next((step for step in _STEPS if step * scale >= 0.7), 3600)
    ticks = np.arange(math.ceil(span.start / step) * step, span.end + 1e-6, step)
    axes.set_xticks(ticks, [_clock(tick) for tick in ticks])
    axes.tick_params(axis="x", length=0, pad=2, labelsize=style.FONT - 1, labelcolor=style.GREY)
    axes.vlines(ticks, 0, tall, color=style.LINE, linewidth=0.6, zorder=0)


def _draw_wave(axes: Any, turns: Diarization, names: Sequence[str], span: Span, middle: float, pixels: int) -> None:
    axes.hlines(middle, *span, color=style.LINE, linewidth=0.6, zorder=1)
    times, outline, body = shown_levels(turns.levels, span.start, span.end, pixels)
    if not len(times):
        return
    speaking = np.zeros((len(names), len(times)), bool)
    for turn in turns:
        if turn.start < span.end and turn.end > span.start:
            speaking[names.index(turn.speaker)] |= (times >= turn.start) & (times < turn.end)
    count = speaking.sum(0)
    parts = [(count == 0, style.NOISE), (count > 1, OVERLAP)]
    parts += [(speaking[number] & (count == 1), _colour(number)) for number in range(len(names))]
    fill(axes, times, outline, body, middle, parts)


def _draw_lanes(
    axes: Any, turns: Diarization, names: Sequence[str], span: Span, scale: float, small: Typesetter
) -> None:
    from matplotlib.patches import Rectangle

    for number, name in enumerate(names):
        low = LANE * (len(names) - 1 - number)
        label = name
        while len(label) > 1 and small.width(label) > style.LEFT - 0.2:
            label = label[:-2] + "…"
        axes.text(
            span.start - 0.12 / scale, low + LANE / 2, label, ha="right", va="center_baseline",
            color=_colour(number), fontproperties=small.font, parse_math=False,
        )  # fmt: skip
        for turn in turns:
            start, end = max(turn.start, span.start), min(turn.end, span.end)
            if turn.speaker == name and start < end:
                axes.add_patch(Rectangle((start, low + 0.015), end - start, LANE - 0.03, fc=_colour(number), lw=0))


def _colour(number: int) -> str:
    return SPEAKERS[number % len(SPEAKERS)]


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"

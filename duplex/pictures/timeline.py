"""A session as a picture: who spoke when, in waveforms, turns and words, and what was decided.

Drawn with matplotlib's objects alone, without its global state, so it may be drawn on any thread.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from duplex.audio_files.waveform import BIN, peaks, peaks_of_file
from duplex.pictures import timeline_style as style
from duplex.pictures.mind_lane import decided_actions, draw_acts, draw_mind
from duplex.pictures.sound_lines import draw_sounds
from duplex.pictures.timeline_layout import Lane, Row, layout, parties_of, speaker_colours, unheard
from duplex.pictures.typesetting import Typesetter
from duplex.pictures.wave_drawing import fill, shown_levels
from duplex.session_record.intervals import Intervals, Timed
from duplex.session_record.session_log import ASSISTANT, SessionLog, Span, read_log
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_SECONDS = 30.0
"""Seconds in a row at most, unless that makes too many rows."""


def draw_timeline(
    source: str | os.PathLike[str] | SessionLog,
    path: str | os.PathLike[str],
    *,
    sounds: Mapping[str, np.ndarray] | None = None,
    row_seconds: float = ROW_SECONDS,
    title: str = "",
) -> None:
    """Draws a recorded session into a PNG file.

    source: the folder of a recording, or a log; then `sounds` may hold the samples, (n,) float32 at 16 kHz, of each
    party and of "assistant". Raises InputError if there is no log, OutputError if the picture cannot be written,
    ModelError if matplotlib is missing.
    """
    if isinstance(source, SessionLog):
        log, levels = source, {party: peaks(np.asarray(sound)) for party, sound in (sounds or {}).items()}
    else:
        folder = Path(source)
        log = read_log(folder / "events.jsonl")
        levels = dict(zip(log.parties, peaks_of_file(folder / "input.wav"), strict=False))
        levels |= dict(zip([ASSISTANT], peaks_of_file(folder / "assistant.wav"), strict=False))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a script that the font does not have is drawn as boxes
        try:
            picture = _Picture(log, levels, row_seconds, title)
        except ImportError as error:
            raise ModelError(f"the timeline needs matplotlib ({error}); pip install matplotlib") from None
        picture.save(Path(path))


class Swatch(NamedTuple):
    """A speaker, or a decision, in the legend."""

    label: str
    colour: str


Entry = tuple[style.Mark | Swatch | None, float, int]
"""(mark, x, line) of an entry of the legend; None stands for the hatched part of a reply."""


class _Picture:
    def __init__(self, log: SessionLog, levels: Mapping[str, np.ndarray], row_seconds: float, title: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._log = log
        self._colours = {party: speaker_colours(log, party) for party in parties_of(log)}
        self._spoken = {party: self._speech(party) for party in (*parties_of(log), ASSISTANT)}
        self._levels = levels
        self._figure = Figure(figsize=(style.WIDTH, 1.0), dpi=style.DPI, facecolor="white")
        renderer = FigureCanvasAgg(self._figure).get_renderer()
        self._type = Typesetter(renderer, style.FONT)
        self._small = Typesetter(renderer, style.FONT - 1)
        self._bold = Typesetter(renderer, style.FONT + 2, "bold")
        duration = max([log.duration, 1.0, *(len(level) * BIN / SAMPLE_RATE for level in levels.values())])
        rows, self._scale = layout(log, duration, row_seconds, self._type)
        self._figure.set_dpi(style.DPI if len(rows) <= style.LARGE else style.SMALL_DPI)
        legend = self._legend()
        head = style.HEADER + style.LEGEND * (1 + max((line for *_, line in legend), default=-1))
        self._height = head + sum(row.height + style.TICKS for row in rows) + 0.05
        self._figure.set_size_inches(style.WIDTH, self._height)
        self._draw_head(title or _length(duration), legend, head)
        bottom = self._height - head
        for row in rows:
            bottom -= row.height + style.TICKS
            self._draw_row(row, bottom + style.TICKS)

    def save(self, path: Path) -> None:
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            self._figure.savefig(unfinished, format="png", dpi=self._figure.dpi, metadata={"Software": None})
            unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None

    def _axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes over a rectangle given in inches; y is in inches too."""
        rectangle = (left / style.WIDTH, bottom / self._height, width / style.WIDTH, height / self._height)
        axes = self._figure.add_axes(rectangle)
        axes.set_ylim(0, height)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        return axes

    # The head: what it was, and what the marks mean.

    def _legend(self) -> list[Entry]:
        kinds = {decision.kind for decision in self._log.decisions}
        entries: list[style.Mark | Swatch | None] = [mark for kind, mark in style.MARKS.items() if kind in kinds]
        if unheard(self._log):
            entries.append(None)
        entries += [Swatch(f"decided: {action}", style.ACTIONS[action]) for action in decided_actions(self._log)]
        entries += [Swatch(name, colour) for found in self._colours.values() for name, colour in found.items()]
        placed, x, line = [], style.LEFT, 0
        for mark in entries:
            length = 0.26 + self._type.width(_label(mark)) + 0.24
            if x + length > style.WIDTH - style.RIGHT and x > style.LEFT:
                x, line = style.LEFT, line + 1
            placed.append((mark, x, line))
            x += length
        return placed

    def _draw_head(self, title: str, legend: Sequence[Entry], height: float) -> None:
        from matplotlib.patches import Rectangle

        axes = self._axes(0, self._height - height, style.WIDTH, height)
        axes.set_xlim(0, style.WIDTH)
        axes.set_xticks([])
        y = height - 0.25
        axes.text(style.LEFT, y, title, fontproperties=self._bold.font, color=style.INK, parse_math=False)
        x = style.LEFT + self._bold.width(title) + 0.15
        axes.text(x, y, _facts(self._log), fontproperties=self._type.font, color=style.GREY, parse_math=False)
        for mark, left, line in legend:
            y = height - style.HEADER - style.LEGEND * line - 0.1
            if mark is None:
                axes.add_patch(Rectangle((left, y - 0.055), 0.2, 0.13, **_hatched()))
            elif isinstance(mark, Swatch):
                axes.add_patch(Rectangle((left, y - 0.025), 0.2, style.BAR, fc=mark.colour, lw=0))
            else:
                self._mark(axes, mark, left + 0.1, y + 0.01)
            axes.text(
                left + 0.26, y, _label(mark), fontproperties=self._type.font, color=style.INK, va="center_baseline",
                parse_math=False,
            )  # fmt: skip

    # A row.

    def _draw_row(self, row: Row, bottom: float) -> None:
        span = row.span
        axes = self._axes(style.LEFT, bottom, (span.end - span.start) * self._scale, row.height)
        axes.set_xlim(*span)
        low, high = row.lanes[-1].bar, row.lanes[0].bar + style.BAR
        step = next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if step * self._scale >= 0.7), 3600)
        ticks = np.arange(math.ceil(span.start / step) * step, span.end + 1e-6, step)
        axes.set_xticks(ticks, [_clock(tick) for tick in ticks])
        axes.tick_params(axis="x", length=0, pad=2, labelsize=style.FONT - 1, labelcolor=style.GREY)
        axes.vlines(ticks, low, high, color=style.LINE, linewidth=0.6, zorder=0)
        for lane in row.lanes:
            self._draw_name(axes, lane, span)
            self._draw_wave(axes, lane, span)
            self._draw_stretches(axes, lane, row)
            draw_sounds(axes, self._log.sounds.values(), lane, span, self._small, self._scale)
        self._draw_unheard(axes, row.lanes[-1], span)
        self._draw_decisions(axes, row, low, high)
        if row.mind is not None:
            draw_mind(axes, self._log, span, row.mind, self._scale)
            draw_acts(axes, self._log.mind_acts, span, row.mind, self._small, self._scale)

    def _draw_name(self, axes: Axes, lane: Lane, span: Span) -> None:
        room = style.LEFT - 0.2
        font = self._type if self._type.width(lane.party) <= room else self._small
        name = lane.party
        while len(name) > 1 and font.width(name) > room:
            name = name[:-2] + "…"
        x = span.start - 0.12 / self._scale
        y = lane.wave + style.WAVE / 2
        axes.text(
            x, y, name, ha="right", va="center_baseline", color=lane.ink, fontproperties=font.font, parse_math=False
        )

    def _draw_wave(self, axes: Axes, lane: Lane, span: Span) -> None:
        middle = lane.wave + style.WAVE / 2
        axes.hlines(middle, *span, color=style.LINE, linewidth=0.6, zorder=1)
        levels = self._levels.get(lane.party)
        if levels is None:
            return
        pixels = int((span.end - span.start) * self._scale * self._figure.dpi)
        times, outline, body = shown_levels(levels, span.start, span.end, pixels)
        parts, nobody = [], np.ones(len(times), bool)
        for colour, spoken in self._spoken[lane.party].items():
            inside = np.zeros(len(times), bool)
            for start, end in spoken.within(span):
                inside |= (times >= start) & (times < end)
            parts.append((inside, colour or lane.colour))
            nobody &= ~inside
        fill(axes, times, outline, body, middle, [(nobody, style.NOISE), *parts])

    def _speech(self, party: str) -> dict[str, Intervals]:
        """The speech that became a turn or a reply, by the colour of its speaker; empty: the lane's."""
        log, spans = self._log, dict[str, list[Timed]]()
        if party == ASSISTANT:
            return {"": Intervals(part for reply in log.replies for part in reply.parts)}
        for turn in log.party_speaker_turns(party):
            spans.setdefault(self._colours[party].get(turn.party, ""), []).append(turn)
        return {colour: Intervals(found) for colour, found in spans.items()}

    def _draw_stretches(self, axes: Axes, lane: Lane, row: Row) -> None:
        from matplotlib.patches import Rectangle

        for stretch in row.stretches[lane.party]:
            start, end, text = stretch.start, stretch.end, stretch.text
            alpha = 0.45 if stretch.faint else 1.0
            colour = stretch.colour or lane.colour
            axes.add_patch(Rectangle((start, lane.bar), end - start, style.BAR, fc=colour, alpha=alpha, lw=0))
            # The words of the parties stand on their bar, the assistant's hang from it.
            first = lane.words
            if lane.party != ASSISTANT and text:
                first += text[-1].line * style.TEXT_LINE
            for run in text:
                x, y = start + run.x / self._scale, first - run.line * style.TEXT_LINE
                alpha = 0.6 if run.faint else 1.0
                axes.text(
                    x, y, run.text, color=run.colour, alpha=alpha, fontproperties=self._type.font, parse_math=False
                )

    def _draw_unheard(self, axes: Axes, lane: Lane, span: Span) -> None:
        from matplotlib.patches import Rectangle

        for start, end in unheard(self._log):
            if span.start <= start < span.end:
                low, length = lane.wave + 0.12 * style.WAVE, min(end, span.end) - start
                axes.add_patch(Rectangle((start, low), length, 0.76 * style.WAVE, **_hatched()))

    def _draw_decisions(self, axes: Axes, row: Row, low: float, high: float) -> None:
        """Each at its time, with a line from the moment it goes back to, and on to the first sample of the reply."""
        y = row.floor + style.FLOOR / 2
        span = row.span
        audible = {reply.epoch: reply.first_audible for reply in self._log.replies}
        times = sorted(decision.at for decision in self._log.decisions if decision.kind in style.MARKS)
        for decision in self._log.decisions:
            mark = style.MARKS.get(decision.kind)
            if mark is None or not span.start <= decision.at < span.end:
                continue
            axes.vlines(decision.at, low, high, color=mark.colour, linewidth=0.8, alpha=0.3, zorder=1)
            since = max(decision.since, span.start)
            axes.hlines(y, since, decision.at, color=mark.colour, linewidth=2.2, alpha=0.45, zorder=3)
            self._mark(axes, mark, decision.at, y)
            heard = audible.get(decision.epoch)
            if decision.kind == "endpoint" and heard is not None and decision.at <= heard < span.end:
                axes.hlines(y, decision.at, heard, color=style.ASSISTANT, linewidth=2.2, zorder=3)
                wait = f"{heard - decision.since:.2f} s"
                x = max(heard + 0.05 / self._scale, decision.at + 0.1 / self._scale)
                after = x + (self._small.width(wait) + 0.1) / self._scale
                if not any(decision.at < at < after for at in times):
                    self._wait(axes, wait, x, y)

    def _wait(self, axes: Axes, wait: str, x: float, y: float) -> None:
        axes.text(x, y, wait, fontproperties=self._small.font, color=style.GREY, va="center_baseline", zorder=4)

    def _mark(self, axes: Axes, mark: style.Mark, x: float, y: float) -> None:
        stroke = mark.shape == "|"
        axes.plot(
            [x], [y], marker=mark.shape, markersize=mark.size, color=mark.colour, zorder=5, clip_on=False,
            markeredgecolor=mark.colour if stroke else "white", markeredgewidth=2.2 if stroke else 0.7,
        )  # fmt: skip


def _label(mark: style.Mark | Swatch | None) -> str:
    return mark.label if mark else "not heard"


def _facts(log: SessionLog) -> str:
    audible = {reply.epoch: reply.first_audible for reply in log.replies}
    answered = [d for d in log.decisions if d.kind == "endpoint" and d.epoch in audible]
    waits = sorted(audible[decision.epoch] - decision.since for decision in answered)
    turns, replies = sum(turn.kind == "turn" for turn in log.turns), len(log.replies)
    facts = [f"{turns} turn{'s' * (turns != 1)}", f"{replies} repl{'y' if replies == 1 else 'ies'}"]
    if log.interruptions:
        facts.append(f"{len(log.interruptions)} interrupted")
    if waits:
        facts.append(f"{waits[(len(waits) - 1) // 2]:.2f} s from end of speech to first sound (median)")
    facts += [f"lost: {name}" for name in dict.fromkeys(str(loss["capability"]) for loss in log.lost)]
    return "  ·  ".join(facts)


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _length(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _hatched() -> dict[str, Any]:
    return {"fc": "#FFF6E0", "ec": style.ASSISTANT, "hatch": "/////", "lw": 0, "alpha": 0.55, "zorder": 1}

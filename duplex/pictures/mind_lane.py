"""The lane of the timeline that shows the mind: what the decider decided and how surely, tools called, memory used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from duplex.pictures import timeline_style as style
from duplex.pictures.typesetting import Typesetter
from duplex.session_record.intervals import Span
from duplex.session_record.session_log import BlockDecision, MindAct, SessionLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def has_mind(log: SessionLog) -> bool:
    """Whether there is anything to show."""
    return bool(log.mind_acts) or any(each.action != "silent" for each in log.block_decisions)


def mind_height(log: SessionLog) -> float:
    """Inches."""
    return style.MIND + (style.ACTS if log.mind_acts else 0.0)


def decided_actions(log: SessionLog) -> list[str]:
    """The actions that were decided, but silence, in the legend's order."""
    found = {each.action for each in log.block_decisions}
    return [action for action in style.ACTIONS if action in found]


def decided_stretches(log: SessionLog) -> Iterator[tuple[Span, BlockDecision]]:
    """Each decision for as long as it held: until the next one, or for a block."""
    decisions = log.block_decisions
    for decision, following in pairwise([*decisions, None]):
        assert decision is not None
        end = decision.at + style.BLOCK if following is None else following.at
        yield Span(decision.at, max(decision.at, end)), decision


def draw_mind(axes: Axes, log: SessionLog, span: Span, bottom: float, scale: float) -> None:
    """bottom: of the lane, in inches; scale: inches a second."""
    from matplotlib.patches import Rectangle

    axes.hlines(bottom, *span, color=style.LINE, linewidth=0.6, zorder=1)
    for stretch, decision in decided_stretches(log):
        colour = style.ACTIONS.get(decision.action)
        start, end = max(stretch.start, span.start), min(stretch.end, span.end)
        if colour is None or start >= end:
            continue
        width = max(end - start, 0.04 / scale)
        axes.add_patch(Rectangle((start, bottom), width, decision.score * style.MIND * 0.8, fc=colour, lw=0, zorder=2))


def draw_acts(
    axes: Axes, acts: Iterable[MindAct], span: Span, bottom: float, typesetter: Typesetter, scale: float
) -> None:
    """Above the decisions, a line as long as a tool took, with its name where there is room; one that failed in red."""
    y, free = bottom + style.MIND, -math.inf
    for act in acts:
        if act.end < span.start or act.start >= span.end:
            continue
        start, end = max(act.start, span.start), min(max(act.end, act.start + 0.06 / scale), span.end)
        colour = style.ACTIONS["yield"] if act.failed else style.GREY
        axes.hlines(y, start, end, color=colour, linewidth=1.4, zorder=2)
        if start < free:
            continue
        axes.text(
            start, y + 0.02, act.what, va="bottom", color=colour, fontproperties=typesetter.font,
            parse_math=False, clip_on=True, zorder=4,
        )  # fmt: skip
        free = start + (typesetter.width(act.what) + 0.1) / scale

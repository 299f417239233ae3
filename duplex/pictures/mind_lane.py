"""The lane of the timeline that shows the mind: what the decider decided, and how surely."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from duplex.pictures import timeline_style as style
from duplex.session_record.intervals import Span
from duplex.session_record.session_log import BlockDecision, SessionLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def has_mind(log: SessionLog) -> bool:
    """Whether there is anything to show."""
    return any(each.action != "silent" for each in log.block_decisions)


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

"""Colours, marks and measures of the timeline. The colours are Okabe and Ito's, told apart by every kind of colour
vision; each decision has a shape of its own as well."""

from __future__ import annotations

from typing import NamedTuple

PARTIES = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9")
MORE = ("#D55E00", "#6A3D9A", "#8C564B")
"""For speakers beyond those."""
ASSISTANT = "#E69F00"
ASSISTANT_INK = "#8A5F00"
INK, GREY, FAINT, LINE = "#222222", "#6B6B6B", "#A8A8A8", "#E3E3E3"
NOISE = "#C4C4C4"
"""Sound that is nobody's speech."""


class Mark(NamedTuple):
    """How a decision is drawn: label of the legend, matplotlib marker, colour, size in points."""

    label: str
    shape: str
    colour: str
    size: float


MARKS = {
    "endpoint": Mark("turn over", "o", "#222222", 7),
    "turn_limit": Mark("turn limit", "s", "#222222", 7),
    "withdraw": Mark("reply withdrawn", "v", "#CC79A7", 8),
    "go_on": Mark("turn goes on", "<", "#CC79A7", 8),
    "suspend": Mark("reply held", "|", "#6B6B6B", 10),
    "barge_in": Mark("barge-in", "X", "#D55E00", 9),
    "backchannel": Mark("backchannel", "D", "#009E73", 7),
    "false_interruption": Mark("false interruption, resumed", ">", "#56B4E9", 8),
    "acknowledge": Mark("assistant's backchannel", "d", "#E69F00", 7),
    "announce": Mark("timer", "*", "#0072B2", 12),
    "typed": Mark("typed", "p", "#222222", 8),
    "nothing_said": Mark("no words", ".", "#A8A8A8", 7),
}
"""In the legend's order."""

ACTIONS = {"respond": "#E69F00", "backchannel": "#009E73", "yield": "#D55E00", "resume": "#56B4E9"}
"""Colours of what the decider decides; silence has none."""
BLOCK = 0.4
"""Seconds of a block, for which the last decision is drawn."""

WIDTH = 13.0
LEFT, RIGHT = 0.95, 0.2
HEADER = 0.42
LEGEND = 0.27
TEXT_LINES, TEXT_LINE, TEXT_WIDTH = 3, 0.165, 5.0
BAR, WAVE, FLOOR, MIND, GAP, TICKS = 0.07, 0.52, 0.42, 0.2, 0.05, 0.33
"""Inches: a turn's bar, a waveform, the lane of decisions, that of the mind, the space between, the axis with the space
below it."""
ACTS = 0.17
"""Inches by which the mind's lane is higher where tools were called or memory was used."""

FONT = 9.0
"""Points."""
DPI, SMALL_DPI, LARGE = 160, 100, 10
"""Pixels an inch, of a picture and of one with more than LARGE rows."""

"""Quality against delay as a picture: a line for each policy through its settings, with and without computing time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from duplex.pictures import timeline_style as style

COLOURS = dict(
    zip(("wait-k", "agreement", "alignatt", "streamuni", "retranslate"), (*style.PARTIES, style.MORE[0]), strict=False)
)
UNITS = {"text": "words", "speech": "ms"}
WHOLE = "wait-k:50"


def draw(points: Sequence[dict[str, Any]], path: Path) -> None:
    """points: those of simultaneous.py. A column for each input, a row for BLEU and one for chrF."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    inputs = list(dict.fromkeys(point["input"] for point in points))
    figure = Figure(figsize=(5.2 * len(inputs), 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(inputs), squeeze=False)
    for column, kind in enumerate(inputs):
        here = [point for point in points if point["input"] == kind]
        for row, metric in enumerate(("BLEU", "chrF")):
            panel = axes[row][column]
            for policy, colour in COLOURS.items():
                line = [p for p in here if p["policy"].partition(":")[0] == policy and p["policy"] != WHOLE]
                heights = [p[metric] for p in line]
                panel.plot([p["LAAL"] for p in line], heights, "o-", color=colour, label=policy, markersize=4)
                panel.plot(
                    [p["LAAL_CA"] for p in line], heights, "o--", color=colour, markersize=4, mfc="white", lw=0.8
                )
            for whole in (p for p in here if p["policy"] == WHOLE):
                panel.axhline(whole[metric], color=style.FAINT, lw=0.8, ls=":", label="whole sentence")
            panel.set_xlabel(f"LAAL, {UNITS[kind]} (dashed: with computing)")
            panel.set_ylabel(metric)
            panel.set_title(f"{kind} input")
            panel.grid(color=style.LINE, lw=0.6)
    axes[0][0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=80, metadata={"Software": None})

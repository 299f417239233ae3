"""What the benchmarks print: quantiles, tables, and the versions that the figures belong to."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np


def quantile(values: Sequence[float], q: float) -> float:
    """q in [0, 1]; NaN of nothing."""
    return float(np.quantile(values, q)) if len(values) else float("nan")


def versions(packages: Iterable[str]) -> str:
    """One line: interpreter, machine and the installed versions of `packages`."""
    parts = [f"Python {platform.python_version()}", f"{platform.machine()}, {os.cpu_count()} CPUs"]
    for package in packages:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} (not installed)")
    return " · ".join(parts)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns aligned, the first to the left; floats with one decimal."""
    cells = [list(header)] + [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in line).rstrip()
        for line in (list(enumerate(zip(row, widths, strict=True))) for row in cells)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

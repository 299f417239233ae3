"""A training in a folder: it goes on where it was interrupted, validates now and then, and writes down what it does."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

LOG = "log.jsonl"


class TrainingRun(ABC):
    """A run in a folder: state.pt and log.jsonl. step, tokens: so far; used: seconds of computing; best: score.

    COUNTERS: attributes that are kept beside what `state` gives.
    """

    COUNTERS: ClassVar[tuple[str, ...]] = ("step", "tokens", "used", "best")

    def __init__(self, out: Path) -> None:
        self.out = out
        self.step, self.tokens, self.used, self.best = 0, 0, 0.0, 0.0

    @property
    def checkpoint(self) -> Path:
        return self.out / "state.pt"

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, beside the counters."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state` gave."""

    def save(self) -> None:
        """Writes the checkpoint."""
        write_state(
            self.checkpoint, {**self.state(), "counters": {name: getattr(self, name) for name in self.COUNTERS}}
        )

    def resume(self) -> None:
        """Goes on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        self.restore(state)
        for name, value in state["counters"].items():
            setattr(self, name, value)

    def loop(
        self,
        advance: Callable[[], Mapping[str, float]],
        validate: Callable[[], None],
        goes_on: Callable[[], bool],
        *,
        every: int,
        check: float,
        save: float,
    ) -> None:
        """Steps as long as it `goes_on`, then validates and saves. advance: one step, gives its losses. every: steps
        between lines of the log; check, save: minutes between validations and between checkpoints."""
        begun, saved, checked = time.monotonic() - self.used, time.monotonic(), time.monotonic()
        losses: defaultdict[str, list[float]] = defaultdict(list)
        while goes_on():
            for name, loss in advance().items():
                losses[name].append(loss)
            now = time.monotonic()
            self.used = now - begun
            if self.step % every == 0:
                self.tell({name: round(sum(each) / len(each), 4) for name, each in losses.items()})
                losses.clear()
            if now - checked >= check * 60:
                validate()
                checked = time.monotonic()
            if now - saved >= save * 60:
                self.save()
                saved = time.monotonic()
        validate()
        self.save()

    def tell(self, losses: Mapping[str, float]) -> None:
        """losses: means since the last time."""
        self.note(**losses)

    def line(self) -> dict[str, Any]:
        """What every line of the log begins with."""
        return {"step": self.step, "minutes": round(self.used / 60, 1), "tokens": self.tokens}

    def note(self, **values: Any) -> None:
        """A line in the log and on the screen."""
        add_line(self.out / LOG, {**self.line(), **values})


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Never half a file."""
    unfinished = path.with_suffix(".tmp")
    torch.save(dict(state), unfinished)
    unfinished.replace(path)


def add_line(path: Path, row: Mapping[str, Any]) -> None:
    """To a log of JSON lines, and to the screen."""
    print(text := json.dumps(row), flush=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(text + "\n")

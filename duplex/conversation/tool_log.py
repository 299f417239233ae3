"""Calls of tools, and uses of memory, as events of the session, on its clock."""

from __future__ import annotations

from collections.abc import Callable

from duplex import events as ev
from duplex.models.interaction.contract import Answerer, CallBegun, CallEnded, MemoryUsed
from duplex.models.interaction.percepts import ToolResult
from duplex.streaming.audio import SAMPLE_RATE

LONGEST = 2000
"""Characters of a result in the log."""


def lost_tools(answerer: Answerer) -> list[str]:
    """One line for each of the answerer's tools, or servers of tools, that could not be had."""
    return list(getattr(getattr(answerer, "toolbox", None), "lost", ()))


class ToolLog:
    """emit: takes the events. now: the sample of the moment. perceived: takes, as a percept, the result of a call whose
    answer had been given up."""

    def __init__(
        self,
        emit: Callable[[ev.Event], None],
        now: Callable[[], int],
        perceived: Callable[[ToolResult], None] = lambda result: None,
    ) -> None:
        self._emit = emit
        self._now = now
        self._perceived = perceived
        self._open: dict[str, tuple[int, int]] = {}
        self._count = 0

    def of_turn(self, turn: int) -> Callable[[CallBegun | CallEnded | MemoryUsed], None]:
        """Takes what is told of what the answer to a turn calls and remembers."""

        def report(told: CallBegun | CallEnded | MemoryUsed) -> None:
            now = self._now()
            if isinstance(told, MemoryUsed):
                self._emit(ev.Remembered(now, now, turn, list(told.kept), list(told.used), list(told.forgotten)))
                return
            if isinstance(told, CallBegun):
                self._count += 1
                self._open[told.call] = self._count, now
                self._emit(ev.ToolCalled(now, now, self._count, turn, told.tool, dict(told.arguments)))
                return
            number, began = self._open.pop(told.call, (0, now))
            text = told.text if len(told.text) <= LONGEST else f"{told.text[:LONGEST]}…"
            self._emit(ev.ToolReturned(began, now, number, told.tool, text, told.failed, told.late))
            if told.late:
                start, end = began / SAMPLE_RATE, now / SAMPLE_RATE
                self._perceived(ToolResult(end, start, end, told.tool, text, told.failed))

        return report

"""Restored sound beside the raw: live, switched at any time, on the session's clock."""

from __future__ import annotations

import numpy as np

from duplex.conversation.hearing.input_framer import InputFramer, MultichannelFrame
from duplex.models.restoration.restorer import Restorer
from duplex.streaming.audio import FRAME


class LiveRestoration:
    """Input frames in, restored frames of the same times out, a constant `latency` (samples) later.

    task, engine: as `duplex.Restorer`'s. Raises SettingsError, ModelError.
    """

    def __init__(self, task: str, parties: int = 1, engine: str = "auto") -> None:
        self._restorer = Restorer(task, engine=engine, channels=parties, block_size=FRAME)
        self.latency = self._restorer.latency
        self._parties = parties
        self._drop = 0
        self.reset(0)

    def reset(self, start: int) -> None:
        """Begin anew with the frame at sample `start` (after the switch was off)."""
        self._restorer.reset()
        self._out = InputFramer(self._parties)
        self._offset = start
        self._drop = self.latency

    def step(self, frame: MultichannelFrame) -> list[MultichannelFrame]:
        """frame: (FRAME, parties). Returns the restored frames that have become complete; none at first."""
        restored = self._restorer.step(frame.samples)
        early = min(self._drop, len(restored))  # a restorer's first `latency` samples are silence
        self._drop -= early
        return [
            MultichannelFrame(self._offset + out.start, np.ascontiguousarray(out.samples), frame.concealed)
            for out in self._out.push(restored[early:])
        ]

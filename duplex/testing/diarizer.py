"""A diarizer that tells the speakers of a script apart, and its engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError
from duplex.testing.fakes import UserScript


@dataclass(frozen=True, slots=True)
class _State:
    heard: int = 0
    given: int = 0
    columns: tuple[int, ...] = ()


class ScriptedDiarizer:
    """Knows the speaker of each sound of a script by its level. latency: seconds; fail_at: frame at which it breaks."""

    name = "scripted"
    any_level = False
    hop = FRAME
    sample_rate = SAMPLE_RATE

    def __init__(self, script: UserScript, latency: float = 0.4, fail_at: int | None = None) -> None:
        self.script = script
        self.latency = round(latency * SAMPLE_RATE)
        self.speakers = list(dict.fromkeys(sound.speaker for sound in script.sounds))
        self.max_speakers = max(1, len(self.speakers))
        self._fail_at = fail_at

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> _State:
        """enrolled: speakers of the script, by name, who get the first columns."""
        known = [name for name, _ in enrolled]
        self.speakers.sort(key=lambda name: known.index(name) if name in known else len(known))
        return _State()

    def step(self, chunk: np.ndarray, state: _State) -> tuple[SpeakerFrames, _State]:
        if state.heard == self._fail_at:
            raise ModelError("the diarizer broke, as the script says")
        sound = self.script.sound_at(float(np.median(np.abs(chunk))))
        column = self.speakers.index(sound.speaker) if sound is not None else -1
        state = replace(state, heard=state.heard + 1, columns=(*state.columns, column))
        ready = max(0, (state.heard * FRAME - self.latency) // FRAME)
        return self._frames(state, ready)

    def flush(self, state: _State) -> SpeakerFrames:
        return self._frames(state, state.heard)[0]

    def _frames(self, state: _State, until: int) -> tuple[SpeakerFrames, _State]:
        count = max(0, until - state.given)
        probabilities = np.full((count, self.max_speakers), 0.02, np.float32)
        for row, column in enumerate(state.columns[:count]):
            if column >= 0:
                probabilities[row, column] = 0.95
        after = replace(state, given=state.given + count, columns=state.columns[count:])
        return SpeakerFrames(state.given * FRAME, probabilities), after

"""Speech restoration as a stage: 256 samples in, 256 samples out, 16 ms later.

The quoted algorithmic latency is 32 ms: one hop to wait for (16 ms) and one that the overlap-add holds back (16 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.phase import ITERATIONS, PhaseReconstruction, PhaseState
from duplex.models.restoration.recorded_phase import RecordedPhase, RecordedPhaseState
from duplex.models.restoration.runtime import STEPS, CallState, LiteRuntime
from duplex.models.restoration.spectrum import compress_frame, expand_frame, next_level, soften_frame, through_mel
from duplex.streaming.errors import InputError, SettingsError
from duplex.streaming.stage import Stage
from duplex.streaming.stft import sqrt_hann

__all__ = ["STEPS", "TASKS", "RestorationStage", "RestorationState"]

WEIGHTS = Path(__file__).with_name("weights")
BEST_STEPS = {"bandwidth": 2}
"""Of the solver, where more than one scores better (CARD.md)."""
LOUDEST = 1e3  # beyond any audio: keeps infinities and garbage finite


@dataclass(frozen=True)
class RestorationState:
    """What the stage remembers; its size never changes.

    Attributes:
        previous: the block before, (256,).
        overlap: windowed second half of the frame before, (256,).
        level: running mean power of the input.
        frames: frames seen; numbers the noise, so that a stream is the same for the same seed.
        calls: the state of each network call.
        phase: of the phase reconstruction, for the tasks that need one.
    """

    previous: np.ndarray
    overlap: np.ndarray
    level: float
    frames: int
    calls: tuple[CallState, ...]
    phase: PhaseState | RecordedPhaseState | None


@lru_cache(maxsize=4)
def _runtime(path: Path) -> LiteRuntime:
    return LiteRuntime(path)


def check_single(batch: int) -> None:
    """Raises SettingsError for more than one stream in a state."""
    if batch != 1:
        raise SettingsError(f"restoration takes one stream per state, not {batch}: make a state for each")


def flushed(stage: Stage[Any, np.ndarray], state: Any) -> np.ndarray:
    """The last `latency` samples of a stage whose latency is a number of hops: steps over silence."""
    parts = []
    for _ in range(stage.latency // stage.hop):
        samples, state = stage.step(np.zeros(stage.hop, np.float32), state)
        parts.append(samples)
    return np.concatenate(parts)


def finite_block(chunk: np.ndarray, hop: int) -> np.ndarray:
    """A block (hop,) as finite float32: not-a-number becomes silence. Raises InputError on another shape."""
    if chunk.shape != (hop,):
        raise InputError(f"restoration was given a block of shape {chunk.shape}: give ({hop},), mono")
    return np.nan_to_num(chunk.astype(np.float32), posinf=LOUDEST, neginf=-LOUDEST).clip(-LOUDEST, LOUDEST)


def frame_noise(seed: int, frame: int, bins: int) -> np.ndarray:
    """Z ~ CN(0, 1) of one frame, (bins, 2) float32; a function of seed and frame number, with no state."""
    return _generator(seed, frame).standard_normal((bins, 2), dtype=np.float32) * np.float32(0.5**0.5)


def start_phases(seed: int, frame: int, bins: int) -> np.ndarray:
    """Random phases of two frames in turns, (2, bins) float32, as `frame_noise` a function of seed and frame number."""
    return _generator(seed, frame).random((2, bins), dtype=np.float32)


def _generator(seed: int, frame: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, frame]))


class RestorationStage:
    """Restores speech live. Obeys `duplex.streaming.stage.Stage` for a batch of one.

    Args:
        task: what is wrong with the input, one of TASKS; "auto" for anything, and several things at once. "phase"
            throws the phase of the input away and rebuilds it, "vocode" goes through 80 mel bands first.
        steps: solver steps, each one network call (for phase and vocode: rounds of iterations): 1, 2 or 4.
            None: what scored best, one of BEST_STEPS or 1.
        device: "cpu"; the network is too small to gain from anything else.
        weights: another ONNX graph of the same class (see runtime.py); None: the bundled one.
        seed: of the noise that the flow starts from. Same seed, same output.
        recorded: "phase" and "vocode" may take seconds (recorded_phase.py); the other tasks are as they are.

    Raises:
        SettingsError: unknown task, device or number of steps.
        ModelError: the weights cannot be read.
    """

    hop = 256
    latency = 256
    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        task: str = "auto",
        steps: int | None = None,
        device: str = "cpu",
        weights: str | Path | None = None,
        seed: int = 0,
        recorded: bool = False,
    ) -> None:
        if device != "cpu":
            raise SettingsError(f"restoration cannot run on {device!r}: the lite network runs on cpu")
        self.task, self.seed = task, seed
        self.steps = BEST_STEPS.get(task, 1) if steps is None else steps
        if task not in TASKS:
            raise SettingsError(f"unknown restoration task {task!r}: choose one of {', '.join(TASKS)}")
        if self.steps not in STEPS:
            raise SettingsError(f"{steps} solver steps are not offered: choose one of {', '.join(map(str, STEPS))}")
        bundled = WEIGHTS / ("vocode.onnx" if task == "vocode" else "lite.onnx")
        self._net = _runtime(Path(weights) if weights else bundled)
        self._conditions: list[np.ndarray] = []
        self._rebuild: PhaseReconstruction | RecordedPhase | None = None
        if task in ("phase", "vocode"):
            rebuild = RecordedPhase if recorded else PhaseReconstruction
            self._rebuild = rebuild(self.hop, ITERATIONS * self.steps)
            self.latency = self.hop * (1 + self._rebuild.latency)
        if task != "phase":
            self._conditions = self._net.conditions(task, 1 if task == "vocode" else self.steps)
        self._window = sqrt_hann(2 * self.hop)

    def initial_state(self, batch: int = 1) -> RestorationState:
        check_single(batch)
        silence = np.zeros(self.hop, np.float32)
        calls = tuple(self._net.initial_state() for _ in self._conditions)
        phase = self._rebuild.initial_state() if self._rebuild else None
        return RestorationState(silence, silence, 0.0, 0, calls, phase)

    def step(self, chunk: np.ndarray, state: RestorationState) -> tuple[np.ndarray, RestorationState]:
        """chunk (256,) float32 -> the 256 samples before it, restored, and the new state. Raises InputError."""
        block = finite_block(chunk, self.hop)
        frame = np.concatenate([state.previous, block]) * self._window
        spectrum = np.fft.rfft(frame, norm="ortho")[:-1].astype(np.complex64)
        if self.task == "vocode":
            spectrum = through_mel(np.abs(spectrum)).astype(np.complex64)
        level, calls = state.level, state.calls
        if calls:
            level = next_level(spectrum, level, state.frames)
            spectrum, calls = self._restore(spectrum, np.float32(level**-0.5), state)
        if self._rebuild and state.phase:
            phases = start_phases(self.seed, state.frames, self.hop)
            out, phase = self._rebuild.step(np.abs(spectrum), phases, state.phase)
            return out, RestorationState(block, state.overlap, level, state.frames + 1, calls, phase)
        frame = np.fft.irfft(np.append(spectrum, 0), norm="ortho").astype(np.float32) * self._window
        new = RestorationState(block, frame[self.hop :], level, state.frames + 1, calls, None)
        return state.overlap + frame[: self.hop], new

    def flush(self, state: RestorationState) -> np.ndarray:
        """The last `latency` samples."""
        return flushed(self, state)

    def _restore(self, spectrum: np.ndarray, gain: np.float32, state: RestorationState):
        """Euler's steps from X0 = Y + sigma Z; each network call has its own past."""
        config = self._net.config
        noisy = compress_frame(spectrum * gain, config.exponent)
        point = noisy + np.float32(config.sigma) * frame_noise(self.seed, state.frames, config.bins)
        calls = []
        for index, (conditions, call) in enumerate(zip(self._conditions, state.calls, strict=True)):
            estimate, call = self._net.step(noisy, point, conditions, call)
            point = point + (estimate - point) / np.float32(len(self._conditions) - index)
            calls.append(call)
        restored = soften_frame(expand_frame(estimate, config.exponent), spectrum * gain, config.generated)
        return restored / gain, tuple(calls)

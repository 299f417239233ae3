"""Stages for these tests, in place of the model, and the factories that name them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.restoration.contract import RestoreOptions

GATE = "DUPLEX_TEST_GATE"
"""The environment variable with the path that `gated` waits for."""


@dataclass(frozen=True)
class Gain:
    """Multiplies by a gain, one hop late."""

    gain: float = 1.0
    hop: int = 256
    latency: int = 256
    sample_rate: int = 16_000

    def initial_state(self, batch: int = 1) -> np.ndarray:
        return np.zeros(self.hop, np.float32)

    def step(self, chunk: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.float32(self.gain) * state, chunk.copy()

    def flush(self, state: np.ndarray) -> np.ndarray:
        return np.float32(self.gain) * state


@dataclass(frozen=True)
class Gated(Gain):
    """Lets one second through, then waits for the gate to open: a long recording, at will."""

    def initial_state(self, batch: int = 1) -> tuple:
        return super().initial_state(), 0

    def step(self, chunk: np.ndarray, state: tuple) -> tuple:
        out, held = super().step(chunk, state[0])
        while state[1] > self.sample_rate and not Path(os.environ[GATE]).exists():
            time.sleep(0.01)
        return out, (held, state[1] + self.hop)

    def flush(self, state: tuple) -> np.ndarray:
        return super().flush(state[0])


@dataclass(frozen=True)
class Fatal(Gain):
    """Ends its process at the first loud sample; below that it does nothing."""

    def step(self, chunk: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if np.abs(chunk).max() > 0.9:
            os._exit(3)
        return super().step(chunk, state)


@dataclass(frozen=True)
class Broken(Gain):
    def step(self, chunk: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise RuntimeError("the network has no answer")


def identity(options: RestoreOptions) -> Gain:
    return Gain()


def half(options: RestoreOptions) -> Gain:
    return Gain(0.5)


def gated(options: RestoreOptions) -> Gated:
    return Gated()


def fatal(options: RestoreOptions) -> Fatal:
    return Fatal()


def broken(options: RestoreOptions) -> Broken:
    return Broken()

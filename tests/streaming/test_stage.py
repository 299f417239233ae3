"""Blocks of any size through a stage of a fixed hop."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming import blocks
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import InputError, StageError
from duplex.streaming.stage import Stage, stream


class Delay:
    """Sixteen samples a step, `latency` late; `short` of them are never returned."""

    hop = 16
    sample_rate = 16_000

    def __init__(self, latency: int, short: int = 0) -> None:
        self.latency = latency
        self.short = short

    def initial_state(self, batch: int = 1) -> np.ndarray:
        return np.zeros(self.latency, np.float32)

    def step(self, chunk: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert chunk.shape == (self.hop,)
        held = np.concatenate([state, chunk])
        return held[: self.hop], held[self.hop :]

    def flush(self, state: np.ndarray) -> np.ndarray:
        return state[: len(state) - self.short]


@given(
    latency=st.integers(0, 70),
    length=st.integers(0, 200),
    cuts=st.lists(st.integers(0, 200), max_size=20),
)
def test_output_is_the_input_at_its_exact_length(latency: int, length: int, cuts: list[int]) -> None:
    blocks = Blocks(Delay(latency))
    signal = np.arange(1, length + 1, dtype=np.float32)
    for _ in range(2):  # a second stream through the same blocks
        outs, given_so_far = [], 0
        for part in np.split(signal, sorted(min(cut, length) for cut in cuts)):
            outs.append(blocks.step(part))
            given_so_far += len(part)
            returned = sum(map(len, outs))
            assert returned == max(0, given_so_far // 16 * 16 - latency)
            assert blocks.pending == given_so_far - returned
        outs.append(blocks.flush())
        np.testing.assert_array_equal(np.concatenate(outs), signal)
        assert blocks.pending == 0


def test_the_block_may_be_a_buffer_that_is_filled_again() -> None:
    blocks, buffer, outs = Blocks(Delay(5)), np.empty(10, np.float32), []
    for value in range(7):
        buffer[:] = value
        outs.append(blocks.step(buffer).copy())
    outs.append(blocks.flush())
    np.testing.assert_array_equal(np.concatenate(outs), np.repeat(np.arange(7), 10))


def test_a_stage_that_returns_too_little_is_named() -> None:
    blocks = Blocks(Delay(20, short=8))
    blocks.step(np.ones(64, np.float32))
    with pytest.raises(StageError, match="Delay ended 8 samples short"):
        blocks.flush()


def test_channels_are_refused() -> None:
    with pytest.raises(InputError, match="one Blocks for each channel"):
        Blocks(Delay(0)).step(np.zeros((16, 2), np.float32))


def test_stream_includes_the_flush() -> None:
    outs = list(stream(Delay(8), np.split(np.arange(32, dtype=np.float32), 2)))
    assert [len(out) for out in outs] == [16, 16, 8]
    np.testing.assert_array_equal(np.concatenate(outs)[8:], np.arange(32))


def test_the_protocol_can_be_asked_for() -> None:
    assert isinstance(Delay(0), Stage)
    assert not isinstance(object(), Stage)


def test_examples() -> None:
    assert doctest.testmod(blocks, extraglobs={"np": np}).failed == 0

"""The mean of several stages: every part on time, whatever the hops are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.restoration.engines.mean import MeanStage, Rehopped
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import StageError


class Delay:
    """Gives out what came `latency` samples before, times `factor`; a latency of some hops."""

    sample_rate = 16_000

    def __init__(self, hop: int, hops: int, factor: float = 1.0) -> None:
        self.hop, self.latency, self.factor = hop, hop * hops, np.float32(factor)

    def initial_state(self, batch: int = 1) -> np.ndarray:
        return np.zeros(self.latency, np.float32)

    def step(self, chunk: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert chunk.shape == (self.hop,)
        held = np.concatenate([state, chunk * self.factor])
        return held[: self.hop], held[self.hop :]

    def flush(self, state: np.ndarray) -> np.ndarray:
        return state


@given(
    hop=st.integers(1, 40), inner=st.integers(1, 40), hops=st.integers(0, 3), more=st.integers(0, 9), seed=st.integers()
)
@settings(max_examples=60, deadline=None)
def test_other_hops_delay_and_change_nothing_else(hop: int, inner: int, hops: int, more: int, seed: int) -> None:
    least = Rehopped(Delay(inner, hops), hop).latency
    stage = Rehopped(Delay(inner, hops), hop, least + more)
    audio = np.random.default_rng(abs(seed)).standard_normal(hop * 12).astype(np.float32)
    state, outs = stage.initial_state(), []
    shapes = (state.heard.shape, state.ready.shape)
    for at in range(0, len(audio), hop):
        out, state = stage.step(audio[at : at + hop], state)
        assert (state.heard.shape, state.ready.shape) == shapes
        outs.append(out)
    expected = np.concatenate([np.zeros(stage.latency, np.float32), audio])[: len(audio)]
    np.testing.assert_array_equal(np.concatenate(outs), expected)


def test_a_latency_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(StageError, match="less than the 240"):
        Rehopped(Delay(160, 1), 80, 239)


def test_parts_of_unlike_hops_add_up_in_step() -> None:
    mean = MeanStage([(Delay(128, 3, 2.0), 0.25), (Delay(256, 1), 0.5)], hop=128)
    assert (mean.hop, mean.latency) == (128, 384)
    audio = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    blocks = Blocks(mean)
    out = np.concatenate([blocks.step(audio), blocks.flush()])
    np.testing.assert_allclose(out, audio, rtol=1e-6)

"""Graphs that are no decoder are refused in a line, whatever they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.asr.moonshine.graph import with_attention
from duplex.models.asr.moonshine.network import DECODER, ENCODER
from duplex.streaming.onnx import onnx_of, session


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="^it"):
        with_attention(content)


def test_an_encoder_is_no_decoder(folder: Path) -> None:
    with pytest.raises(ValueError, match="no branches"):
        with_attention(onnx_of(folder / ENCODER))


def test_the_decoder_is_the_same_besides(folder: Path) -> None:
    rewritten, layers = with_attention(onnx_of(folder / DECODER))
    before, after = session(folder / DECODER, quiet=True), session(rewritten, quiet=True)
    assert [spec.name for spec in after.get_inputs()] == [spec.name for spec in before.get_inputs()]
    names = [spec.name for spec in before.get_outputs()]
    assert [spec.name for spec in after.get_outputs()] == [*names, *(f"attention.{i}" for i in range(layers))]

"""Chunks on the sample clock: contiguous whatever is lost, late or doubled; and samples of any type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from duplex.streaming.audio import AudioChunk, as_float32, to_mono
from duplex.streaming.blocks import Framer
from duplex.streaming.errors import InputError


@given(
    frame=st.integers(1, 50),
    origin=st.integers(0, 1000),
    blocks=st.lists(st.tuples(st.integers(0, 120), st.one_of(st.none(), st.integers(-80, 80))), max_size=25),
)
def test_output_is_contiguous_and_every_sample_is_in_place(
    frame: int, origin: int, blocks: list[tuple[int, int | None]]
) -> None:
    """Sample n of the source is n + 1; a block of (length, shift) begins `shift` samples off what is expected."""
    framer, chunks = Framer(frame, origin), []
    heard = np.zeros(0, bool)
    late = concealed = 0
    for length, shift in blocks:
        at = framer.position
        start = None if shift is None else max(0, at + shift)
        begin = at if start is None else start
        chunks += framer.push(np.arange(begin + 1, begin + length + 1, dtype=np.float32), start)
        gap = max(0, begin - at)
        late += min(length, max(0, at - begin))
        concealed += gap
        heard = np.concatenate([heard, np.zeros(gap, bool), np.ones(max(0, begin + length - at - gap), bool)])
        assert framer.position == origin + len(heard)
    assert (framer.late, framer.concealed) == (late, concealed)
    chunks += framer.flush()
    assert framer.flush() == []
    assert [chunk.start for chunk in chunks] == [origin + index * frame for index in range(len(chunks))]
    assert all(len(chunk.samples) == frame and chunk.end == chunk.start + frame for chunk in chunks)
    audio = np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.zeros(0)
    assert 0 <= len(audio) - len(heard) < frame
    expected = np.where(heard, origin + 1 + np.arange(len(heard)), 0)
    np.testing.assert_array_equal(audio[: len(heard)], expected)
    assert not audio[len(heard) :].any()
    for chunk in chunks:
        part = heard[chunk.start - origin : chunk.end - origin]
        assert chunk.concealed == (not part.all())


def test_a_gap_is_concealed_audio_of_its_length() -> None:
    framer = Framer(10)
    framer.push(np.ones(10, np.float32), 0)
    chunks = framer.push(np.ones(10, np.float32), 25)
    assert [(chunk.start, chunk.concealed) for chunk in chunks] == [(10, True), (20, True)]
    assert framer.concealed == 15
    assert [chunk.concealed for chunk in framer.push(np.ones(15, np.float32))] == [False, False]


def test_an_absurd_gap_is_refused_and_changes_nothing() -> None:
    framer = Framer(10, longest_gap=100)
    framer.push(np.ones(3, np.float32))
    with pytest.raises(InputError, match="jumps 101 samples ahead"):
        framer.push(np.ones(10, np.float32), 104)
    assert (framer.position, framer.concealed) == (3, 0)
    assert len(framer.push(np.ones(10, np.float32), 103)) == 11


def test_the_block_may_be_a_buffer_that_is_filled_again() -> None:
    framer, buffer, chunks = Framer(10), np.empty(20, np.float32), []
    for value in range(3):
        buffer[:] = value
        chunks += framer.push(buffer)
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), np.repeat([0, 1, 2], 20))


def test_chunk_knows_its_end() -> None:
    assert AudioChunk(100, np.zeros(320, np.float32)).end == 420


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_signed_integers_reach_from_minus_one_to_one(dtype: type) -> None:
    info = np.iinfo(dtype)
    out = as_float32(np.array([info.min, 0, info.max], dtype))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [-1.0, 0.0, 1.0], atol=1.0 / 128)
    assert out[0] == -1.0 and out[2] <= 1.0


def test_eight_bit_files_are_unsigned() -> None:
    np.testing.assert_allclose(as_float32(np.array([0, 128, 255], np.uint8)), [-1.0, 0.0, 127 / 128])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_are_clipped_and_cleaned(dtype: type) -> None:
    block = np.array([0.25, -3.0, 3.0, np.nan, np.inf, -np.inf], dtype)
    kept = block.copy()
    np.testing.assert_array_equal(as_float32(block), np.array([0.25, -1, 1, 0, 0, 0], np.float32))
    np.testing.assert_array_equal(block, kept)


@given(arrays(np.float64, st.tuples(st.integers(0, 20), st.integers(1, 3)), elements=st.floats(allow_nan=True)))
def test_anything_float_becomes_finite_and_in_range(block: np.ndarray) -> None:
    out = as_float32(block)
    assert out.shape == block.shape and out.dtype == np.float32
    assert np.isfinite(out).all() and (np.abs(out) <= 1.0).all()


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (np.float32(0.5), "shape"),
        (np.zeros((2, 3, 4), np.float32), "shape"),
        (np.zeros((10, 0), np.float32), "no channel"),
        (np.zeros(10, bool), "not bool"),
        (np.zeros(10, np.uint16), "not uint16"),
        (np.zeros(10, np.complex64), "not complex64"),
        (np.array(["a", "b"]), "not <U1"),
        (np.array([None]), "not object"),
    ],
)
def test_what_is_not_audio_is_refused(block: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        as_float32(block, name="microphone block")
    assert str(caught.value).startswith("microphone block: ")
    assert "\n" not in str(caught.value)


def test_mono_is_the_mean_of_the_channels() -> None:
    stereo = np.array([[0.5, -0.5], [1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(to_mono(stereo), [0.0, 0.5])
    mono = np.ones(4, np.float32)
    assert to_mono(mono) is mono
    assert to_mono(stereo).dtype == np.float32


def test_samples_that_stand_for_something_lost_mark_every_frame_they_reach_into() -> None:
    framer = Framer(frame=10)
    chunks = framer.push(np.ones(15, np.float32))
    chunks += framer.push(np.ones(10, np.float32), concealed=True)
    chunks += framer.push(np.ones(15, np.float32))
    assert [chunk.concealed for chunk in chunks] == [False, True, True, False]
    assert framer.concealed == 0  # no gap: the samples were given

"""DeepFilterNet's features, and its graphs with their state brought out against the graphs as published."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models import store
from duplex.models.restoration.engines.deepfilter_features import band_levels, erb_widths
from duplex.models.restoration.engines.deepfilternet import (
    ARCHIVE,
    HEARD,
    ORDER,
    DeepFilterGraphs,
    DeepFilterStage,
    unpacked,
    vorbis,
)
from duplex.models.restoration.engines.streamed_graph import streamed
from duplex.models.restoration.engines.tuned import WEIGHTS
from duplex.models.restoration.metrics import si_sdr
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import ModelError
from duplex.streaming.onnx import session
from duplex.streaming.resample import resample
from tests.models.restoration.signals import noisy_recording

FRAMES = 40


@pytest.fixture
def folder() -> Path:
    found = store.find("deepfilternet")
    if found is None:
        pytest.skip("deepfilternet is not in the model store")
    return found


@pytest.fixture(params=["published", *WEIGHTS])
def archive(request: pytest.FixtureRequest) -> Path:
    """As published, or trained further and included."""
    if request.param == "published":
        return request.getfixturevalue("folder") / ARCHIVE
    return WEIGHTS[request.param]


@given(st.integers(16, 64), st.integers(1, 4))
def test_bands_cover_all_bins(bands: int, narrowest: int) -> None:
    widths = erb_widths(481, bands, 48_000, narrowest)
    assert widths.sum() == 481 and len(widths) == bands and widths[:-1].min() >= narrowest


def test_the_published_bands() -> None:
    widths = erb_widths(481, 32, 48_000, 2)
    assert widths.tolist()[:8] == [2] * 8 and (np.diff(widths[:-1]) >= -1).all()
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    power = np.ones(481, np.float32)
    np.testing.assert_allclose(band_levels(power, starts, widths), 0, atol=1e-4)
    third = band_levels(power[:161], starts, widths)
    np.testing.assert_allclose(third[starts + widths <= 161], 0, atol=1e-4)
    np.testing.assert_allclose(third[starts >= 161], -100, atol=1e-3)


def test_the_window_adds_up() -> None:
    window = vorbis(960).astype(np.float64)
    np.testing.assert_allclose(window[:480] ** 2 + window[480:] ** 2, 1, atol=1e-6)


def test_frame_by_frame_is_the_graphs_on_the_whole_sequence(archive: Path) -> None:
    random = np.random.default_rng(0)
    bands = random.standard_normal((1, 1, FRAMES, 32)).astype(np.float32)
    bins = random.standard_normal((1, 2, FRAMES, 96)).astype(np.float32)
    whole = {name: session(graph, quiet=True) for name, graph in unpacked(archive).items()}
    names = [each.name for each in whole["enc"].get_outputs()]
    heard = dict(zip(names, whole["enc"].run(None, {"feat_erb": bands, "feat_spec": bins}), strict=True))
    skips = {name: heard[name] for name in ("emb", "e3", "e2", "e1", "e0")}
    expected = {"m": whole["erb_dec"].run(["m"], skips)[0], "c0": heard["c0"]}
    expected["coefs"] = whole["df_dec"].run(["coefs"], {"emb": heard["emb"], "c0": heard["c0"]})[0]

    graphs = DeepFilterGraphs(archive)
    states = graphs.initial_state()
    bands = np.pad(bands, ((0, 0), (0, 0), (HEARD - 1, 0), (0, 0)))
    bins = np.pad(bins, ((0, 0), (0, 0), (HEARD - 1, 0), (0, 0)))
    paths = np.zeros((1, 64, ORDER, 96), np.float32)
    for frame in range(FRAMES):
        span = slice(frame, frame + HEARD)
        parts = {
            "enc": graphs.run("enc", {"feat_erb": bands[:, :, span], "feat_spec": bins[:, :, span]}, states["enc"])
        }
        skips = {name: parts["enc"][name] for name in skips}
        parts["erb_dec"] = graphs.run("erb_dec", skips, states["erb_dec"])
        paths = np.concatenate([paths[:, :, 1:], parts["enc"]["c0"]], axis=2)
        parts["df_dec"] = graphs.run("df_dec", {"emb": parts["enc"]["emb"], "c0": paths}, states["df_dec"])
        states = {name: [out[f"next.{i}"] for i in range(len(states[name]))] for name, out in parts.items()}
        np.testing.assert_allclose(parts["erb_dec"]["m"][0, 0, 0], expected["m"][0, 0, frame], atol=1e-4)
        np.testing.assert_allclose(parts["df_dec"]["coefs"][0, 0], expected["coefs"][0, frame], atol=1e-4)


def test_at_16_khz_it_does_what_it_does_at_48(folder: Path) -> None:
    audio = noisy_recording()[:64_000]
    stage = DeepFilterStage(folder)
    outs = []
    for each, sound in ((stage, audio), (stage.at_rate(48_000), resample(audio, 16_000, 48_000))):
        blocks = Blocks(each)
        outs.append(np.concatenate([blocks.step(sound.astype(np.float32)), blocks.flush()]))
    assert si_sdr(outs[0][8000:], resample(outs[1], 48_000, 16_000)[8000 : len(audio)]) > 20
    assert stage.at_rate(16_000) is stage and stage.at_rate(8000) is stage
    assert stage.at_rate(44_100).sample_rate == 48_000


@pytest.mark.parametrize("model", [b"", b"no graph", b"\x3a\x02\x0a\x00"])
def test_what_has_no_recurrences_is_refused(model: bytes) -> None:
    with pytest.raises(ValueError, match=r"recurrences|ONNX"):
        streamed(model)


def test_an_archive_without_the_graphs(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("")
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as archive:
        archive.add(tmp_path / "config.ini", "tmp/export/config.ini")
    with pytest.raises(ModelError, match="has no df_dec, enc, erb_dec"):
        unpacked(tmp_path / ARCHIVE)

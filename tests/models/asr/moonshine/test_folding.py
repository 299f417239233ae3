"""The folded graphs beside the model: made once, the same words, and never in the way when they cannot be kept."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from duplex.models.asr.moonshine import folding
from duplex.models.asr.moonshine.folding import open_folded
from duplex.models.asr.moonshine.network import DECODER, ENCODER, Network

pytestmark = pytest.mark.slow


@pytest.fixture
def pulled(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in a store of its own."""
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    place = tmp_path / folder.name
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("folded-*"))
    return place


def kept(place: Path) -> list[Path]:
    return sorted(place.glob("*folded-*"))


def tokens(network: Network, samples: np.ndarray) -> list[int]:
    return network.decode(network.encode(samples), len(samples), 40).tokens


def test_graphs_are_folded_once_and_say_the_same(
    pulled: Path, question: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = Network(pulled)
    (made,) = kept(pulled)
    with monkeypatch.context() as context:
        context.setattr(folding, "onnx_of", lambda path: pytest.fail("folded again"))
        again = Network(pulled)
    own = shutil.copytree(pulled, tmp_path / "elsewhere" / "own", ignore=shutil.ignore_patterns("folded-*"))
    in_memory = Network(own)
    assert not kept(own)
    assert tokens(first, question) == tokens(again, question) == tokens(in_memory, question)
    assert made.is_dir()


def test_what_is_out_of_date_or_damaged_is_made_again(pulled: Path, question: np.ndarray) -> None:
    expected = tokens(Network(pulled), question)
    (made,) = kept(pulled)
    old = made.rename(made.with_name("folded-0123456789abcdef"))
    assert tokens(Network(pulled), question) == expected
    assert kept(pulled) == [made] and not old.exists()
    weights = made / "decoder.onnx.data"
    with weights.open("r+b") as file:
        file.truncate(1000)
    assert tokens(Network(pulled), question) == expected
    assert weights.stat().st_size > 1000
    graph = made / "encoder.onnx"
    graph.write_bytes(bytes(graph.stat().st_size))
    assert tokens(Network(pulled), question) == expected


@pytest.mark.parametrize("cause", [PermissionError(13, "Permission denied"), RuntimeError("no space left on device")])
def test_where_nothing_can_be_written_it_is_folded_in_memory(
    pulled: Path, question: np.ndarray, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    def full(graph: bytes, target: Path) -> None:
        target.write_bytes(b"half")
        raise cause

    monkeypatch.setattr(folding, "fold", full)
    assert tokens(Network(pulled), question)
    assert not kept(pulled)


def test_several_at_once_leave_one(pulled: Path, question: np.ndarray) -> None:
    with ThreadPoolExecutor(3) as threads:
        opened = list(threads.map(lambda _: open_folded(pulled, ENCODER, DECODER), range(3)))
    assert len(opened) == 3 and len(kept(pulled)) == 1
    assert tokens(Network(pulled), question)

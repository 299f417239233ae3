"""Checkpoints written here byte by byte: PyTorch is not needed, and what a pickle would call is not called."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from duplex.models.torch_checkpoint import read_tensors
from duplex.streaming.errors import ModelError

NUMBERS = np.arange(6, dtype=np.float32)


def tensor(name: bytes, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 6) -> bytes:
    """`name` and a view of storage 0, in the pickle's protocol 0."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n" + b"I%d\n" % count + b"tQ"
    arguments = b"(" + storage + b"I%d\n" % offset + numbers(shape) + numbers(stride) + b"I00\n" + b"Nt"
    return b"S'" + name + b"'\nctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def table(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"d"


def write(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", NUMBERS.tobytes())
    return path


def test_tensors_are_read_as_they_lie(tmp_path: Path) -> None:
    pickled = table(tensor(b"rows", (2, 3), (3, 1)), tensor(b"columns", (3, 2), (1, 3)), tensor(b"end", (2,), (1,), 4))
    found = read_tensors(write(tmp_path / "a.bin", pickled + b"."))
    np.testing.assert_array_equal(found["rows"], NUMBERS.reshape(2, 3))
    np.testing.assert_array_equal(found["columns"], NUMBERS.reshape(2, 3).T)
    np.testing.assert_array_equal(found["end"], [4, 5])


def test_a_training_s_checkpoint_may_hold_objects_of_its_library(tmp_path: Path) -> None:
    other = b"S'settings'\ncpyannote.audio.core.task\nSpecifications\n(S'x'\ntR"
    state = b"S'state_dict'\n" + table(tensor(b"w", (6,), (1,)))
    found = read_tensors(write(tmp_path / "a.bin", table(other, state) + b"."))
    np.testing.assert_array_equal(found["w"], NUMBERS)


def test_nothing_is_called(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "harm"),)

    pickled = pickle.dumps({"w": Malicious()}, protocol=2)
    with pytest.raises(ModelError, match="without tensors"):
        read_tensors(write(tmp_path / "a.bin", pickled))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "item",
    [
        tensor(b"w", (7,), (1,)),
        tensor(b"w", (2,), (1,), 5),
        tensor(b"w", (2,), (-1,), 3),
        tensor(b"w", (6,), (1,), 0, 7),
    ],
    ids=["too long", "beyond the end", "backwards", "storage too short"],
)
def test_no_tensor_reaches_beyond_its_storage(tmp_path: Path, item: bytes) -> None:
    with pytest.raises(ModelError, match="no checkpoint"):
        read_tensors(write(tmp_path / "a.bin", table(item) + b"."))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"b\.bin"):
        read_tensors(tmp_path / "b.bin")
    with pytest.raises(ModelError):
        read_tensors(tmp_path / "missing.bin")

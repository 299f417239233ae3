"""Tensors out of a PyTorch checkpoint, without PyTorch and without running what is in it.

A checkpoint is a zip archive: a pickle that says how tensors lie in storages, and the storages' bytes. A pickle may
call whatever it names. Here it gets the few names that a table of tensors takes; every other one stands for an object
that holds nothing and does nothing (settings of the training, classes of its library).
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError

_TYPES = {"FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2"), "LongStorage": np.dtype("<i8")}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary by name, that of a training's checkpoint included. Raises ModelError."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = pickled.removesuffix("data.pkl")
            found = _Reader(archive.read(pickled), archive, folder).load()
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        raise ModelError(f"{path}: no checkpoint of PyTorch that can be read: {error!r}") from error
    if isinstance(found, Mapping):
        found = found.get("state_dict", found)
        tensors = {str(name): value for name, value in found.items() if isinstance(value, np.ndarray)}
        if tensors:
            return tensors
    raise ModelError(f"{path}: a checkpoint of PyTorch without tensors")


class _Inert:
    """Stands for an object of a class that is not known here."""

    def __init__(self, *args: object, **named: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _Reader(pickle.Unpickler):
    def __init__(self, pickled: bytes, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(pickled))
        self._archive = archive
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        return _Inert

    def persistent_load(self, pid: Any) -> np.ndarray:
        """pid: ("storage", type, key, device, numbers)."""
        _, kind, key, _, numbers = pid
        if not isinstance(kind, np.dtype):
            raise pickle.UnpicklingError("a storage of a type that is not known here")
        values = np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), kind)
        if len(values) != numbers:
            raise pickle.UnpicklingError(f"storage {key} has {len(values)} numbers instead of {numbers}")
        return values


def _tensor(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> np.ndarray:
    """A copy of the numbers of a storage that a tensor consists of."""
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if min((offset, *shape, *stride)) < 0 or (0 not in shape and last >= len(storage)):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides, writeable=False).copy()

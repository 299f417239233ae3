"""Moonshine's graphs with their constants computed, made once and kept beside the model.

As they are published, the weights of the base size are dequantized at every token. ONNX Runtime computes such
constants when it opens a graph, which takes seconds and three times the memory of the result. So the result is kept,
in a folder named after the files that it was made of and the version of ONNX Runtime. It comes into being by one
rename; a folder of another name is out of date.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.models.asr.moonshine.graph import with_attention
from duplex.models.store import folder as store_folder
from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.onnx import fold, onnx_of, session, version

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

log = logging.getLogger(__name__)

_FOLDED = "folded-"
_UNFINISHED = "unfinished-folded-"
_FORM = "1"  # of what is kept: another number where the graphs are changed in another way
_NAMES = ("encoder.onnx", "decoder.onnx")
_SIZES = "sizes"  # the last file that is written: the bytes of the others


def open_folded(folder: Path, encoder: str, decoder: str) -> tuple[InferenceSession, InferenceSession]:
    """The sessions of a folder's two graphs, the decoder's with its attention.

    A folder of the model store gets the folded graphs; elsewhere, and where nothing can be written, they are folded
    in memory. Raises OSError, and what ONNX Runtime raises.
    """
    sources = (folder / encoder, folder / decoder)
    if not _in_store(folder):
        return _opened(_graphs(*sources))
    place = folder / f"{_FOLDED}{_key(*sources)}"
    if _whole(place):
        try:
            return _opened(tuple(place / name for name in _NAMES))
        except Exception as error:  # ONNX Runtime has a class of its own for each cause
            log.warning("%s cannot be opened (%s): it is made again", place, first_line(error))
            shutil.rmtree(place, ignore_errors=True)
    graphs = _graphs(*sources)
    try:
        _keep(graphs, place)
    except Exception as error:  # of the system, or ONNX Runtime's own for what the system refused to it
        log.info("%s cannot be written (%s): the graphs are folded in memory", place, first_line(error))
        return _opened(graphs)
    return _opened(tuple(place / name for name in _NAMES))


def _graphs(encoder: Path, decoder: Path) -> tuple[bytes, bytes]:
    return onnx_of(encoder), with_attention(onnx_of(decoder))[0]


def _opened(graphs: tuple[Any, ...]) -> tuple[InferenceSession, InferenceSession]:
    encoder, decoder = (session(graph, spinning=False, quiet=True) for graph in graphs)
    return encoder, decoder


def _in_store(folder: Path) -> bool:
    try:
        return folder.absolute().parent == store_folder()
    except ModelError:
        return False


def _key(*sources: Path) -> str:
    """Of the files' content, of ONNX Runtime, and of what is done here."""
    digest = hashlib.sha256(f"{version()} {_FORM}".encode())
    for source in sources:
        with source.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _keep(graphs: tuple[bytes, bytes], place: Path) -> None:
    """Writes the folded graphs to `place`, in place of what is there and of older ones."""
    made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place.parent))
    try:
        for name, graph in zip(_NAMES, graphs, strict=True):
            fold(graph, made / name)
        sizes = _sizes(made)
        for path in made.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        (made / _SIZES).write_text(sizes)
        for old in place.parent.glob(f"{_FOLDED}*"):
            if old != place or not _whole(old):
                shutil.rmtree(old, ignore_errors=True)
        if not _whole(place):  # else another process was first
            os.rename(made, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _whole(place: Path) -> bool:
    """Whether all that was written to a folder is there, by its sizes."""
    try:
        return (place / _SIZES).read_text() == _sizes(place)
    except OSError:
        return False


def _sizes(place: Path) -> str:
    return "".join(f"{path.name} {path.stat().st_size}\n" for path in sorted(place.iterdir()) if path.name != _SIZES)

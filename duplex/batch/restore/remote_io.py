"""What travels between the caller and a worker on another machine: a file to restore there, and what became of it.

Recordings of up to 64 MiB travel as bytes, and so do their results: the machines need no common file system. Larger
ones are read and written by the worker where they lie: they and OUT must be reachable under the same absolute path.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from duplex.batch.restore.factories import named
from duplex.batch.restore.plan import Item
from duplex.batch.restore.report import FileResult
from duplex.batch.restore.restore_file import Progress, discard, picture_part, restore_file
from duplex.models.restoration.contract import RestoreOptions
from duplex.streaming.errors import DuplexError

SHIPPED_BYTES = 64 << 20
"""Larger recordings are not sent."""

_EVERY = 0.5
"""Seconds between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """An item for a worker. source, reference: the files' bytes, or None where the worker is to use the paths."""

    item: Item
    source: bytes | None = None
    reference: bytes | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What comes back. sound, picture: bytes of the result and of its spectrogram, if the source had been sent."""

    result: FileResult
    sound: bytes | None = None
    picture: bytes | None = None


class RemoteRestorer:
    """A worker: holds the model, restores a file at a time."""

    def __init__(self, options: dict[str, Any], factory: str) -> None:
        self._options = RestoreOptions(**options)
        self._stage: Any = None
        self._error: tuple[type[DuplexError], str] | None = None
        try:
            self._stage = named(factory)(self._options)
        except DuplexError as error:
            self._error = type(error), str(error)

    def name(self) -> tuple[str, tuple[type[DuplexError], str] | None]:
        """("host:process", the error of loading the model, if there was one)."""
        return f"{socket.gethostname()}:{os.getpid()}", self._error

    def restore(self, shipment: Shipment) -> Iterator[Progress | Delivery]:
        with contextlib.ExitStack() as stack:
            item = shipment.item
            if shipment.source is not None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="duplex-"))
                item = _unpacked(shipment, Path(folder))
            restoring = stack.enter_context(contextlib.closing(restore_file(item, self._stage, self._options)))
            told = time.monotonic()
            while True:
                try:
                    progress = next(restoring)
                except StopIteration as end:
                    result: FileResult = end.value
                    break
                if time.monotonic() - told >= _EVERY:
                    told = time.monotonic()
                    yield progress
            result.source = shipment.item.source
            sound = picture = None
            if result.error is not None:
                result.error = result.error.replace(item.source, shipment.item.source)
            elif shipment.source is not None:
                sound = Path(item.part).read_bytes()
                picture = picture_part(item).read_bytes() if result.spectrogram else None
            yield Delivery(result, sound, picture)


def packed(item: Item) -> Shipment:
    """An item as a worker can use it: small files with it, large ones by absolute path."""
    source = _small(item.source)
    # The caller sees to it that nothing is in the way; where it runs, a worker need not see OUT at all.
    item = replace(item, part=str(Path(item.part).absolute()), overwrite=True)
    if source is None:
        item = replace(item, source=str(Path(item.source).absolute()))
    if item.reference is None:
        return Shipment(item, source)
    reference = _small(item.reference) if source is not None else None
    return Shipment(replace(item, reference=str(Path(item.reference).absolute())), source, reference)


def received(item: Item, delivery: Delivery) -> FileResult:
    """Puts what came back where a local run would have left it."""
    result = delivery.result
    result.source = item.source
    try:
        if delivery.sound is not None:
            Path(item.part).parent.mkdir(parents=True, exist_ok=True)
            Path(item.part).write_bytes(delivery.sound)
        if delivery.picture is not None:
            picture_part(item).write_bytes(delivery.picture)
    except OSError as error:
        discard(item)
        result.status, result.error = "failed", f"{result.target}: cannot be written ({error.strerror})"
    return result


def _small(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if os.path.getsize(path) <= SHIPPED_BYTES else None
    except OSError:
        return None  # the worker says what is wrong with it


def _unpacked(shipment: Shipment, folder: Path) -> Item:
    item = shipment.item
    source = folder / ("source" + Path(item.source).suffix)
    source.write_bytes(shipment.source or b"")
    reference = item.reference
    if shipment.reference is not None:
        path = folder / ("reference" + Path(item.reference or "").suffix)
        path.write_bytes(shipment.reference)
        reference = str(path)
    return replace(item, source=str(source), part=str(folder / "restored.part"), reference=reference)

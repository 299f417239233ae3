"""A form with a recording, read from a body that anybody may have written: the recording goes to the disk."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from duplex.serving.audio.limits import AudioLimits
from duplex.serving.audio.requests import Fields
from duplex.serving.disk import DiskThreads
from duplex.serving.http.api_errors import ApiError

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Upload:
    """path: of the recording. name: what the program calls it. fields: the others of the form, as text."""

    path: Path
    name: str
    fields: Fields


@asynccontextmanager
async def receive(request: web.Request, limits: AudioLimits, disk: DiskThreads) -> AsyncIterator[Upload]:
    """Yields the form of a request; its recording is deleted at the end. Raises ApiError."""
    folder = await disk.run(tempfile.TemporaryDirectory, prefix="duplex-upload-")
    try:
        try:
            async with asyncio.timeout(limits.upload_time):
                upload = await _read(request, Path(folder.name, "recording"), limits, disk)
        except TimeoutError:
            raise ApiError(f"the body did not come within {limits.upload_time:g} s", status=408) from None
        yield upload
    finally:
        await asyncio.shield(disk.run(folder.cleanup))


async def _read(request: web.Request, path: Path, limits: AudioLimits, disk: DiskThreads) -> Upload:
    name, fields, parts = None, dict[str, list[str]](), 0
    try:
        if request.content_type != "multipart/form-data":
            raise ApiError("the body must be multipart/form-data with the fields file and model", param="file")
        async for part in await request.multipart():
            parts += 1
            if parts > limits.fields:
                raise ApiError(f"a form may have {limits.fields} fields at most")
            if isinstance(part, MultipartReader) or part.name is None:
                raise ApiError("each part of the form must be a field with a name")
            if part.name == "file":
                if name is not None:
                    raise ApiError("there is more than one file", param="file")
                name = " ".join((part.filename or "recording").split())[:80]
                await _save(part, path, limits.upload, disk)
            else:
                fields.setdefault(part.name[:100], []).append(await _text(part, limits.field))
    except ApiError:
        raise
    except (ConnectionError, asyncio.CancelledError, TimeoutError):
        raise
    except Exception as error:  # the reader of forms raises whatever its parsing does
        raise ApiError("the body is no form that can be read") from error
    if name is None:
        raise ApiError("file is required: the recording", param="file")
    return Upload(path, name, fields)


async def _save(part: BodyPartReader, path: Path, most: int, disk: DiskThreads) -> None:
    size = 0
    file: Any = await disk.run(path.open, "wb")
    try:
        while chunk := await part.read_chunk(_PIECE):
            size += len(chunk)
            if size > most:
                raise ApiError(f"the file has more than {most} bytes", param="file", status=413)
            await disk.run(file.write, bytes(chunk))
    finally:
        await disk.run(file.close)
    if not size:
        raise ApiError("the file is empty", param="file")


async def _text(part: BodyPartReader, most: int) -> str:
    held = bytearray()
    while chunk := await part.read_chunk(_PIECE):
        held += chunk
        if len(held) > most:
            raise ApiError(f"the field {part.name!r} has more than {most} bytes", status=413)
    return held.decode("utf-8", "replace")

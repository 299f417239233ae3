"""FFmpeg's view of a file: which formats are opened, and what the container says of itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.streaming.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

_DEMUXERS = (
    "aac,ac3,adx,aiff,alac,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,ea,eac3,flac,flv,g722,g729,gsm,iff,ircam,loas,"
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp2,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,nut,ogg,pvf,rm,sds,shn,sox,tak,"
    "truehd,tta,voc,vqf,w64,wav,wsd,wv,xwma"
)

_STATING = [
    "mov",
    "matroska",
    "asf",
    "flac",
    "wav",
    "w64",
    "aiff",
    "caf",
    "tta",
    "ape",
    "wv",
    "avi",
    "nut",
    "tak",
    "mpc",
    "mpc8",
    "dsf",
    "voc",
]
"""Containers that state how long the sound is. Of others FFmpeg estimates it from the bit rate, and may be far off."""


def check_file(path: Path) -> None:
    """Raises InputError unless it is a file that can be read and has something in it."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a recording in it")
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        if not path.is_file():
            raise InputError(f"{path}: is not a regular file")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({reason(error)})") from None
    except ValueError as error:  # a null character in the name
        raise InputError(f"{str(path)!r}: {error}") from None


def open_container(path: Path) -> InputContainer:
    """Opens this file and no other: play lists, which may name any file or address, are not among the formats.

    Raises av.FFmpegError.
    """
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    try:
        name = f"file:{path}"
        name.encode()
    except UnicodeEncodeError:  # a name that is not UTF-8 cannot be handed to FFmpeg
        return av.open(path.open("rb"), options={"format_whitelist": _DEMUXERS}, metadata_errors="replace")
    return av.open(name, options=options, metadata_errors="replace")


def states_its_length(container: InputContainer, path: Path) -> bool:
    """Whether the container's duration is a statement and not an estimate."""
    family = container.format.name.split(",")[0]
    if family != "mp3":
        return family in _STATING
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":
            length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            file.seek(10 + length)
        else:
            file.seek(0)
        frame = file.read(2048)
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


def first_sample(container: InputContainer, stream: Any, time: float | None) -> float:
    """Seconds from the container's beginning to the stream's first sample, which bears the timestamp `time`."""
    alone = len([each for each in container.streams if each.type in ("audio", "video")]) < 2
    if time is None or (alone and not container.format.name.startswith("mov")):
        return 0.0  # nothing else is there whose clock it could be late on
    starts = [
        float(each.start_time * each.time_base)
        for each in container.streams
        if each.type in ("audio", "video") and each.start_time is not None and each.time_base is not None
    ]
    begin = min(starts, default=time)
    if container.format.name.startswith("mov") and begin > 0.0 and time <= length_of(container, stream):
        begin = 0.0  # MP4's clock begins at zero, whatever begins there
    return max(0.0, time - begin)


def length_of(container: InputContainer, stream: Any) -> float:
    """Seconds that the container or the stream says it lasts, the longer of the two; 0 if neither says."""
    own = float(stream.duration * stream.time_base) if stream.duration else 0.0
    return max(own, container.duration / 1e6 if container.duration else 0.0)


def created(container: InputContainer, stream: Any, path: Path) -> datetime:
    """creation_time as MP4 and Matroska write it, or date and time as Broadcast WAV does, else the file's own time."""
    for metadata in (container.metadata, stream.metadata):
        tags = {key.lower(): value for key, value in metadata.items()}
        written = tags.get("creation_time", "")
        for stamp in (written, f"{tags.get('date', '')}T{written}"):
            try:
                found = datetime.fromisoformat(stamp)
            except ValueError:
                continue
            if found.year > 1904:  # the zero of MP4's clock means that nobody set it
                return found.astimezone()
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def reason(error: BaseException) -> str:
    """An error in one line."""
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]

"""What a restored file is written as: what its source is, wherever that can be written in its exact length.

A container or codec that cannot is replaced, and the report says so: raw AAC by AAC in MP4, everything else by FLAC,
and what FLAC cannot hold by WAV of floats. The new suffix is added to the name: `x.wma` becomes `x.wma.flac`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

LOSSY = frozenset({"VORBIS", "OPUS", "opus", "aac", "mp3"})

_FLOOR = {"opus": 24_000, "OPUS": 24_000, "aac": 48_000, "mp3": 48_000, "VORBIS": 48_000}
"""bit/s per channel below which the codec would undo the restoration; a source's lower rate is not kept."""

_MUXERS = {".m4a": "ipod", ".m4b": "ipod", ".mp4": "mp4", ".mov": "mov", ".webm": "webm", ".weba": "webm"}
_ENCODERS = {
    "mp3": {"mp3": "libmp3lame"},
    "mov": {"aac": "aac", "alac": "alac"},
    "matroska": {"aac": "aac", "opus": "libopus", "flac": "flac", "pcm_s16le": "pcm_s16le", "pcm_f32le": "pcm_f32le"},
    "wv": {"wavpack": "wavpack"},
    "tta": {"tta": "tta"},
}
_SAMPLE_RATES = {
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "aac": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000),
    "opus": (48_000,),
    "OPUS": (8_000, 12_000, 16_000, 24_000, 48_000),
}
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_CONVERSIONS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("mp3", "mp3"),
    ".m4a": (_MP4, "aac"),
}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a file is. library: "soundfile" or "av", in whose words container and subtype (or codec) are named.

    bit_rate: of a lossy codec, in bit/s. sample_format, layout: FFmpeg's. pictures: it is a film.
    """

    library: str
    container: str
    subtype: str
    sample_rate: int
    channels: int
    bit_rate: int | None = None
    layout: str | None = None
    sample_format: str | None = None
    pictures: bool = False

    @property
    def family(self) -> str:
        """The container's first name: "mov" for MP4 and its kin, "matroska" for WebM."""
        return self.container.split(",")[0]


def can_name(suffix: str) -> bool:
    """Whether a result may be given this suffix, to have it converted."""
    return suffix.lower() in _CONVERSIONS


def target_format(source: AudioFormat, name: str, *, convert: bool = False) -> tuple[AudioFormat, str, list[str]]:
    """What a source is written as under the name `name`: (format, suffix to add to the name, notes).

    convert: the name's suffix, not the source, decides the container.
    """
    wanted = _converted(source, Path(name).suffix.lower()) if convert else source
    suffix, notes = "", []
    if source.pictures:
        wanted, suffix = _lossless(wanted)
        notes.append(f"a film: its pictures are left out, its sound is written as {wanted.container}")
    elif wanted.subtype == "aac" and wanted.container == "aac" and _fits(wanted):
        wanted, suffix = replace(wanted, container=_MP4), ".m4a"
        notes.append("raw AAC cannot keep an exact length: written as AAC in MP4")
    elif not can_write(wanted):
        what = f"{wanted.subtype} in {wanted.family} at {wanted.sample_rate} Hz with {wanted.channels} channels"
        wanted, suffix = _lossless(wanted)
        notes.append(f"{what} cannot be written in its exact length: written as {wanted.container}")
    floor = _FLOOR.get(wanted.subtype, 0) * wanted.channels
    if wanted.bit_rate is not None and wanted.bit_rate < floor:
        notes.append(f"written at {floor // 1000} kbit/s: at {wanted.bit_rate // 1000} the codec would undo the work")
        wanted = replace(wanted, bit_rate=floor)
    return wanted, suffix, notes


def can_write(format: AudioFormat) -> bool:
    """Whether it can be written, with the sound's length kept to the sample."""
    if not _fits(format):
        return False
    if format.library == "av":
        return encoder(format) is not None
    import soundfile

    if format.container == "FLAC" and (format.channels > 8 or format.sample_rate > 655_350):
        return False
    return soundfile.check_format(format.container, format.subtype)


def encoder(format: AudioFormat) -> str | None:
    """FFmpeg's encoder for the format, if it keeps a sound's length."""
    return _ENCODERS.get(format.family, {}).get(format.subtype)


def muxer(format: AudioFormat, name: str) -> str:
    """FFmpeg's muxer for the format; kin of MP4 and Matroska by the file's name."""
    named = _MUXERS.get(Path(name).suffix.lower(), "")
    if format.family == "mov":
        return named if named in ("ipod", "mp4", "mov") else "ipod"
    if format.family == "matroska":
        return "webm" if named == "webm" and format.subtype == "opus" else "matroska"
    return format.family


def _fits(format: AudioFormat) -> bool:
    if format.subtype == "mp3" and format.channels > 2:
        return False
    if format.library == "av" and format.channels > 2 and not format.layout:
        return False
    rates = _SAMPLE_RATES.get(format.subtype)
    return rates is None or format.sample_rate in rates


def _lossless(format: AudioFormat) -> tuple[AudioFormat, str]:
    flac = replace(format, library="soundfile", container="FLAC", subtype="PCM_24", bit_rate=None)
    if can_write(flac):
        return flac, ".flac"
    return replace(flac, container="WAV", subtype="FLOAT"), ".wav"


def _converted(source: AudioFormat, suffix: str) -> AudioFormat:
    container, subtype = _CONVERSIONS[suffix]
    if subtype == "PCM_16" and source.subtype in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
        subtype = source.subtype if container == "WAV" else "PCM_24"
    bit_rate = (source.bit_rate or 64_000 * source.channels) if subtype in LOSSY else None
    library = "soundfile" if container.isupper() else "av"
    layout = source.layout or {1: "mono", 2: "stereo"}.get(source.channels)
    return replace(
        source,
        library=library,
        container=container,
        subtype=subtype,
        bit_rate=bit_rate,
        sample_format=None,
        layout=layout,
    )

"""Speaking a text: to a file as it is made, to whoever takes the chunks, or to both."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.atomic_write import atomic_path, check_writable
from duplex.audio_files.formats import AudioFormat, can_name, can_write, target_format
from duplex.audio_files.writer import open_writer
from duplex.batch.checks import check_language
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Synthesizer, Voice, WordMark
from duplex.settings import Settings
from duplex.streaming.errors import InputError, ModelError, SettingsError
from duplex.streaming.resample import StreamResampler

WRITTEN_AT = 48_000
"""Sample rate of a file whose format cannot have the voice's own."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of the text and where it is heard. text_start, text_end: characters of the text; start, end: seconds."""

    text: str
    text_start: int
    text_end: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Speech:
    """What was said. samples: (n,) float32 at sample_rate, empty where they went to a file or a function."""

    samples: np.ndarray
    sample_rate: int
    duration: float
    words: list[SpokenWord] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {"duration": round(self.duration, 3), "words": [asdict(word) for word in self.words]}


def say(
    text: str | Iterable[str],
    output: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    *,
    voice: str | None = None,
    language: str | None = None,
    rate: float | None = None,
    on_chunk: Callable[[np.ndarray, int], None] | None = None,
) -> Speech:
    """Speak a text.

    Args:
        text: one text, or its parts in order, as they come (lines, sentences of a language model).
        output: a file to write: .wav, .flac, .ogg, .opus, .mp3, .m4a or .aiff. It is put in place when it is whole.
        voice, language, rate: as in the settings, which they override. Where neither says a language, a voice that
            speaks one only decides it.
        on_chunk: given each piece of speech, (n,) float32, and its sample rate, as soon as it is made.

    Without `output` and `on_chunk` the speech is returned. Raises InputError for a text with nothing to say,
    OutputError for a file that cannot be written, ModelError and SettingsError for a voice that cannot be had.
    """
    path = None if output is None else Path(output)
    if path is not None:
        if not can_name(path.suffix):
            raise SettingsError(f"{path}: {path.suffix or 'no suffix'} is no sound file that can be written; try .wav")
        check_writable(path)
    settings = settings or Settings()
    changes = {"voice": voice, "language": language, "speech_rate": rate}
    settings = settings.with_values(**{name: value for name, value in changes.items() if value is not None})
    engine = load_synthesizer(settings.synthesizer, settings.voice, settings.synthesizer_model)
    try:
        manner = _manner(settings, engine, chosen=language is not None)
        return _say([text] if isinstance(text, str) else text, path, engine, manner, on_chunk)
    finally:
        engine.close()


def _manner(settings: Settings, engine: Synthesizer, *, chosen: bool) -> Voice:
    """The voice to speak with. Raises SettingsError or ModelError where the engine does not have it."""
    language = settings.language
    known = tuple(getattr(engine, "languages", ()))
    if len(known) == 1 and not chosen and language == Settings().language:
        language = known[0]
    voice = Voice(settings.voice, language, settings.speech_rate, settings.speech_volume)
    with contextlib.closing(_stream(engine, "", voice)):
        check_language(language, engine)
        return voice


def _stream(engine: Synthesizer, text: str, voice: Voice) -> Any:
    try:
        return engine.synthesize(text, voice)
    except ModelError as error:
        raise ModelError(f"voice {voice.name or voice.language!r}: {error}") from None


def _say(
    parts: Iterable[str],
    path: Path | None,
    engine: Synthesizer,
    voice: Voice,
    on_chunk: Callable[[np.ndarray, int], None] | None,
) -> Speech:
    rate = engine.sample_rate
    kept: list[np.ndarray] = []
    marks: dict[int, WordMark] = {}
    texts: list[str] = []
    position = 0
    with sound_file(path, rate) as write:
        for chunk, offset, base in _chunks(parts, engine, voice, texts):
            for mark in chunk.marks:
                marks[mark.text_start + offset] = WordMark(
                    mark.text_start + offset, mark.text_end + offset, mark.start + base, mark.end + base
                )
            if not len(chunk.samples):
                continue
            position += len(chunk.samples)
            write(chunk.samples)
            if on_chunk is not None:
                on_chunk(chunk.samples, rate)
            elif path is None:
                kept.append(chunk.samples)
        whole = "".join(texts)
        if not position or not any(sign.isalnum() for sign in whole):
            what = "is empty" if not whole.strip() else f"has nothing that can be spoken: {whole.strip()[:40]!r}"
            raise InputError(f"there is nothing to say: the text {what}")
    words = [
        SpokenWord(
            whole[mark.text_start : mark.text_end],
            mark.text_start,
            mark.text_end,
            round(mark.start / rate, 3),
            round(mark.end / rate, 3),
        )
        for mark in marks.values()
    ]
    samples = np.concatenate(kept) if kept else np.zeros(0, np.float32)
    return Speech(samples, rate, position / rate, words)


def _chunks(
    parts: Iterable[str], engine: Synthesizer, voice: Voice, texts: list[str]
) -> Iterator[tuple[Any, int, int]]:
    """(chunk, first character, first sample) of each part; `texts` gets the parts as they come."""
    offset = base = 0
    for part in parts:
        texts.append(part)
        made = 0
        with contextlib.closing(_stream(engine, part, voice)) as stream:
            for chunk in stream:
                yield chunk, offset, base
                made += len(chunk.samples)
        offset, base = offset + len(part), base + made


@contextlib.contextmanager
def sound_file(path: Path | None, rate: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields what writes (n,) samples to the file; nothing is written without a path."""
    if path is None:
        yield lambda samples: None
        return
    format = _format(path, rate)
    resampler = StreamResampler(rate, format.sample_rate)
    with atomic_path(path) as part:
        writer = open_writer(part, format, path.name, frames=0, tags={})
        try:
            yield lambda samples: writer.write(resampler.push(samples).astype(np.float64)[:, None])
            writer.write(resampler.flush().astype(np.float64)[:, None])
        finally:
            writer.close()


def _format(path: Path, rate: int) -> AudioFormat:
    """16 bit, or the lossy codec of the suffix at a rate that is good for one voice."""
    for tried in (rate, WRITTEN_AT):
        source = AudioFormat("soundfile", "WAV", "PCM_16", tried, 1)
        format, added, _ = target_format(source, path.name, convert=True)
        if not added and can_write(format):
            return format
    raise SettingsError(f"{path}: this installation cannot write {path.suffix}; try .wav")

"""The spoken translation of a recording, on the recording's clock: each sentence when it could have been known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.formats import can_name
from duplex.audio_files.reader import open_recording
from duplex.batch.checks import check_interpreting
from duplex.batch.files import Source, check_targets
from duplex.batch.say import sound_file
from duplex.batch.translate import Line, TranslatedLines, translate
from duplex.conversation.captions.segments import PAUSE
from duplex.conversation.interpreting.ducking import Ducking
from duplex.conversation.interpreting.interpreter import Interpreter, Rendition
from duplex.conversation.interpreting.voice import speech, voice_of
from duplex.models.translation import load_translator
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.blocks import Reblocker
from duplex.streaming.errors import SettingsError
from duplex.streaming.limiter import soft_limit

BLOCK = 5 * FRAME
"""Samples of the mix at a time."""


def interpret(
    recording: str | os.PathLike[str],
    to: str,
    output: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    original: bool = True,
    **hearing: Any,
) -> TranslatedLines:
    """Speak what is said in a recording in the language `to`, into the sound file `output`.

    A translation begins PAUSE behind the last word of its sentence, when a session knows it at the latest, or when the
    one before is over; it is said faster the further it is behind, and left out beyond `settings.interpret_delay`. So
    is one that is hopeless, or was in that language already: there the original is heard as it is.

    original: leave it below the translations, turned down while they are spoken. hearing: arguments of `translate`.
    Returns the translations, with notes on those that were left out. Raises what `translate` raises, OutputError for a
    file that cannot be written, and SettingsError for a language that the synthesizer does not speak.
    """
    path = Path(output)
    if not can_name(path.suffix):
        raise SettingsError(f"{path}: {path.suffix or 'no suffix'} is no sound file that can be written; try .wav")
    check_targets([path], [Source(Path(recording), path.stem)])
    settings = (settings or Settings()).with_values(interpret=to)
    synthesizer = load_synthesizer(settings.synthesizer, settings.voice, settings.synthesizer_model)
    try:
        translator = hearing.pop("translator", None) or load_translator(settings.translator, settings.language, to)
        check_interpreting(settings, synthesizer, translator)
        lines = translate(recording, to, settings, translator=translator, **hearing)
        channels = hearing.get("channels", "auto")
        given_up: list[Rendition] = []
        spoken = _Spoken(lines, settings, synthesizer, given_up)
        blocks = _mono(recording, channels)
        with sound_file(path, SAMPLE_RATE) as write:
            for block in _mixed(blocks, spoken, original=original):
                write(block)
    finally:
        synthesizer.close()
    if given_up:
        lines.notes.append(
            f"{len(given_up)} of {len(lines)} translations are not spoken: they would have been more than "
            f"{settings.interpret_delay:g} s late"
        )
    return lines


class _Spoken:
    """The interpreter's voice over a recording: `read` gives what it says, block after block."""

    def __init__(
        self, lines: TranslatedLines, settings: Settings, synthesizer: Synthesizer, given_up: list[Rendition]
    ) -> None:
        self._interpreter = Interpreter(settings.interpret_delay, given_up=given_up.append)
        for number, line in enumerate(lines):
            if not line.hopeless and line.source_language != lines.target and line.text.strip():
                self._interpreter.hear(_rendition(number, line))
        self._synthesizer = synthesizer
        voice = Voice(settings.voice, lines.target, settings.speech_rate, settings.speech_volume)
        self._voice = voice_of(synthesizer, voice, lines.target)
        self._rest = np.zeros(0, np.float32)

    @property
    def over(self) -> bool:
        return not len(self._rest) and not len(self._interpreter)

    def read(self, at: int, count: int) -> np.ndarray:
        """(count,) float32 at 16 kHz, from sample `at` of the recording on."""
        out = np.zeros(count, np.float32)
        filled = 0
        while filled < count:
            if not len(self._rest) and not self._speak(at + filled):
                known = self._interpreter.next_known
                if known is None or known >= at + count:
                    break
                filled = known - at
                continue
            piece, self._rest = self._rest[: count - filled], self._rest[count - filled :]
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
        return out

    def _speak(self, now: int) -> bool:
        """The next sentence that is known by now, if there is one."""
        taken = self._interpreter.take(now)
        if taken is None:
            return False
        rendition, rate = taken
        voice = Voice(self._voice.name, self._voice.language, self._voice.rate * rate, self._voice.volume)
        self._rest = np.concatenate(list(speech(self._synthesizer, rendition.text, voice)))
        self._interpreter.spoke(rendition.text, len(self._rest), rate)
        return True


def _rendition(number: int, line: Line) -> Rendition:
    end = round(line.end * SAMPLE_RATE)
    return Rendition(number, line.party, line.text, round(line.start * SAMPLE_RATE), end, end + PAUSE)


def _mono(recording: str | os.PathLike[str], channels: str | int) -> Iterator[np.ndarray]:
    """(BLOCK,) float32 at 16 kHz: everybody who was heard, in one channel."""
    blocks = Reblocker(BLOCK)
    for block in open_recording(recording, channels).frames(SAMPLE_RATE):
        yield from blocks.push(block.mean(axis=1))
    yield from blocks.flush()


def _mixed(blocks: Iterator[np.ndarray], spoken: _Spoken, *, original: bool) -> Iterator[np.ndarray]:
    """The recording and its translation, until both are over."""
    ducking, at = Ducking(), 0
    while True:
        block = next(blocks, None)
        if block is None and spoken.over:
            return
        translation = spoken.read(at, BLOCK)
        at += BLOCK
        if block is None or not original:
            yield translation
            continue
        gain = ducking.gain(translation, BLOCK)
        yield soft_limit(translation + (block if gain is None else block * gain))

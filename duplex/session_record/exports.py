"""What is made from a session's event log when the session is over: transcripts, speaker turns, summary, picture."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr.written_numbers import written
from duplex.session_record.log_records import TYPED, SessionLog
from duplex.session_record.rttm import to_rttm
from duplex.session_record.session_log import read_log
from duplex.session_record.subtitles import Caption, to_srt, to_txt, to_vtt
from duplex.session_record.summary import summarize_log
from duplex.streaming.errors import ModelError, OutputError, SettingsError

_program_log = logging.getLogger(__name__)

EVENTS = "events.jsonl"
TRANSCRIPTS: dict[str, Callable[[Any, str], str]] = {
    "transcript.srt": to_srt,
    "transcript.vtt": to_vtt,
    "transcript.txt": lambda captions, _: to_txt(captions),
}
TURNS, SUMMARY, TIMELINE = "turns.rttm", "summary.json", "timeline.png"
EXPORTS = (*TRANSCRIPTS, TURNS, SUMMARY, TIMELINE)

_TRANSLATED = re.compile(r"transcript\.[a-z]{2,3}(\.both)?\.(srt|vtt|txt)")


def write_exports(folder: str | os.PathLike[str], *, timeline: bool = True) -> None:
    """Transcripts, speaker turns, summary and timeline, from the event log and the sound in the folder. Each appears
    whole or not at all. Raises InputError if there is no log, OutputError if something cannot be written."""
    folder = Path(folder)
    log = read_log(folder / EVENTS)
    captions, words = transcript_captions(log), str(log.settings.get("subtitle_words", ""))
    for name, transcript in TRANSCRIPTS.items():
        write_whole(folder / name, transcript(captions, words).encode())
    for language in log.languages:
        for part, bilingual in (("", False), (".both", True)):
            translated = log.translated(language, bilingual=bilingual)
            for name, transcript in TRANSCRIPTS.items():
                stem, _, suffix = name.partition(".")
                write_whole(folder / f"{stem}.{language}{part}.{suffix}", transcript(translated, "").encode())
    write_whole(folder / TURNS, to_rttm(log.speaker_turns(), folder.resolve().name).encode())
    summary = json.dumps(summarize_log(log), indent=2, ensure_ascii=False, default=plain)
    write_whole(folder / SUMMARY, f"{summary}\n".encode())
    if timeline:
        from duplex.pictures.timeline import draw_timeline

        draw_timeline(folder, folder / TIMELINE)


def transcript_captions(log: SessionLog) -> list[Caption]:
    """What was said, with numbers as people write them if the session's settings ask for it. The log keeps the spoken
    words, and what was typed stays as it is.

    Where numbers cannot be written, as in the export of another machine's log, they stay as spoken, with a warning.
    """
    captions = log.captions()
    if log.settings.get("written_numbers") is not True:
        return captions
    language = str(log.settings.get("language") or "en")
    try:
        return [each if each.text.startswith(TYPED) else _with_numbers(each, language) for each in captions]
    except (ModelError, SettingsError) as error:
        _program_log.warning("numbers stay as they were spoken: %s", error)
        return captions


def _with_numbers(caption: Caption, language: str) -> Caption:
    texts, words = caption.text.split(), caption.words
    pieces = written(texts, language)
    timed = ()
    if [word.text for word in words] == texts:
        timed = tuple(words[p.start]._replace(text=p.text, end=words[p.end - 1].end) for p in pieces)
    return replace(caption, text=" ".join(p.text for p in pieces), words=timed)


def translated_exports(folder: Path) -> list[str]:
    """Names of the transcripts in other languages that a folder holds: transcript.de.srt, transcript.de.both.srt, …"""
    return sorted(path.name for path in folder.iterdir() if _TRANSLATED.fullmatch(path.name))


def write_whole(path: Path, content: bytes) -> None:
    """The file appears whole or not at all. Raises OutputError."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays, and whatever else has no JSON, as the nearest thing that has."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)

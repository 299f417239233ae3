"""Whisper by the package `faster-whisper`: the networks of Radford et al. (2022) in CTranslate2, quantized to 8 bits.

An optional recognizer (extra `whisper`). CTranslate2 computes without holding Python's lock.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.redecoding import Redecoding
from duplex.models.asr.word_times import SPACELESS, Piece, words_of_pieces
from duplex.models.store import offline
from duplex.models.store.folders import set_to_yes
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, SettingsError, StageError, first_line

DEFAULT = "base"
"""The size that is loaded where none is named."""

_LIVE = {"interval": 1.0, "window": 12.0}
_WHOLE = {"interval": 12.0, "window": 28.0}
_SETTINGS = frozenset(["interval", "window", "agree"])
_FILES = ("model.bin", "config.json", "tokenizer.json")
_TOKENS_PER_SECOND, _MOST_TOKENS = 13, 200  # this stops a model that repeats itself; its answers have 448 at most
_SHORTEST = SAMPLE_RATE // 10  # samples
_DETECT = (None, "", "auto")
_WORKERS = 2  # a live pass does not wait for one of a recording; they share the weights
_loaded: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()
_loading = threading.Lock()


class FasterWhisper(Redecoding):
    """A recognizer (duplex.models.asr.contract). model: a size ("base", "small.en"), the Hugging Face id of a
    converted model, or its folder.

    language: a code such as "de"; None, "" and "auto": each pass detects it, and `detected` is what the last one heard.
    hotwords: given to the model as what was said before. live: hypotheses are wanted on the way; else few passes.
    threads: of one pass. policy: interval, window, agree (see Redecoding).

    Raises ModelError if the package or the model cannot be had, SettingsError for a language that the model does not
    know and for a setting that it does not have; a pass raises StageError.
    """

    def __init__(
        self,
        model: str = "",
        *,
        language: str | None = None,
        hotwords: str = "",
        live: bool = True,
        threads: int = 1,
        **policy: Any,
    ) -> None:
        self.name = f"faster-whisper:{model or DEFAULT}"
        if unknown := set(policy) - _SETTINGS:
            raise SettingsError(f"{self.name} has no setting {', '.join(sorted(unknown))}, only {sorted(_SETTINGS)}")
        super().__init__(**{**(_LIVE if live else _WHOLE), **policy})
        self._model = _load(self.name, model or DEFAULT, threads)
        self.languages: tuple[str, ...] | None = None
        self.detected: str | None = None
        self._language: str | None = None
        if language not in _DETECT:
            known = tuple(sorted(self._model.supported_languages))
            code = str(language).partition("-")[0].lower()
            if code not in known:
                raise SettingsError(f"{self.name} does not know the language {language!r}, only {', '.join(known)}")
            self.languages, self._language, self.writes = known, code, code
        self._hotwords = hotwords or None

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        seconds = len(samples) / SAMPLE_RATE
        try:
            segments, about = self._model.transcribe(
                np.pad(samples, (0, max(0, _SHORTEST - len(samples)))),
                language=self._language,
                initial_prompt=self._hotwords,
                beam_size=1,
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=True,
                word_timestamps=True,
                max_new_tokens=min(int(seconds * _TOKENS_PER_SECOND) + 8, _MOST_TOKENS),
            )
            # One segment covers the window; those after it would hear its last silence again.
            segment = next(iter(segments), None)
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            raise StageError(f"recognizer {self.name} failed: {first_line(error)}") from error
        self.detected = str(about.language)
        pieces = [
            Piece(word.word, _samples(word.start), _samples(word.end), min(1.0, float(word.probability)))
            for word in (segment.words if segment is not None else None) or ()
        ]
        return words_of_pieces(pieces, len(samples), spaceless=self.detected in SPACELESS)


def _load(name: str, model: str, threads: int) -> Any:
    """A `WhisperModel`, the same for all recognizers that have it at a time: live ones and those of recordings share
    its weights. What is on this machine is not looked for on the network."""
    folder = Path(model).expanduser()
    is_path = folder.is_dir() or model.startswith((".", "/", "~")) or model.count("/") > 1
    if is_path and (missing := [file for file in _FILES if not (folder / file).is_file()]):
        raise ModelError(f"{name}: no converted Whisper model is in this folder: {missing[0]} is missing")
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise ModelError(
            f"{name}: needs a package that is not installed ({first_line(error)}): pip install 'duplex[whisper]'"
        ) from error
    with _loading:
        key = (WhisperModel, str(folder.resolve()) if is_path else model, threads)
        loaded = _loaded.get(key)
        if loaded is None:
            loaded = _loaded[key] = _read(WhisperModel, name, str(folder) if is_path else model, threads, is_path)
        return loaded


def _read(factory: Any, name: str, source: str, threads: int, is_path: bool) -> Any:
    forbidden = offline() or set_to_yes("HF_HUB_OFFLINE")
    # The hub's errors are of OSError's kind, those of what it connects with need not be.
    import httpx

    failures = (OSError, RuntimeError, ValueError, httpx.HTTPError)
    options = {"device": "cpu", "compute_type": "int8", "cpu_threads": threads, "num_workers": _WORKERS}
    try:
        return factory(source, local_files_only=True, **options)
    except failures as error:
        if is_path:
            raise ModelError(f"{name}: cannot be loaded: {first_line(error)}") from error
        if forbidden:
            raise ModelError(
                f"{name}: is not on this machine, and DUPLEX_OFFLINE or HF_HUB_OFFLINE forbids pulling it "
                f"({first_line(error)})"
            ) from error
    try:
        return factory(source, local_files_only=False, **options)
    except failures as error:
        raise ModelError(f"{name}: cannot be had: {first_line(error)}") from error


def _samples(seconds: float) -> int:
    return round(float(seconds) * SAMPLE_RATE)

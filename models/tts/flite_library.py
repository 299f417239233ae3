"""flite's C library, where the system has it: English voices of Carnegie Mellon University in this process.

Version 2 of the library (libflite.so.1 of distributions); its voices are libraries of their own. An utterance is a set
of relations over items: tokens of the text, words, syllables, segments, each with its end in the sound.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError, StageError

SAMPLE_RATE = 16_000
VOICES = ("slt", "rms", "awb", "kal16")
"""Of 16 kHz, the clearest first: a woman and a man of the United States, a man of Scotland, an older man's diphones."""

_POINTER, _NAME = ctypes.c_void_p, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "flite_init": (ctypes.c_int, ()),
    "flite_synth_text": (_POINTER, (_NAME, _POINTER)),
    "delete_utterance": (None, (_POINTER,)),
    "utt_wave": (_POINTER, (_POINTER,)),
    "utt_relation": (_POINTER, (_POINTER, _NAME)),
    "relation_head": (_POINTER, (_POINTER,)),
    "item_next": (_POINTER, (_POINTER,)),
    "item_feat_int": (ctypes.c_int, (_POINTER, _NAME)),
    "flite_ffeature_float": (ctypes.c_float, (_POINTER, _NAME)),
    "srand": (None, (ctypes.c_uint,)),
    "feat_set_float": (None, (_POINTER, _NAME, ctypes.c_float)),
}
_BEGIN = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_END = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
_BEHIND = 2
"""Where the reader stands when it has a token: characters behind its last one."""


class _Voice(ctypes.Structure):
    """What a voice begins with."""

    _fields_ = (("name", _NAME), ("features", _POINTER))


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", _NAME),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class FliteLibrary:
    """Use `library()`: there is one per process. Raises ModelError where the system does not have it."""

    def __init__(self) -> None:
        self._lib = _opened("flite")
        try:
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self._lib, name)
                function.restype, function.argtypes = result, list(arguments)
        except AttributeError as error:
            raise ModelError(f"this system's flite is another version ({error}); install flite 2.1 or newer") from None
        self._lib.flite_init()
        self._voices: dict[str, int] = {}
        self._one_at_a_time = threading.Lock()

    def voice(self, name: str) -> int:
        """The voice of that name, one of VOICES. Raises ModelError."""
        with self._one_at_a_time:
            if name not in self._voices:
                register = getattr(_opened(f"flite_cmu_us_{name}"), f"register_cmu_us_{name}")
                register.restype, register.argtypes = _POINTER, [_NAME]
                self._voices[name] = register(None)
            return self._voices[name]

    def speak(self, text: bytes, voice: int, rate: float) -> tuple[np.ndarray, list[tuple[int, float, float]]]:
        """((n,) float32 at SAMPLE_RATE, (its last character, start, end in seconds) of each token that is heard).

        text: ASCII, one utterance, which is made as a whole. Raises StageError if it makes nothing."""
        lib = self._lib
        with self._one_at_a_time:  # the speed belongs to the voice, the random numbers to the process
            lib.srand(1)  # the noise of consonants is drawn from them: the same text gives the same samples
            lib.feat_set_float(_Voice.from_address(voice).features, b"duration_stretch", 1 / rate)
            utterance = lib.flite_synth_text(text, voice)
            if not utterance:
                raise StageError(f"flite makes nothing of {text[:40]!r}")
            try:
                wave = _Wave.from_address(lib.utt_wave(utterance))
                if wave.sample_rate != SAMPLE_RATE or wave.num_channels != 1:
                    raise StageError(f"flite speaks at {wave.sample_rate} Hz, not at {SAMPLE_RATE}")
                pcm = ctypes.string_at(wave.samples, 2 * wave.num_samples)
                tokens = list(self._tokens(utterance))
            finally:
                lib.delete_utterance(utterance)
        return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768, tokens

    def _tokens(self, utterance: int) -> Iterator[tuple[int, float, float]]:
        lib = self._lib
        item = lib.relation_head(lib.utt_relation(utterance, b"Token"))
        before = 0.0
        while item:
            start, end = (lib.flite_ffeature_float(item, path) for path in (_BEGIN, _END))
            if end > start:  # a token without words has neither
                # One whose first word is a sign without a sound (".b") has no start: it follows the token before.
                yield lib.item_feat_int(item, b"file_pos") - _BEHIND, max(start, before), end
                before = end
            item = lib.item_next(item)


@cache
def _load() -> FliteLibrary:
    return FliteLibrary()


_loading = threading.Lock()


def library() -> FliteLibrary:
    with _loading:
        return _load()


def _opened(name: str) -> ctypes.CDLL:
    for file in (f"lib{name}.so.1", ctypes.util.find_library(name)):
        try:
            if file:
                return ctypes.CDLL(file)
        except OSError:
            continue
    raise ModelError(f"this system has no lib{name}: install it (Debian: `apt install libflite1`), or use espeak")

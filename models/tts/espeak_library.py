"""espeak-ng's C library in this process: one singleton, driven by one thread, one short piece of text at a time.

The library (from the `espeakng-loader` wheel) keeps its state in static variables, so everything that uses it shares
it. It is put into synchronous mode, in which `espeak_Synth` calls back with each buffer of sound as it is made.
A fault in the library ends the process; the text known to cause one is kept from it (`duplex.models.tts.espeak`).
"""

from __future__ import annotations

import atexit
import ctypes
import os
import queue
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from duplex.streaming.errors import ModelError, StageError

WORD, END = 1, 5
"""Event types: a word begins; a clause, its pause included, ends."""

STEADY = "steady"
"""The voice variant that changes nothing."""

_SYNCHRONOUS = 2
_CHUNK_MS = 60
_DO_NOT_EXIT = 0x8000
_UTF8, _END_PAUSE = 1, 0x1000
_RATE = 1
_FASTEST = 450
_POSITION_IN_CHARACTERS = 1
_CHARACTERS_UTF8, _IPA = 1, 0x02
_SPARE = 64
"""Zeros after a text whose reader looks ahead."""
_FIXED = b"flutter 0\nroughness 0\n"


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class ListedVoice:
    """A voice of the library: its English name, file name, and language tags, best first."""

    name: str
    identifier: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one call of the library speaks. pause: the text goes on, so its last sentence ends with a pause."""

    text: str
    voice: str
    words_per_minute: int
    pause: bool


@dataclass(frozen=True, slots=True)
class Buffer:
    """16-bit samples, and the events (type, character, sample) that fall into them, counted from the piece's start."""

    pcm: bytes
    events: tuple[tuple[int, int, int], ...]


class EspeakLibrary:
    """Use `library()`: there is one per process. Raises ModelError if it cannot be loaded."""

    def __init__(self) -> None:
        try:
            import espeakng_loader

            self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
            data = _steady_data(Path(espeakng_loader.get_data_path()))
        except (ImportError, OSError, RuntimeError) as error:
            advice = "pip install --force-reinstall espeakng-loader"
            raise ModelError(f"espeak-ng cannot be loaded ({error}); {advice}") from None
        lib = self._lib
        lib.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        lib.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        lib.espeak_SetParameter.argtypes = [ctypes.c_int] * 3
        lib.espeak_ListVoices.argtypes = [ctypes.c_void_p]
        lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        lib.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        lib.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t] + [ctypes.c_uint] * 4 + [ctypes.c_void_p] * 2
        self._callback = _Callback(self._receive)
        self.sample_rate = lib.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, os.fsencode(data), _DO_NOT_EXIT)
        if self.sample_rate <= 0:
            raise ModelError(f"espeak-ng cannot read its data in {data}; is the path of the temporary folder too long?")
        lib.espeak_SetSynthCallback(self._callback)
        lib.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self.listed = tuple(_listed(lib))
        self.variants = tuple(sorted(path.name for path in (data / "voices" / "!v").iterdir()))
        # One thread owns the static state; pieces of several speakers take turns in the order in which they came.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._buffers: queue.SimpleQueue[Buffer | BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def speak(self, piece: Piece) -> Iterator[Buffer]:
        """Speak on the library's own thread; yields each buffer as soon as it is made. Closing early aborts."""
        buffers: queue.SimpleQueue[Buffer | BaseException | None] = queue.SimpleQueue()
        stop = threading.Event()
        self._thread.submit(self._speak, piece, buffers, stop)
        try:
            while (buffer := buffers.get()) is not None:
                if isinstance(buffer, BaseException):
                    raise buffer
                yield buffer
        finally:
            stop.set()

    def phonemes(self, clauses: list[str], voice: str) -> list[str]:
        """Each clause in IPA, words between spaces. A clause is pronounced as if it stood alone."""
        return self._thread.submit(self._phonemes, clauses, voice).result()

    def _phonemes(self, clauses: list[str], voice: str) -> list[str]:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ModelError(f"espeak-ng cannot load the voice {voice!r}; its data may be damaged")
        said = [" ".join(self._pronounced(clause)) for clause in clauses]
        # Asked for phonemes, the library counts words on; past its limit the next text loses its first events. Anything
        # spoken, heard by nobody, makes it count anew (1 ms).
        self._buffers, self._stop = queue.SimpleQueue(), threading.Event()
        self._stop.set()
        self._synthesize(Piece("a", voice, _FASTEST, False))
        return said

    def _pronounced(self, clause: str) -> Iterator[str]:
        text = clause.encode("utf-8")
        data = ctypes.create_string_buffer(text, len(text) + _SPARE)
        place = ctypes.c_void_p(ctypes.addressof(data))
        while place.value is not None:
            yield self._translated(place)
        # The reader looks a character ahead. One that it kept would be said at the beginning of the next text.
        nothing = ctypes.create_string_buffer(_SPARE)
        for _ in range(len(data)):
            kept = self._translated(ctypes.c_void_p(ctypes.addressof(nothing)))
            if not kept:
                return
            yield kept

    def _translated(self, place: ctypes.c_void_p) -> str:
        said = self._lib.espeak_TextToPhonemes(ctypes.byref(place), _CHARACTERS_UTF8, _IPA) or b""
        return str(said.decode("utf-8", "replace"))

    def _speak(self, piece: Piece, buffers: queue.SimpleQueue, stop: threading.Event) -> None:
        try:
            if not stop.is_set():
                self._buffers, self._stop = buffers, stop
                self._synthesize(piece)
            buffers.put(None)
        except BaseException as error:  # whatever it is, it belongs to the caller, who waits for it
            buffers.put(error)

    def _synthesize(self, piece: Piece) -> None:
        # Every time, for it also clears the echo of what was spoken before (0.3 ms).
        if self._lib.espeak_SetVoiceByName(piece.voice.encode()) != 0:
            raise ModelError(f"espeak-ng cannot load the voice {piece.voice!r}; its data may be damaged")
        self._lib.espeak_SetParameter(_RATE, piece.words_per_minute, 0)
        self._lib.espeak_ng_SetRandSeed(1)
        text = piece.text.encode("utf-8")
        flags = _UTF8 | (_END_PAUSE if piece.pause else 0)
        status = self._lib.espeak_Synth(text, len(text) + 1, 0, _POSITION_IN_CHARACTERS, 0, flags, None, None)
        if status != 0:
            raise StageError(f"espeak-ng failed with status {status} on {piece.text[:40]!r}")

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        """Called from C with each buffer; anything but 0 aborts."""
        taken = []
        at = 0
        while events[at].type:
            if events[at].type in (WORD, END):
                taken.append((events[at].type, events[at].text_position, events[at].sample))
            at += 1
        pcm = ctypes.string_at(samples, 2 * count) if samples and count else b""
        if pcm or taken:
            self._buffers.put(Buffer(pcm, tuple(taken)))
        return int(self._stop.is_set())


@lru_cache(maxsize=1)
def _load() -> EspeakLibrary:
    return EspeakLibrary()


_loading = threading.Lock()


def library() -> EspeakLibrary:
    with _loading:
        return _load()


def _listed(lib: ctypes.CDLL) -> Iterator[ListedVoice]:
    voices = lib.espeak_ListVoices(None)
    at = 0
    while voices[at]:
        voice = voices[at].contents
        identifier = (voice.identifier or b"").decode("utf-8", "replace")
        if not identifier.startswith("mb/"):  # MBROLA's own voices are not in the wheel
            tags = sorted(_languages(voice.languages))
            yield ListedVoice(voice.name.decode("utf-8", "replace").strip(), identifier, tuple(tag for _, tag in tags))
        at += 1


def _languages(at: int) -> Iterator[tuple[int, str]]:
    """Reads the list of (priority byte, zero-terminated tag) that ends with a zero priority."""
    while priority := ctypes.string_at(at, 1)[0]:
        tag = ctypes.string_at(at + 1)
        yield priority, tag.decode("ascii", "replace")
        at += 2 + len(tag)


def _steady_data(source: Path) -> Path:
    """A folder of links to espeak's data, but for its variants: none has flutter or roughness, so that speech is a
    function of its text.

    Flutter is a slow change of pitch that runs on from one text to the next; with it no two renderings are of the same
    length, and a recorded conversation could not be repeated. The phase of roughness runs on likewise. A short path is
    a gain of its own: espeak-ng cuts long ones off.
    """
    folder = Path(tempfile.mkdtemp(prefix="duplex-espeak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    data = folder / "espeak-ng-data"
    variants = data / "voices" / "!v"
    variants.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name != "voices":
            _link(entry, data / entry.name)
    for variant in (source / "voices" / "!v").iterdir():
        (variants / variant.name).write_bytes(variant.read_bytes() + b"\n" + _FIXED)
    (variants / STEADY).write_bytes(b"language variant\nname " + STEADY.encode() + b"\n" + _FIXED)
    return data


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        if sys.platform != "win32":
            raise
        copy = shutil.copytree if source.is_dir() else shutil.copy2  # links are a privilege there
        copy(source, target)

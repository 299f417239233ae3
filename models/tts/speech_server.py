"""Speech by any server with OpenAI's route `/v1/audio/speech`: a hosted voice, or a local server of a larger model.

The server streams 16-bit PCM at 24 kHz, or WAV of any rate. It says nothing about words: their marks are estimated, a
word for every so many seconds of sound (silence apart), and are right to about a word.
"""

from __future__ import annotations

import math
import re
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from duplex.models.openai_wire import ServerAddress, message, reason
from duplex.models.tts.contract import SpeechChunk, SpeechEngine, Voice, WordMark
from duplex.models.tts.speech_stream import SpeechStream
from duplex.streaming.errors import EndpointError, ModelError
from duplex.streaming.resample import StreamResampler

RATE = 24_000
MODEL, VOICE = "tts-1", "alloy"
"""What is asked for where nothing is named."""
CONNECT_WITHIN, ANSWER_WITHIN = 5.0, 15.0
REST = 20.0
"""Seconds in which a server that failed is not asked again: its callers speak with the spare engine at once."""
SECONDS_A_LETTER = 0.068
"""Of ordinary speech, spaces counted."""
QUIET = 3e-3
_CHUNK = RATE // 10


class SpeechServer:
    """A `Synthesizer` (models/tts/contract.py). address: ".../v1". model: empty for MODEL. api_key: None takes
    OPENAI_API_KEY from the environment, if there. spare: speaks where the server does not.

    Raises SettingsError for an address that is none; the iterator raises EndpointError in one line.
    """

    def __init__(
        self, address: str, model: str = "", *, api_key: str | None = None, spare: SpeechEngine | None = None
    ) -> None:
        server = ServerAddress.of(address, "speech", "http://127.0.0.1:8880/v1", api_key)
        self.address = server.url
        self.name = f"the speech server {self.address}"
        self.sample_rate = RATE
        self.spare = spare
        self._model = model or MODEL
        self._client = server.client(ANSWER_WITHIN, CONNECT_WITHIN)
        self._rests_until = -math.inf

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """Yields chunks of about 0.1 s as they arrive."""
        voice = voice or Voice()
        voice.check()
        return SpeechStream(self._speak(text, voice))

    def language_of(self, voice: Voice) -> str:
        return voice.language

    def voices(self) -> list[Voice]:
        """None: there is no route that lists them."""
        return []

    def close(self) -> None:
        self._client.close()
        if self.spare is not None:
            self.spare.close()

    def _speak(self, text: str, voice: Voice) -> Generator[SpeechChunk, None, None]:
        import httpx

        if not any(sign.isalnum() for sign in text):
            return
        if time.monotonic() < self._rests_until:
            raise EndpointError(f"{self.address}: is not asked again so soon after it failed")
        words = _EstimatedMarks(text, voice.rate)
        body = {
            "model": self._model,
            "voice": voice.name or VOICE,
            "input": text.strip(),
            "response_format": "pcm",
            "speed": min(max(voice.rate, 0.25), 4.0),
        }
        try:
            with self._client.stream("POST", f"{self.address}/audio/speech", json=body) as response:
                if response.status_code != 200:
                    response.read()
                    raise EndpointError(f"{self.address}: {_refusal(response)}")
                for samples in _samples(response.iter_bytes(), response.headers.get("content-type", "")):
                    samples = voice.sounded(samples)
                    yield SpeechChunk(samples, words.feed(samples))
            yield SpeechChunk(np.zeros(0, np.float32), words.finish())
            if not words.position:
                raise EndpointError(f"{self.address}: answers without sound")
        except EndpointError:
            self._rest()
            raise
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._rest()
            raise EndpointError(f"{self.address}: cannot connect ({reason(error)}); is the server running?") from error
        except httpx.TimeoutException as error:
            self._rest()
            raise EndpointError(f"{self.address}: no sound for {ANSWER_WITHIN:g} s") from error
        except (httpx.HTTPError, ValueError) as error:
            self._rest()
            raise EndpointError(f"{self.address}: the speech broke off ({reason(error)})") from error

    def _rest(self) -> None:
        self._rests_until = time.monotonic() + REST


def open_server(address: str, model: str = "") -> SpeechServer:
    """With espeak-ng as its spare, where that can be had."""
    from duplex.models.tts.espeak import EspeakSynthesizer

    spare: SpeechEngine | None = None
    with suppress(ModelError):
        spare = EspeakSynthesizer()
    return SpeechServer(address, model, spare=spare)


def _samples(blocks: Iterator[bytes], kind: str) -> Iterator[np.ndarray]:
    """(n,) float32 at RATE out of raw PCM or a WAV file. Raises ValueError for anything else."""
    held = b""
    header: tuple[int, int] | None = (RATE, 1) if "pcm" in kind else None
    resampler: StreamResampler | None = None
    for block in blocks:
        held += block
        if header is None:
            if len(held) < 44:
                continue
            header, held = _header(held)
        if resampler is None:
            resampler = StreamResampler(header[0], RATE)
        size = 2 * header[1]
        whole = len(held) - len(held) % size
        if whole < 2 * _CHUNK:
            continue
        yield resampler.push(_decoded(held[:whole], header[1]))
        held = held[whole:]
    if header is None and held:
        header, held = _header(held)
    if header is not None and held:
        resampler = resampler or StreamResampler(header[0], RATE)
        yield resampler.push(_decoded(held[: len(held) - len(held) % (2 * header[1])], header[1]))
    if resampler is not None:
        yield resampler.flush()


def _decoded(data: bytes, channels: int) -> np.ndarray:
    return np.frombuffer(data, "<i2").astype(np.float32).reshape(-1, channels).mean(axis=1) / np.float32(32768)


def _header(data: bytes) -> tuple[tuple[int, int], bytes]:
    """((sample rate, channels), what follows). Raw PCM is what has no header of another kind of file."""
    if data[:4] != b"RIFF":
        known = next((name for sign, name in _OTHERS.items() if data.startswith(sign)), "")
        if known:
            raise ValueError(f"it is {known}, where PCM or WAV was asked for")
        return (RATE, 1), data
    format_at, sound_at = data.find(b"fmt "), data.find(b"data")
    if format_at < 0 or sound_at < 0:
        raise ValueError("its WAV file has no header")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, format_at + 8)
    if kind not in (1, 0xFFFE) or bits != 16 or not channels or not rate:
        raise ValueError(f"its WAV file is not of 16-bit PCM but of {bits} bits, kind {kind}")
    return (rate, channels), data[sound_at + 8 :]


_OTHERS = {
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"<!": "a page",
    b'{"': "JSON",
}


class _EstimatedMarks:
    """Marks of words by how much sound there has been; what is silent moves nothing."""

    def __init__(self, text: str, rate: float) -> None:
        self.position = 0
        self._heard = 0.0
        self._letter = SECONDS_A_LETTER * RATE / rate
        self._words = list(re.finditer(r"\S+", text))
        self._open: WordMark | None = None

    def feed(self, samples: np.ndarray) -> tuple[WordMark, ...]:
        marks: list[WordMark] = []
        loud = len(samples) and float(np.sqrt(np.mean(samples * samples))) > QUIET
        end = self._heard + (len(samples) if loud else 0)
        while self._words and loud and self._words[0].start() * self._letter < end:
            word = self._words.pop(0)
            start = self.position + max(0, round(word.start() * self._letter - self._heard))
            self._close(start, marks)
            self._open = WordMark(word.start(), word.end(), start, start)
        self.position += len(samples)
        if self._open is not None:
            marks.append(WordMark(self._open.text_start, self._open.text_end, self._open.start, self.position))
        self._heard = end
        return tuple(marks)

    def finish(self) -> tuple[WordMark, ...]:
        """The words for which there was no time, at the end."""
        marks: list[WordMark] = []
        for word in self._words if self.position else ():
            self._close(self.position, marks)
            self._open = WordMark(word.start(), word.end(), self.position, self.position)
        self._words = []
        self._close(self.position, marks)
        return tuple(marks)

    def _close(self, end: int, marks: list[WordMark]) -> None:
        if self._open is not None:
            marks.append(WordMark(self._open.text_start, self._open.text_end, self._open.start, end))
            self._open = None


def _refusal(response: Any) -> str:
    """A refusal in one line, with the server's own words where it has any."""
    words = message(response.text)
    advice = {401: "; is OPENAI_API_KEY right?", 404: "; does the address end in /v1?"}.get(response.status_code, "")
    return f"refuses to speak ({response.status_code}{': ' if words else ''}{words}){advice}"

"""Recognition by any server with OpenAI's route `/v1/audio/transcriptions`: a hosted one, or a larger model near.

The growing window is sent again and again, by the policy of redecoding.py but less often than a model here would be
asked. Where the server times its words (`verbose_json`), those times are used; else time is shared out by length.
"""

from __future__ import annotations

import io
import math
import time
import wave
from typing import Any

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.redecoding import Redecoding
from duplex.models.asr.word_times import words_by_length
from duplex.models.openai_wire import ServerAddress, message, reason
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import EndpointError

MODEL = "whisper-1"
"""What is asked for where nothing is named."""
CONNECT_WITHIN, ANSWER_WITHIN = 5.0, 15.0
REST = 5.0
"""Seconds in which a server that failed is not asked again: nobody waits for it at every step."""

_LIVE = {"interval": 1.5, "window": 24.0}
_WHOLE = {"interval": 12.0, "window": 28.0}
_SHORTEST = SAMPLE_RATE // 10  # samples; servers refuse less
_DETECT = ("", "auto")


class OpenAITranscription(Redecoding):
    """A recognizer (duplex.models.asr.contract). address: ".../v1". model: empty for MODEL.

    language: sent on; None, "" and "auto" let the server detect it, and `detected` is what it said last. hotwords: sent
    as the prompt. live: hypotheses are wanted on the way; else few passes. api_key: None takes OPENAI_API_KEY from the
    environment, if there. policy: interval, window, agree (see Redecoding).

    Raises SettingsError for an address that is none; a pass raises EndpointError in one line.
    """

    def __init__(
        self,
        address: str,
        model: str = "",
        *,
        language: str | None = None,
        hotwords: str = "",
        live: bool = True,
        api_key: str | None = None,
        answer_within: float = ANSWER_WITHIN,
        **policy: Any,
    ) -> None:
        super().__init__(**{**(_LIVE if live else _WHOLE), **policy})
        server = ServerAddress.of(address, "transcription", "http://127.0.0.1:8000/v1", api_key)
        self.address = server.url
        self.name = f"the transcription server {self.address}"
        self.languages: tuple[str, ...] | None = None
        self.detected: str | None = None
        self._answer_within = answer_within
        self._form: dict[str, Any] = {"model": model or MODEL, "temperature": "0"}
        if language not in (None, *_DETECT):
            self._form["language"] = self.writes = str(language).partition("-")[0].lower()
        if hotwords:
            self._form["prompt"] = hotwords
        self._formats = ["verbose_json", "json"]
        """Those that the server has not refused."""
        self._client = server.client(answer_within, CONNECT_WITHIN)
        self._rests_until = -math.inf

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        """Blocking. Raises EndpointError."""
        import httpx

        if time.monotonic() < self._rests_until:
            raise EndpointError(f"{self.address}: is not asked again so soon after it failed")
        try:
            answer = self._ask(_wav(np.pad(samples, (0, max(0, _SHORTEST - len(samples))))))
            return self._words(answer, samples)
        except httpx.ConnectTimeout as error:
            raise self._failed(f"no connection within {CONNECT_WITHIN:g} s; is the server up?") from error
        except httpx.ConnectError as error:
            raise self._failed(f"cannot connect ({reason(error)}); is the server running?") from error
        except httpx.TimeoutException as error:
            raise self._failed(f"no transcript within {self._answer_within:g} s") from error
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            raise self._failed(f"the connection broke ({reason(error)})") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._failed(
                "its answer is no transcript; is this the address of such a server, ending in /v1?"
            ) from (error)

    def close(self) -> None:
        self._client.close()

    def _ask(self, wav: bytes) -> Any:
        """The answer's JSON. A server that does not know `verbose_json` is asked without it from then on."""
        while True:
            form = {**self._form, "response_format": self._formats[0]}
            if self._formats[0] == "verbose_json":
                form["timestamp_granularities[]"] = ["word", "segment"]
            response = self._client.post(
                f"{self.address}/audio/transcriptions", data=form, files={"file": ("speech.wav", wav, "audio/wav")}
            )
            if response.status_code == 200:
                return response.json()
            if response.status_code in (400, 422) and len(self._formats) > 1:
                del self._formats[0]
                continue
            raise self._failed(_refusal(response.status_code, response.text))

    def _words(self, answer: Any, samples: np.ndarray) -> list[Word]:
        text = answer["text"]
        if not isinstance(text, str):
            raise TypeError(text)
        if answer.get("language"):
            self.detected = str(answer["language"])
        tokens = text.split()
        timed = answer.get("words") or []
        if not timed:
            return words_by_length([Word(token, 0, 0) for token in tokens], samples)
        said = [str(word["word"]).strip() for word in timed]
        texts = tokens if len(tokens) == len(timed) else said  # the text has the punctuation, the words may not
        words, at = [], 0
        for word, written in zip(timed, texts, strict=True):
            start = min(max(at, round(float(word["start"]) * SAMPLE_RATE)), len(samples))
            at = min(max(start, round(float(word["end"]) * SAMPLE_RATE)), len(samples))
            if written:
                words.append(Word(written, start, at))
        return words

    def _failed(self, what: str) -> EndpointError:
        self._rests_until = time.monotonic() + REST
        return EndpointError(f"{self.address}: {what}")


def _wav(samples: np.ndarray) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2").tobytes())
    return held.getvalue()


def _refusal(code: int, content: str) -> str:
    hint = {
        401: "; check the key (OPENAI_API_KEY)",
        403: "; check the key (OPENAI_API_KEY)",
        404: "; check the address, which ends in /v1, and the model's name",
    }
    return f"HTTP {code}: {message(content)}{hint.get(code, '')}"

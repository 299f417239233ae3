"""Texts spoken over Wyoming, whole ones and such as are still being written: each sentence is sound of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from duplex.models.interaction.sentences import SentenceSplitter, speakable
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.serving.audio.encoder import RATE
from duplex.serving.audio.requests import SpeechRequest
from duplex.serving.audio.speech import EncodedSpeech
from duplex.serving.wyoming.wire import WyomingError
from duplex.streaming.pool import Steps

_WIDTH = 2
_FORMAT = {"rate": RATE, "width": _WIDTH, "channels": 1}
_PIECE = round(0.1 * RATE) * _WIDTH
"""Bytes of a chunk at most: so much a client hears at least of what it is sent before it stops."""

Send = Callable[[Event], Awaitable[None]]


class Speaking:
    """Speaks what is written, sentence by sentence. steps: where the synthesizer works. most: characters of it all."""

    def __init__(self, synthesizer: Synthesizer, voice: Voice, steps: Steps, send: Send, most: int) -> None:
        self._synthesizer = synthesizer
        self._voice = voice
        self._steps = steps
        self._send = send
        self._splitter = SentenceSplitter()
        self._most = most

    async def push(self, text: str) -> None:
        """More of the text; returns when what it completes has been sent. Raises WyomingError if there is too much."""
        self._count(text)
        for piece in self._splitter.push(text):
            await self._sentence(piece)

    async def finish(self) -> None:
        for piece in self._splitter.flush():
            await self._sentence(piece)

    async def whole(self, text: str) -> None:
        """A text in one stream of sound, which is empty if nothing in it can be spoken. Raises WyomingError."""
        self._count(text)
        await self._speak(text)

    def _count(self, text: str) -> None:
        self._most -= len(text)
        if self._most < 0:
            raise WyomingError("the text is too long to be spoken at once", "too-large")

    async def _sentence(self, text: str) -> None:
        if speakable(text):
            await self._speak(text)

    async def _speak(self, text: str) -> None:
        wish = SpeechRequest(text, "", "pcm", 1.0, events=False)
        speech = EncodedSpeech(self._synthesizer, self._voice, wish)
        try:
            data = await self._steps.run("speak", speech.more)
            await self._send(AudioStart(**_FORMAT).event())
            while True:
                for at in range(0, len(data), _PIECE):
                    await self._send(AudioChunk(audio=data[at : at + _PIECE], **_FORMAT).event())
                if speech.over:
                    break
                data = await self._steps.run("speak", speech.more)
            await self._send(AudioStop().event())
        finally:
            speech.close()

"""Interpreting in a session: a voice for each language that somebody listens to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.captions.live import LiveCaptions
from duplex.conversation.interpreting.voice import InterpretingVoice, voice_of
from duplex.models.language_tags import primary
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.streaming.pool import Steps


@dataclass(frozen=True, slots=True)
class InterpretedSound:
    """What the voices say from the sample `start` on: (n,) float32 by language; the silent are left out."""

    start: int
    voices: Mapping[str, np.ndarray]


class LiveInterpreting:
    """voice: how the session speaks. limit: seconds that a translation may be behind. now: the sample that is played
    next. The others are the session's."""

    def __init__(
        self,
        captions: LiveCaptions,
        synthesizer: Synthesizer,
        voice: Voice,
        limit: float,
        steps: Steps,
        spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]],
        now: Callable[[], int],
        emit: Callable[[ev.Event], None],
        lost: Callable[[str, str], None],
    ) -> None:
        self._captions = captions
        self._synthesizer = synthesizer
        self._voice = voice
        self._limit = limit
        self._steps = steps
        self._spawn = spawn
        self._now = now
        self._emit = emit
        self._lost = lost
        self._listeners: dict[str, str] = {}
        self._voices: dict[str, InterpretingVoice] = {}

    @property
    def busy(self) -> bool:
        """Whether something is being said or waits."""
        return any(voice.busy for voice in self._voices.values())

    async def interpret(self, listener: str, language: str) -> None:
        """See Session.interpret."""
        language = primary(language)
        if language:
            voice = voice_of(self._synthesizer, self._voice, language)
            await self._captions.translate(f"interpreter {language}", language)
            if language not in self._voices:
                speaker = InterpretingVoice(
                    language, self._synthesizer, voice, self._steps, self._now, self._emit, self._lost, self._limit
                )
                self._voices[language] = speaker
                self._spawn("interpreting", speaker.run())
        before = self._listeners.pop(listener, "")
        if language:
            self._listeners[listener] = language
        if before and before not in self._listeners.values():
            await self._captions.translate(f"interpreter {before}", "")

    def hear(self, caption: ev.Translation) -> None:
        """Something was translated. A voice to which nobody listens any more keeps silent."""
        if caption.language in self._listeners.values():
            self._voices[caption.language].hear(caption)

    def close(self) -> None:
        """The session is over: what was not said is told."""
        for voice in self._voices.values():
            voice.close()

    def read(self, at: int, count: int) -> dict[str, np.ndarray]:
        """What the voices say in the next `count` samples, (count,) float32 each, by language; the silent are left
        out."""
        said = {language: voice.read(at, count) for language, voice in self._voices.items()}
        return {language: samples for language, samples in said.items() if samples is not None}

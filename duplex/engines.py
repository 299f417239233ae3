"""The engines of a session, made from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.models.asr.contract import Recognizer
from duplex.models.diarization.contract import Diarizer
from duplex.models.interaction.contract import Answerer
from duplex.models.tts.contract import Synthesizer
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.settings import Settings


@dataclass(slots=True)
class Engines:
    """What hears, answers and speaks. Sessions may share one set: state is never on an engine."""

    activity: VoiceActivityDetector[Any]
    recognizer: Recognizer[Any]
    answerer: Answerer
    synthesizer: Synthesizer
    diarizer: Diarizer[Any] | None = None
    voices: Sequence[tuple[str, np.ndarray]] = ()
    """(name, samples at 16 kHz) of known voices."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Loads each engine that the settings name. Raises ModelError for one that cannot be had."""
        from duplex.models.asr import load_recognizer
        from duplex.models.interaction import load_answerer
        from duplex.models.tts import load_synthesizer
        from duplex.models.vad.webrtc import WebRtcVad

        diarizer, voices = None, ()
        if settings.diarize:
            from duplex.batch.diarize import enrol, open_diarizer

            diarizer = open_diarizer(settings.diarization_latency, settings.max_speakers)
            voices = enrol(settings.known_voices, settings.max_speakers)
        return cls(
            activity=WebRtcVad(),
            recognizer=load_recognizer(settings.recognizer),
            answerer=load_answerer(
                settings.llm or settings.model or None,
                settings.llm_model or None,
                system_prompt=settings.system_prompt or None,
                first_token_timeout=settings.llm_timeout,
                token_timeout=settings.llm_timeout,
            ),
            synthesizer=load_synthesizer(settings.synthesizer),
            diarizer=diarizer,
            voices=voices,
        )

    async def close(self) -> None:
        self.recognizer.close()
        self.synthesizer.close()
        await self.answerer.close()

"""The engines of a session, made from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.settings import Settings
from models.activity.contract import ActivityDetector
from models.diarization.contract import Diariser
from models.interaction.contract import Answerer
from models.recognition.contract import Recogniser
from models.speech.contract import Synthesiser


@dataclass(slots=True)
class Engines:
    """What hears, answers and speaks. Sessions may share one set: state is never on an engine."""

    activity: ActivityDetector[Any]
    recogniser: Recogniser[Any]
    answerer: Answerer
    synthesiser: Synthesiser
    diariser: Diariser[Any] | None = None
    voices: Sequence[tuple[str, np.ndarray]] = ()
    """(name, samples at 16 kHz) of known voices."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Loads each engine that the settings name. Raises ModelError for one that cannot be had."""
        from models.activity.webrtc import WebRtcActivity
        from models.interaction import load_answerer
        from models.recognition import load_recogniser
        from models.speech import load_synthesiser

        diariser, voices = None, ()
        if settings.diarize:
            from duplex.diarizing import enrol, open_diariser

            diariser = open_diariser(settings.diarization_latency, settings.max_speakers)
            voices = enrol(settings.known_voices, settings.max_speakers)
        return cls(
            activity=WebRtcActivity(),
            recogniser=load_recogniser(settings.recogniser),
            answerer=load_answerer(
                settings.llm or settings.model or None,
                settings.llm_model or None,
                system_prompt=settings.system_prompt or None,
                first_token_timeout=settings.llm_timeout,
                token_timeout=settings.llm_timeout,
            ),
            synthesiser=load_synthesiser(settings.synthesiser),
            diariser=diariser,
            voices=voices,
        )

    async def close(self) -> None:
        self.recogniser.close()
        self.synthesiser.close()
        await self.answerer.close()

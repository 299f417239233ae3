"""The engines of a session, made from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from duplex.settings import Settings
from models.activity.contract import ActivityDetector
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

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Loads each engine that the settings name. Raises ModelError for one that cannot be had."""
        from models.activity.webrtc import WebRtcActivity
        from models.interaction import load_answerer
        from models.recognition import load_recogniser
        from models.speech import load_synthesiser

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
        )

    async def close(self) -> None:
        self.recogniser.close()
        self.synthesiser.close()
        await self.answerer.close()

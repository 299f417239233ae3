"""The engines of a session, made from its settings."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duplex.models.asr.contract import Recognizer
from duplex.models.diarization.contract import Diarizer
from duplex.models.interaction.contract import Answerer
from duplex.models.interaction.decider import RULES, load_decider
from duplex.models.interaction.decider.contract import Decider
from duplex.models.sounds.contract import SoundTagger
from duplex.models.translation.contract import Translator
from duplex.models.tts.contract import Synthesizer
from duplex.models.turn_taking import load_turn_taking
from duplex.models.turn_taking.contract import TurnTakingModels
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.settings import AUTO, LISTENING, OFF, Settings
from duplex.streaming.pool import Steps


@dataclass(slots=True)
class Engines:
    """What hears, answers and speaks. Sessions may share one set: state is never on an engine."""

    vad: VoiceActivityDetector[Any]
    recognizer: Recognizer[Any]
    answerer: Answerer
    synthesizer: Synthesizer
    diarizer: Diarizer[Any] | None = None
    voices: Sequence[tuple[str, np.ndarray]] = ()
    """(name, samples at 16 kHz) of known voices."""
    turn_taking: TurnTakingModels = field(default_factory=load_turn_taking)
    translator: Translator | None = None
    """None: loaded when somebody wants captions in another language."""
    spotter: Recognizer[Any] | None = None
    """Hears short commands over a reply, beside the recognizer."""
    decider: Decider[Any] | None = None
    """None: the rules of the session's settings."""
    tagger: SoundTagger[Any] | None = None
    """Tells what is heard besides speech."""

    recognizers: Mapping[str, Recognizer[Any]] = field(default_factory=dict)
    """Of languages, by two letters, that parties speak besides the session's."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Engines:
        """Loads each engine that the settings name. Raises ModelError for one that cannot be had."""
        from duplex.models.asr import load_spotter
        from duplex.models.tts import load_synthesizer
        from duplex.models.vad import load_vad

        turn_taking = load_turn_taking(settings.language)
        diarizer: Diarizer[Any] | None = None
        voices: Sequence[tuple[str, np.ndarray]] = ()
        if settings.diarize:
            from duplex.batch.diarize import enrol, open_diarizer

            diarizer = open_diarizer(settings.diarization_latency, settings.max_speakers, settings.diarizer)
            voices = enrol(settings.known_voices, settings.max_speakers)
        return cls(
            vad=load_vad(settings.vad),
            recognizer=open_recognizer(settings),
            answerer=open_answerer(settings),
            synthesizer=load_synthesizer(settings.synthesizer, settings.voice, settings.synthesizer_model),
            diarizer=diarizer,
            voices=voices,
            turn_taking=turn_taking,
            translator=_open_translator(settings),
            decider=_open_decider(settings, turn_taking),
            spotter=load_spotter(settings.language) if settings.spot_commands and settings.assistant else None,
            tagger=_open_tagger(settings),
            recognizers={
                language: open_recognizer(settings.with_values(recognizer=name, language=language))
                for language, name in settings.other_recognizers.items()
            },
        )

    async def close(self, limit: float = 5.0) -> None:
        """Ends worker processes and connections; whatever does not end within `limit` seconds is left behind."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self.answerer.close()
        closing = threading.Thread(target=self.close_now, daemon=True)
        closing.start()
        deadline = time.monotonic() + limit
        while closing.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110 (a thread ends it)
            await asyncio.sleep(0.001)

    def close_now(self) -> None:
        """Ends what can be ended without an event loop. Blocking."""
        for recognizer in (self.recognizer, *self.recognizers.values()):
            recognizer.close()
        if self.spotter is not None:
            self.spotter.close()
        self.synthesizer.close()


def open_recognizer(settings: Settings, *, live: bool = True) -> Recognizer[Any]:
    """What hears, loaded as the settings say; live: hypotheses are wanted while somebody speaks. Raises ModelError,
    SettingsError."""
    from duplex.models.asr import load_recognizer

    return load_recognizer(
        settings.recognizer,
        language=settings.language,
        hotwords=settings.hotwords,
        model=settings.recognizer_model,
        policy=settings.recognizer_policy,
        live=live,
        second_pass=settings.second_pass,
    )


def open_answerer(settings: Settings, *, typed: bool = False) -> Answerer:
    """What answers, loaded as the settings say; typed: its answers are read. Raises ModelError, SettingsError,
    and InputError, OutputError for a file that cannot hold notes."""
    from duplex.models.interaction import load_answerer, remembering

    answerer = load_answerer(
        settings.llm or settings.model or None,
        settings.llm_model or None,
        name=settings.assistant_name or None,
        system_prompt=settings.system_prompt or None,
        typed=typed,
        first_token_timeout=settings.llm_timeout,
        token_timeout=settings.llm_timeout,
        max_reply_tokens=settings.max_reply_tokens,
        context_tokens=settings.context_tokens,
        temperature=None if settings.temperature < 0 else settings.temperature,
        tools=settings.tools,
        mcp=[line for line in settings.mcp.splitlines() if line.strip()],
        thinking=settings.thinking == LISTENING,
    )
    return answerer if settings.memory in (AUTO, OFF) else remembering(answerer, settings.memory)


def _open_decider(settings: Settings, turn_taking: TurnTakingModels) -> Decider[Any] | None:
    """None for the rules, which each session makes by its own settings. Raises ModelError, SettingsError."""
    if settings.decider == RULES or not settings.assistant:
        return None
    return load_decider(
        settings.decider,
        turn_taking,
        settings.floor,
        heads=settings.decider_heads,
        gates=settings.decider_gates,
    )


def _open_tagger(settings: Settings) -> SoundTagger[Any] | None:
    """None if sounds are not to be told, or no tagger has been trained. Raises ModelError for one that is damaged."""
    from duplex.models.sounds import has_weights, load_tagger

    return load_tagger() if settings.sounds != OFF and has_weights() else None


def _open_translator(settings: Settings) -> Translator | None:
    """None if no language is asked for. Raises ModelError, SettingsError."""
    target = settings.translate_to.partition(",")[0].strip() or settings.interpret
    target = target or next(iter(settings.other_recognizers), "")
    if not target:
        return None
    from duplex.models.translation import load_translator

    return load_translator(settings.translator, settings.language, target)


async def own_engines(steps: Steps, settings: Settings, stack: AsyncExitStack) -> Engines:
    """Engines that the session owns, closed with it; those that come too late for their session are closed as well."""
    loading = asyncio.ensure_future(steps.run("load", Engines.from_settings, settings))
    try:
        engines = await asyncio.shield(loading)
    except asyncio.CancelledError:
        loading.add_done_callback(_close_unwanted)
        raise
    stack.push_async_callback(engines.close)
    return engines


def _close_unwanted(loading: asyncio.Future[Engines]) -> None:
    if not loading.cancelled() and loading.exception() is None:
        loading.result().close_now()

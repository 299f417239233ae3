"""What can be known to be wrong before any work: an unknown voice, a language nobody understands, a silent server."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from duplex.conversation.captions.track import check_pair
from duplex.conversation.interpreting.voice import voice_of
from duplex.engines import Engines
from duplex.models.interaction import AUTO
from duplex.models.language_tags import primary
from duplex.models.translation.contract import Translator
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.settings import Settings
from duplex.streaming.errors import EndpointError, ModelError, SettingsError

ANSWERS_WITHIN = 5.0
"""Seconds in which a model server must accept a connection."""


def check_conversation(settings: Settings, engines: Engines) -> None:
    """Raises SettingsError or EndpointError, in one line, for what would end a conversation in silence."""
    check_language(settings.language, engines.recognizer)
    if settings.interpret:
        check_interpreting(settings, engines.synthesizer, engines.translator)
    if not settings.assistant:
        return
    check_language(settings.language, engines.synthesizer)
    voice = Voice(settings.voice, settings.language, settings.speech_rate, settings.speech_volume)
    try:
        speech = engines.synthesizer.synthesize("", voice)
        close = getattr(speech, "close", None)
        if close is not None:
            close()
    except ModelError as error:
        raise SettingsError(f"voice {settings.voice or settings.language!r}: {error}") from None
    if settings.llm and settings.llm != AUTO:
        check_server(settings.llm)


def check_interpreting(settings: Settings, synthesizer: Synthesizer, translator: Translator | None) -> None:
    """Raises SettingsError where what is said cannot be translated to, or spoken in, the language to interpret to."""
    source, target = primary(settings.language), primary(settings.interpret)
    if source == target:
        raise SettingsError(f"interpret: the speaker's language is {source} already; --language says if it is another")
    if translator is not None:
        check_pair(translator, source, target)
    voice_of(synthesizer, Voice(settings.voice), target)


def check_language(language: str, engine: Any) -> None:
    """Raises SettingsError where an engine says which languages it knows, and this one is not among them."""
    known = getattr(engine, "languages", None)
    if not known:
        return
    primary = {tag.partition("-")[0].lower() for tag in known}
    if language.partition("-")[0].lower() not in primary:
        raise SettingsError(
            f"language {language!r}: {engine.name} knows only {', '.join(sorted(primary))}; choose another engine"
        )


def check_server(address: str) -> None:
    """Raises EndpointError unless something accepts a connection at the address. Behind a proxy nothing is tried."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=ANSWERS_WITHIN).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise EndpointError(f"{address}: the language model cannot be reached ({reason}); is the server up?") from None

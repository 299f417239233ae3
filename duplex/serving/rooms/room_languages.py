"""The languages of a room: what each of its people speaks, and who hears the others in their own language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duplex.conversation.captions.track import check_pair
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.models.language_tags import primary
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.mixing import Mix
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError


class RoomLanguages:
    """engines: with a recognizer for each language that can be spoken. mix: what everybody hears."""

    def __init__(self, settings: Settings, engines: Engines, session: Callable[[], Session | None], mix: Mix) -> None:
        self._own = primary(settings.language)
        self._engines = engines
        self._session = session
        self._mix = mix
        self._spoken: dict[str, str] = {}
        self._listening: dict[str, str] = {}

    @property
    def offered(self) -> tuple[str, ...]:
        """What people can speak here, two letters each, the room's own language first."""
        return (self._own, *sorted(set(self._engines.recognizers) - {self._own}))

    @property
    def several(self) -> bool:
        """Whether somebody speaks another language than the room's."""
        return any(language != self._own for language in self._spoken.values())

    def of(self, call: Call) -> str:
        """The language that the person of this call speaks."""
        return self._spoken.get(call.id, self._own)

    def interprets(self, call: Call) -> bool:
        """Whether the others' words are spoken to this person in their own language."""
        return call.id in self._listening

    def describe(self, call: Call) -> dict[str, Any]:
        """What holds for the person of this call."""
        return {"speaks": self.of(call), "interpret": self.interprets(call)}

    async def speak(self, call: Call, language: str) -> None:
        """The person speaks this language from the next utterance on; empty: the room's own. Raises SettingsError for
        one that the server does not hear or cannot translate."""
        session, language = self._session(), primary(language) or self._own
        self._check(language)
        if session is None or language == self.of(call):
            return
        session.host.speaks(call.seat, "" if language == self._own else language)
        self._spoken[call.id] = language
        self._mix.speaks(call.name, language)
        if self.interprets(call):
            await self.interpret(call, True)

    async def interpret(self, call: Call, on: bool) -> None:
        """Speak to the person, in their own language, what those say who speak another; or let them hear only the
        others themselves. Raises SettingsError for a language that cannot be had, ModelError."""
        session = self._session()
        if session is None:
            return
        language = self.of(call) if on else ""
        await session.interpret(f"call {call.id}", language)
        self._listening.pop(call.id, None)
        if on:
            self._listening[call.id] = language
        self._mix.interpret(call.name, language)

    async def leave(self, call: Call) -> None:
        """The seat will be somebody else's."""
        await self.interpret(call, False)
        if self._spoken.pop(call.id, self._own) != self._own and (session := self._session()) is not None:
            session.host.speaks(call.seat, "")

    def _check(self, language: str) -> None:
        if language not in self.offered:
            raise SettingsError(
                f"this server hears {', '.join(self.offered)}, not {language[:20]!r}: it hears more if it is started "
                f"with --recognizers {language[:20]}=RECOGNIZER, such as faster-whisper:small"
            )
        if language != self._own and self._engines.translator is not None:
            for pair in ((self._own, language), (language, self._own)):
                check_pair(self._engines.translator, *pair)

"""Captions in a room: in which language each of its people reads them."""

from __future__ import annotations

from collections.abc import Callable

from duplex.conversation.captions.languages import caption_languages
from duplex.conversation.session import Session
from duplex.models.language_tags import primary
from duplex.models.translation.contract import Translator
from duplex.settings import Settings


class RoomCaptions:
    """translator: the one that is loaded already; None: each session loads its own when somebody wants captions."""

    def __init__(
        self, settings: Settings, translator: Translator | None, session: Callable[[], Session | None]
    ) -> None:
        several = {primary(settings.language)} if settings.other_recognizers else set()
        self.offered = tuple(sorted({*caption_languages(settings, translator), *several}))
        """Where people speak several languages, also the room's own."""
        self._session = session
        self._read: dict[str, str] = {}

    def of(self, call: str) -> str:
        """The language that the person of this call reads; empty: no captions."""
        return self._read.get(call, "")

    async def read(self, call: str, language: str) -> None:
        """From now on. Raises SettingsError for a language that is not to be had, ModelError."""
        session = self._session()
        if session is None:
            return
        await session.translate(f"call {call}", language)
        if language:
            self._read[call] = language
        else:
            self._read.pop(call, None)

"""Captions of a session: the track is made, and its translator loaded, when somebody first wants one."""

from __future__ import annotations

from collections.abc import Callable

from duplex import events as ev
from duplex.conversation.captions.track import CaptionTrack
from duplex.conversation.hearing.perception import Perception
from duplex.conversation.turn_manager import TurnManager
from duplex.models.translation import Translator, load_translator
from duplex.settings import Settings
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import Steps


class LiveCaptions:
    """translator: loaded as the settings say if it is None."""

    def __init__(
        self,
        translator: Translator | None,
        settings: Settings,
        steps: Steps,
        pipeline: Pipeline,
        perception: Perception,
        manager: TurnManager,
        emit: Callable[[ev.Event], None],
    ) -> None:
        self._translator = translator
        self._settings = settings
        self._steps = steps
        self._pipeline = pipeline
        self._perception = perception
        self._manager = manager
        self._emit = emit
        self._track: CaptionTrack | None = None
        self._spoken: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Whether something that was said is still being translated."""
        return self._track is not None and self._track.busy

    async def begin(self) -> None:
        """The languages of the settings. Raises as `translate`."""
        for language in self._settings.translate_to.split(","):
            if language.strip():
                await self.translate(f"settings: {language}", language)

    async def translate(self, listener: str, language: str) -> None:
        """See Session.translate."""
        settings = self._settings
        if self._translator is None and language:
            pair = settings.language, language
            self._translator = await self._steps.run("load", load_translator, settings.translator, *pair)
        if self._track is not None:
            self._track.listen(listener, language)
        elif self._translator is not None:
            track = CaptionTrack(
                self._translator,
                self._steps,
                self._emit,
                settings.language,
                settings.translation_policy,
                self._spoken,
            )
            track.listen(listener, language)
            track.node.after = tuple(self._perception.nodes)
            self._pipeline.add(track.node)
            self._track, self._manager.captions = track, track.hear

    def speaks(self, party: str, language: str) -> None:
        """A party speaks this language from now on; empty: the session's. Two letters."""
        if language:
            self._spoken[party] = language
        else:
            self._spoken.pop(party, None)

    def tick(self) -> None:
        """Time has passed."""
        if self._track is not None:
            self._track.tick(self._manager.now, lambda party: self._manager.segmenters[party].open)

"""What a server or a device around a session needs of it, beside what a user of the session calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from duplex.models.interaction.contract import Control, Request, Utterance
from duplex.models.interaction.percepts import Percept
from duplex.models.tts.contract import WordMark
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError

if TYPE_CHECKING:
    from duplex.conversation.captions.live import LiveCaptions
    from duplex.conversation.hearing.perception import Perception
    from duplex.conversation.turn_manager import TurnManager
    from duplex.engines import Engines


class HostControls:
    """`session.host`. parties: names of the input's channels."""

    def __init__(self, parties: tuple[str, ...]) -> None:
        self.parties = parties
        self._manager: TurnManager
        self._perception: Perception
        self._captions: LiveCaptions
        self._engines: Engines

    def attach(self, manager: TurnManager, perception: Perception, captions: LiveCaptions, engines: Engines) -> None:
        """The session has been built."""
        self._manager = manager
        self._perception = perception
        self._captions = captions
        self._engines = engines

    def rename(self, index: int, party: str) -> bool:
        """Another person has channel `index` of the input: what is heard on it from now on is theirs.

        False, and no change, while something that was said on it is still being heard or recognized. Raises
        SettingsError if another channel has that name.
        """
        if party in (*self.parties[:index], *self.parties[index + 1 :]):
            raise SettingsError(f"party {party!r} is on another channel already")
        if not self._perception.rename(index, party):
            return False
        if self.parties[index] != party:
            self._captions.speaks(self.parties[index], "")
        self.parties = (*self.parties[:index], party, *self.parties[index + 1 :])
        return True

    def speaks(self, index: int, language: str) -> None:
        """Who has channel `index` speaks this language, two letters, from the next utterance on; empty: the session's.

        Raises SettingsError if no recognizer hears the language.
        """
        recognizer = self._engines.recognizers.get(language) if language else self._engines.recognizer
        if recognizer is None:
            raise SettingsError(f"no recognizer hears {language!r}: name one with --recognizers {language}=RECOGNIZER")
        self._perception.recognizers[index].recognize_with(
            recognizer, lambda: self._captions.speaks(self.parties[index], language)
        )

    def remember(self, heard: Iterable[Utterance], timers: Iterable[Control] = ()) -> None:
        """Go on from an earlier session: what was said in it, at negative times, and its pending timers."""
        self._manager.remember(heard, timers)

    def remembered(self) -> list[Utterance]:
        """The history, for a session that goes on from here: at the times before its beginning."""
        now = self._manager.now / SAMPLE_RATE
        past = self._manager.history.utterances()
        return [replace(each, start=each.start - now, end=each.end - now) for each in past]

    def revise(self, party: str, start: int, text: str) -> None:
        """Of the party's utterance that began at the sample `start`, only `text` was heard; nothing, if it is empty."""
        self._manager.history.revise(party, start, text)

    def write(self, on: bool) -> None:
        """Replies that begin from now on are written, not spoken: `ReplyText` has them as they are made, and what has
        been told of one counts as heard."""
        self._manager.replies.silent = on

    def interrupt(self) -> None:
        """End the reply that is being given, at once."""
        self._manager.interrupt()

    @property
    def history(self) -> tuple[Utterance, ...]:
        """What was heard so far, by either side."""
        return self._manager.history.utterances()

    def request(self, text: str, past: tuple[Utterance, ...], **more: Any) -> Request:
        """A question beside the conversation, for the session's answerer: what the session knows, after another past
        than its own. more: further fields."""
        return self._manager.request(text, past, **more)

    def control(self, control: Control) -> None:
        """What an answerer wants done beside speaking."""
        self._manager.control(control)

    async def synthesize(self, text: str) -> tuple[str, np.ndarray, tuple[WordMark, ...]]:
        """A text in the voice of the session, of which it plays nothing: as it is spoken, (n,) float32 at 16 kHz, and
        the marks of its words. Raises what the synthesizer raises."""
        return await self._manager.replies.synthesize(text)

    @property
    def replying(self) -> int | None:
        """The epoch of the reply that is being made or given."""
        current = self._manager.replies.current
        return None if current is None else current.epoch

    @property
    def position(self) -> int:
        """Samples of that reply that have been played."""
        return self._manager.playback.position

    @property
    def made(self) -> int:
        """Samples of that reply that have been made so far."""
        track = self._manager.playback.track
        return 0 if track is None else track.written

    def perceive(self, percept: Percept) -> None:
        """Something that the session has not perceived itself: a sound, what a tool has found. Decided on at once."""
        self._manager.percepts.put(percept, fresh=True)

    def set_preroll(self, seconds: float) -> None:
        """So much of the sound before what activity detects as speech is recognized with it."""
        for segmenter in self._manager.segmenters.values():
            segmenter.preroll = round(seconds * SAMPLE_RATE)

    def diarize(self, on: bool) -> None:
        """Tell the people on the channel apart, or leave that for now, where the session can do it at all."""
        if self._perception.labels is not None:
            self._perception.labels.paused = not on

    def capability_lost(self, capability: str, reason: str) -> None:
        """Tell the session, and whoever follows its events, that something around it failed (a transport, a device)."""
        self._manager.capability_lost(capability, reason)

    def capability_restored(self, capability: str) -> None:
        """What was lost is back."""
        self._manager.capability_restored(capability)

"""The user's side of a conversation: voice activity, committed items and their transcripts, as events of the API.

Clients stop what they play at `speech_started`. So speech over a response is told only once it takes the floor: a
"mhm" or a cough costs nothing, and the session's own voice, which pauses at the onset, goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable

from duplex import events as ev
from duplex.serving.realtime.items import Item, Items
from duplex.serving.realtime.wire import Outbox, new_id
from duplex.streaming.audio import SAMPLE_RATE

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class HeardSpeech:
    """milliseconds: a sample of the session as a time in the client's sound. transcribes: whether transcripts are
    wanted. padding: seconds of sound before speech that belong to it."""

    def __init__(
        self,
        outbox: Outbox,
        items: Items,
        milliseconds: Callable[[int], int],
        transcribes: Callable[[], bool],
        padding: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._items = items
        self._milliseconds = milliseconds
        self._transcribes = transcribes
        self._padding = padding
        self._onset: int | None = None
        self._id = ""
        self._told = False
        self._words = 0
        """Of the turn so far that a delta has told."""
        self._past = 0
        """Words of the turn's utterances that are over."""
        self._utterance = -1
        self._turn: tuple[int, Item] | None = None

    def started(self, onset: int, *, over_response: bool) -> None:
        if self._onset is None:
            self._onset, self._id = onset, new_id("item")
        if not over_response:
            self.took_floor()

    def took_floor(self) -> None:
        """What was begun over a response is a turn, or the response is over before it."""
        if self._onset is not None and not self._told:
            self._told = True
            self._outbox.put(
                "input_audio_buffer.speech_started",
                audio_start_ms=self._milliseconds(max(0, self._onset - round(self._padding() * SAMPLE_RATE))),
                item_id=self._id,
            )

    def let_pass(self) -> None:
        """What was begun over a response was none."""
        if not self._told:
            self._reset()

    def partial(self, event: ev.Partial) -> None:
        """The stable words of an utterance are never taken back, so they can be told."""
        if not self._told or not self._transcribes():
            return
        if event.start != self._utterance:
            self._past, self._utterance = self._words, event.start
        stable = event.text[: event.stable].split()
        fresh = stable[self._words - self._past :]
        if fresh:
            self._tell(fresh)

    def turn(self, event: ev.Turn) -> Item:
        """A turn that is over, or one that does not take the floor. A turn that goes on after all comes again, whole:
        its earlier item is deleted."""
        if event.kind == "turn":
            self.started(event.start, over_response=False)
            if self._turn is not None and self._turn[0] == event.turn:
                self._items.remove(self._turn[1])
                self._outbox.put("conversation.item.deleted", item_id=self._turn[1].id)
        item = self._commit(event.text, event.start, event.end, spoken=event.kind == "turn")
        if event.kind == "turn":
            self._turn = (event.turn, item)
        return item

    def nothing_said(self, end: int) -> None:
        """The sound had no words."""
        if self._told and self._onset is not None:
            self._commit("", self._onset, end, spoken=True)
        self._reset()

    def _commit(self, text: str, start: int, end: int, *, spoken: bool) -> Item:
        id = self._id or new_id("item")
        if spoken:
            self._outbox.put("input_audio_buffer.speech_stopped", audio_end_ms=self._milliseconds(end), item_id=id)
        item = self.committed(id, text, start)
        if self._transcribes():
            if rest := text.split()[self._words :]:
                self._tell(rest)
            self._complete(item, end - start)
        self._reset()
        return item

    def committed(self, id: str, text: str = "", start: int | None = None) -> Item:
        """Sound becomes an item. text: what it says, if that is known already."""
        transcript = text if self._transcribes() and start is not None else None
        item = Item("user", [{"type": "input_audio", "transcript": transcript}], id, start=start, heard=text)
        before = self._items.add(item)
        self._outbox.put("input_audio_buffer.committed", item_id=id, previous_item_id=before)
        self._outbox.put("conversation.item.added", item=item.as_dict(), previous_item_id=before)
        self._outbox.put("conversation.item.done", item=item.as_dict(), previous_item_id=before)
        return item

    def recognized(self, item: Item, text: str, samples: int) -> None:
        """What the sound of a committed item says, and how long it lasts."""
        item.heard = text
        if self._transcribes():
            item.content[0]["transcript"] = text
            if text:
                self._outbox.put(f"{_TRANSCRIPTION}.delta", item_id=item.id, content_index=0, delta=text)
            self._complete(item, samples)

    def unrecognized(self, item: Item, reason: str) -> None:
        """The recognizer has failed at a committed item."""
        error = {"type": "server_error", "code": "transcription_failed", "message": reason[:500], "param": None}
        self._outbox.put(f"{_TRANSCRIPTION}.failed", item_id=item.id, content_index=0, error=error)

    def _complete(self, item: Item, samples: int) -> None:
        self._outbox.put(
            f"{_TRANSCRIPTION}.completed",
            item_id=item.id,
            content_index=0,
            transcript=item.heard,
            usage={"type": "duration", "seconds": round(samples / SAMPLE_RATE, 3)},
        )

    def _tell(self, words: list[str]) -> None:
        delta = (" " if self._words else "") + " ".join(words)
        self._words += len(words)
        self._outbox.put(f"{_TRANSCRIPTION}.delta", item_id=self._id, content_index=0, delta=delta)

    def _reset(self) -> None:
        self._onset, self._id, self._told = None, "", False
        self._words, self._past, self._utterance = 0, 0, -1

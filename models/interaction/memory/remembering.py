"""An answerer that remembers: notes of earlier conversations come with each request, and new ones are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from duplex.models.interaction.around import Around
from duplex.models.interaction.contract import Answerer, Control, MemoryUsed, Note, Request, Say
from duplex.models.interaction.memory.notes import Kept, Notes
from duplex.models.interaction.memory.relevance import bearing
from duplex.models.interaction.memory.statements import worth_noting
from duplex.models.interaction.skills.kept_facts import confirmed_fact, to_be_forgotten, with_consent
from duplex.streaming.errors import OutputError

LOST = " I cannot keep it beyond this conversation, though: the notes cannot be written."


class Remembering(Around):
    """Puts a person's notes before `answerer`, whatever that is, and keeps what a turn asks to be kept.

    Notes are of the party that speaks. What is asked to be forgotten is deleted from the file. Where the file fails the
    conversation goes on without it, and the user is told if something was to be kept.
    """

    def __init__(self, answerer: Answerer, notes: Notes) -> None:
        super().__init__(answerer)
        self.notes = notes
        self._last: dict[str, tuple[str, list[int]]] = {}
        """By dialogue: the turn before, and the notes that came of it."""

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        request, used, noted, failed = await request.run("remember", self._remembered, request)
        if used and request.report is not None:
            request.report(used)
        said = ""
        async with aclosing(self.answerer.answer(request)) as answer:  # type: ignore[type-var]
            async for item in answer:
                said += item.text if isinstance(item, Say) else ""
                yield item
        if not noted and "remember" in said.lower():  # a model may have kept it: the answer is the record
            failed = not await request.run("remember", self._confirmed, request, said)
        if failed:
            yield Say(LOST)

    def forget(self, dialogue: str) -> None:
        """The conversation is over; its notes stay."""
        self._last.pop(dialogue, None)
        super().forget(dialogue)

    async def close(self) -> None:
        await super().close()
        self.notes.close()

    def _confirmed(self, request: Request, said: str) -> bool:
        """Keeps what the answer says that it will remember, if it says so; whether that could be done."""
        try:
            if fact := confirmed_fact(said):
                self.notes.add(request.party, fact, request.wall_time)
        except OutputError:
            return False
        return True

    def _remembered(self, request: Request) -> tuple[Request, MemoryUsed, bool, bool]:
        """Keeps and deletes what the turn asks for. Returns the request with the notes as they were before, what became
        of them, whether there was something to be kept, and whether it could not be."""
        worth = list(worth_noting(request.text))
        try:
            return *self._with_notes(request, worth), bool(worth), False
        except OutputError:
            return request, MemoryUsed(), bool(worth), bool(worth)

    def _with_notes(self, request: Request, worth: list[tuple[str, str]]) -> tuple[Request, MemoryUsed]:
        text, ids = self._last.pop(request.dialogue, ("", []))
        if text and request.text.startswith(text) and not any(heard.text == text for heard in request.history):
            self.notes.delete(ids)  # the turn had not been over: it comes again, whole
        kept = self.notes.of(request.party)
        notes = {_note(each, request): each.id for each in kept}
        text = with_consent(request.text, request.history)
        gone = to_be_forgotten(text, list(notes), request.history, request.party)
        self.notes.delete([notes[note] for note in gone])
        added = [self.notes.add(request.party, note, request.wall_time, settled) for note, settled in worth]
        self._last[request.dialogue] = request.text, [each for each in added if each is not None]
        used = MemoryUsed(
            tuple(note for note, _ in worth),
            tuple(note.text for note in bearing(list(notes), request.text) if note not in gone),
            tuple(note.text for note in gone),
        )
        return replace(request, notes=tuple(notes)), used


def _note(kept: Kept, request: Request) -> Note:
    ago = (request.wall_time - kept.said_at).total_seconds()
    return Note(kept.text, kept.person, request.now - max(0.0, ago))

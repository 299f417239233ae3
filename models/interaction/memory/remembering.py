"""An answerer that remembers: notes of earlier conversations come with each request, and new ones are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from duplex.models.interaction.contract import Answerer, Control, Note, Request, Say
from duplex.models.interaction.memory.notes import Kept, Notes
from duplex.models.interaction.memory.statements import worth_noting
from duplex.models.interaction.skills.kept_facts import confirmed_fact, to_be_forgotten, with_consent
from duplex.streaming.errors import OutputError

LOST = " I cannot keep it beyond this conversation, though: the notes cannot be written."


class Remembering:
    """Puts a person's notes before `answerer`, whatever that is, and keeps what a turn asks to be kept.

    Notes are of the party that speaks. What is asked to be forgotten is deleted from the file. Where the file fails the
    conversation goes on without it, and the user is told if something was to be kept.
    """

    def __init__(self, answerer: Answerer, notes: Notes) -> None:
        self.answerer = answerer
        self.notes = notes
        self._last: dict[str, tuple[str, list[int]]] = {}
        """By dialogue: the turn before, and the notes that came of it."""

    @property
    def name(self) -> str:
        return self.answerer.name

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        noted = list(worth_noting(request.text))
        failed = False
        try:
            request = await request.run("remember", self._remembered, request)
        except OutputError:
            failed = bool(noted)
        said = ""
        async with aclosing(self.answerer.answer(request)) as answer:  # type: ignore[type-var]
            async for item in answer:
                said += item.text if isinstance(item, Say) else ""
                yield item
        if not noted and (fact := confirmed_fact(said)):  # a model kept it: the answer is the record
            try:
                await request.run("remember", self.notes.add, request.party, fact, request.wall_time)
            except OutputError:
                failed = True
        if failed:
            yield Say(LOST)

    async def prepare(self, request: Request) -> None:
        """The model may work in advance, without notes: those come behind the turn, when it is over."""
        if (prepare := getattr(self.answerer, "prepare", None)) is not None:
            await prepare(request)

    def forget(self, dialogue: str) -> None:
        """The conversation is over; its notes stay."""
        self._last.pop(dialogue, None)
        if (forget := getattr(self.answerer, "forget", None)) is not None:
            forget(dialogue)

    async def close(self) -> None:
        await self.answerer.close()
        self.notes.close()

    def _remembered(self, request: Request) -> Request:
        """Keeps and deletes what the turn asks for; returns the request with the notes as they were before."""
        text, ids = self._last.pop(request.dialogue, ("", []))
        if text and request.text.startswith(text) and not any(heard.text == text for heard in request.history):
            self.notes.delete(ids)  # the turn had not been over: it comes again, whole
        kept = self.notes.of(request.party)
        notes = {_note(each, request): each.id for each in kept}
        text = with_consent(request.text, request.history)
        gone = to_be_forgotten(text, list(notes), request.history, request.party)
        self.notes.delete([notes[note] for note in gone])
        added = [
            self.notes.add(request.party, worth, request.wall_time, settled)
            for worth, settled in worth_noting(request.text)
        ]
        self._last[request.dialogue] = request.text, [each for each in added if each is not None]
        return replace(request, notes=tuple(notes))


def _note(kept: Kept, request: Request) -> Note:
    ago = (request.wall_time - kept.said_at).total_seconds()
    return Note(kept.text, kept.person, request.now - max(0.0, ago))

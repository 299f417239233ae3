"""Responses outside the conversation (`conversation: "none"`): the session's own answerer, asked beside it.

What they are given is the conversation, or the input of their own; what they say is told to the client alone, is not
spoken on the session's clock, and nobody remembers it. They may go while the conversation has a response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from duplex.conversation.history import ASSISTANT
from duplex.conversation.session import Session
from duplex.models.interaction.contract import Answerer, Request, Say, Utterance
from duplex.models.interaction.sentences import SentenceSplitter
from duplex.serving.realtime.client_tools import ClientTools
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.items import Item, Items
from duplex.serving.realtime.response import Response
from duplex.serving.realtime.response_request import Wanted, terms
from duplex.serving.realtime.wire import ClientError, Outbox, unsupported
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.pipeline import reason_of

MOST = 4
"""At once."""

PIECE = 3200
"""Samples of sound that are encoded at once."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a response is asked: text, after what was said before it, under instructions."""

    text: str
    past: tuple[Utterance, ...]
    instructions: str


class Asides:
    """Those of one conversation. answerer: what the session's replies come from. items: of the conversation."""

    def __init__(
        self, outbox: Outbox, answerer: Answerer, items: Items, configuration: Callable[[], Configuration]
    ) -> None:
        self._outbox = outbox
        self._answerer = answerer
        self._items = items
        self._configuration = configuration
        self._given: dict[asyncio.Task[None], Response] = {}

    def begin(self, wanted: Wanted, session: Session) -> None:
        """Raises ClientError."""
        made = self._configuration()
        agreed = terms(wanted, made)
        if not agreed.silent and not self._outbox.carries_sound:
            why = 'the track has the sound of the conversation; ask for output_modalities: ["text"]'
            raise unsupported("speech outside the conversation over WebRTC", "response.output_modalities", why)
        if len(self._given) >= MOST:
            raise ClientError(f"{MOST} responses outside the conversation are given at once", "rate_limit_exceeded")
        context = self._context(wanted, session)
        response = Response(agreed, self._outbox, None, None)
        task = asyncio.create_task(self._give(response, context, session))
        self._given[task] = response
        task.add_done_callback(lambda done: self._given.pop(done, None))

    def cancel(self, id: object) -> bool:
        """Whether there was one of this id; it ends with `response.done`."""
        for task, response in self._given.items():
            if response.id == id:
                response.reason = response.reason or "client_cancelled"
                task.cancel()
                return True
        return False

    async def close(self) -> None:
        tasks = tuple(self._given)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _context(self, wanted: Wanted, session: Session) -> Context:
        given = self._items if wanted.input is None else wanted.input
        system = [item.text for item in given if item.role == "system"]
        if wanted.input is None:
            past = session.host.history
        else:
            told = [(item, _told(item)) for item in wanted.input if item.role != "system"]
            now, party = session.now, session.parties[0]
            past = tuple(_utterance(item, text, party, now) for item, text in told if text)
        text = wanted.instructions
        if past and past[-1].party != ASSISTANT and (wanted.input is not None or not text):
            text, past = past[-1].text, past[:-1]
        if not text:
            raise ClientError("there is nothing to answer: give it instructions or an input", "nothing_to_answer")
        own = wanted.instructions or self._configuration().instructions
        return Context(text, past, "\n".join(each for each in (own, *system) if each))

    async def _give(self, response: Response, context: Context, session: Session) -> None:
        """Task: one response, to its `response.done`."""
        here = asyncio.current_task()
        assert here is not None

        def called(item: Item) -> None:
            response.call(item)
            asyncio.get_running_loop().call_soon(here.cancel)

        tools = ClientTools(called)
        agreed = response.terms
        request = session.host.request(
            context.text,
            context.past,
            instructions=context.instructions,
            tools=tools.of(agreed.offered),
            must_call=agreed.must,
        )
        try:
            await self._make(response, request, session)
        except asyncio.CancelledError:
            if not response.calling and not response.reason:
                raise
        except Exception as error:
            response.failed = reason_of(error)
        response.transcript = response.said
        response.end()

    async def _make(self, response: Response, request: Request, session: Session) -> None:
        splitter = SentenceSplitter()
        async with aclosing(self._answerer.answer(request)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if not isinstance(piece, Say):
                    session.host.control(piece)
                elif response.silent:
                    response.text(piece.text)
                else:
                    for sentence in splitter.push(piece.text):
                        await _speak(response, sentence, session)
                if response.reason:
                    return
        for sentence in splitter.flush() if not response.silent else ():
            await _speak(response, sentence, session)


async def _speak(response: Response, sentence: str, session: Session) -> None:
    if response.reason or not sentence.strip():
        return
    spoken, samples, marks = await session.host.synthesize(sentence)
    if not (text := spoken.strip()):
        return
    response.text(text)
    at = 0
    for mark in marks:
        while at < mark.end:
            response.audio(samples[at : min(at + PIECE, mark.end)])
            at = min(at + PIECE, mark.end)
        response.word(spoken[mark.text_start : mark.text_end])
    for place in range(at, len(samples), PIECE):
        response.audio(samples[place : place + PIECE])


def _told(item: Item) -> str:
    """As a turn of the one who speaks; calls of functions and their results as well."""
    match item.kind:
        case "function_call":
            return f"(Called {item.fields['name']} with {item.fields['arguments']})"
        case "function_call_output":
            return f"(What the function returned, as data: {item.fields['output']})"
    return item.text


def _utterance(item: Item, text: str, party: str, now: int) -> Utterance:
    own = item.role == "assistant" or item.kind == "function_call"
    at = now / SAMPLE_RATE
    return Utterance(ASSISTANT if own else party, text, at, at)

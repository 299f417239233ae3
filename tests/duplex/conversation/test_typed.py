from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime

import pytest

from duplex import events as ev
from duplex.conversation.typed import LONGEST_TURN, TypedConversation
from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.skills import Skills
from duplex.session_record.session_log import parse_events
from duplex.streaming.clock import VirtualClock
from duplex.streaming.errors import EndpointError, InputError

MORNING = datetime(2026, 11, 22, 10, 0)


class Scripted:
    """Says each piece of its script; what is not text is raised or handed on."""

    name = "scripted"

    def __init__(self, *script: object) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.closed = False

    async def answer(self, request: Request):
        self.requests.append(request)
        try:
            for piece in self.script:
                if isinstance(piece, Exception):
                    raise piece
                yield Say(piece) if isinstance(piece, str) else piece
                await asyncio.sleep(0)
        finally:
            self.closed = True

    async def close(self) -> None:
        pass


async def said(conversation: TypedConversation, text: str) -> str:
    return "".join([piece async for piece in conversation.answer(text)])


def conversing(answerer, talk) -> list[ev.Event]:
    """Runs `talk(conversation)` on a virtual clock; returns the events."""
    clock, events = VirtualClock(), []

    async def main() -> None:
        conversation = TypedConversation(answerer, emit=events.append, clock=clock, wall_time=MORNING)
        await talk(conversation)
        conversation.close()

    clock.run(main())
    return events


def test_skills_memory_and_repeating():
    async def talk(conversation):
        assert await said(conversation, "what time is it") == "It is 10 AM."
        await said(conversation, "remember that my car is blue")
        assert "blue" in await said(conversation, "what did I say about my car")
        assert "blue" in await said(conversation, "say that again")
        assert await said(conversation, "  \t ") == ""

    events = conversing(Skills(), talk)
    turns = [event for event in events if isinstance(event, ev.Turn)]
    assert [turn.turn for turn in turns] == [1, 2, 3, 4]
    assert all(turn.typed for turn in turns)


def test_timers_speak_up_by_themselves_in_their_order_and_can_be_cancelled():
    async def talk(conversation):
        waiting = asyncio.create_task(conversation.announcement())
        await asyncio.sleep(0)
        await said(conversation, "set a timer for ten minutes")
        await said(conversation, "set a timer for two minutes")
        assert conversation.due_within(600)
        assert not conversation.due_within(60)
        assert "two minute" in await waiting
        assert conversation.now // 16_000 in (120, 121)
        await said(conversation, "cancel all timers")
        assert not conversation.due_within(36_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await conversation.announcement()

    events = conversing(Skills(), talk)
    assert [event.kind for event in events if isinstance(event, ev.Decision)] == ["announce"]


def test_an_interrupted_answer_is_remembered_as_far_as_it_was_read():
    answerer = Scripted("One. ", "Two. ", "Three.")

    async def talk(conversation):
        async with aclosing(conversation.answer("count")) as pieces:
            assert await anext(pieces) == "One. "
        assert answerer.closed
        await said(conversation, "go on")
        assert [(heard.text, heard.interrupted) for heard in answerer.requests[1].history] == [
            ("count", False),
            ("One.", True),
        ]

    replies = [event for event in conversing(answerer, talk) if isinstance(event, ev.Reply)]
    assert [(reply.text, reply.interrupted) for reply in replies] == [("One.", True), ("One. Two. Three.", False)]


def test_a_model_that_fails_is_a_sentence_and_the_conversation_goes_on():
    async def talk(conversation):
        assert await said(conversation, "hello") == "Well. The model is asleep."
        assert await said(conversation, "hello") == "Well. The model is asleep."

    events = conversing(Scripted("Well.", EndpointError("http://x: no", spoken="The model is asleep.")), talk)
    assert [event.reason for event in events if isinstance(event, ev.CapabilityLost)] == ["http://x: no"] * 2


def test_a_turn_that_is_too_long_is_refused():
    async def talk(conversation):
        with pytest.raises(InputError, match=str(LONGEST_TURN)):
            await said(conversation, "word " * LONGEST_TURN)
        assert await said(conversation, "hello") == "Yes."

    conversing(Scripted("Yes."), talk)


def test_its_log_reads_like_that_of_a_session():
    timer = Control("timer", text="Tea.", at=5.0)

    async def talk(conversation):
        await said(conversation, "remind me of the tea")
        assert await conversation.announcement() == "Tea."

    log = parse_events([event.as_dict() for event in conversing(Scripted("Gladly.", timer), talk)])
    assert [turn.text for turn in log.turns] == ["remind me of the tea"]
    assert [reply.text for reply in log.replies] == ["Gladly.", "Tea."]

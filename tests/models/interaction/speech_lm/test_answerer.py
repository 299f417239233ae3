"""A speech model as an answerer: streams, is interrupted, is told what was heard, and fails in one line."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from duplex.conversation.typed import TypedConversation
from duplex.models.interaction.contract import Request, Say, listener_of
from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.responders.router import Router
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.speech_lm.answerer import SpeechAnswerer
from duplex.streaming.errors import EndpointError, ModelError
from tests.models.interaction.speech_lm import tiny

IDLE = Situation(0.0)
SPEAKING = Situation(0.0, speaking=True)
FIRST = np.concatenate([tiny.sound(0.4), np.zeros(40, np.float32)])


def made(**options: Any) -> SpeechAnswerer:
    answerer = SpeechAnswerer(tiny.network(), **{"max_new_tokens": 12, **options})
    answerer.lm.layout = tiny.spelling(answerer.lm.layout)
    answerer.lm._masked = answerer.lm._masked_and_tags = sorted(answerer.lm.layout.masked)
    return answerer


def always(answerer: SpeechAnswerer, score: float) -> SpeechAnswerer:
    """Decides the same after every block; the rest is its own."""
    answerer.lm._read = lambda cache: score  # type: ignore[method-assign]
    return answerer


def asked(text: str = "hello", **more: Any) -> Request:
    return Request(text, dialogue="one", **more)


async def said(answerer: Any, request: Request | None = None) -> str:
    return "".join([item.text async for item in answerer.answer(request or asked()) if isinstance(item, Say)])


async def test_a_block_a_decision_and_an_answer() -> None:
    answerer = always(made(), 0.9)
    assert answerer.hear("one", FIRST[:3000], IDLE) is None
    verdict = answerer.hear("one", FIRST[3000:], IDLE)
    assert verdict is not None and (verdict.action, verdict.score, verdict.gate) == ("respond", 0.9, "listener")
    text = await said(answerer)
    reply = answerer._dialogue("one").state.reply
    assert reply is not None and len(text) == 12 and text == answerer.lm.text_of(reply.tokens)


async def test_a_model_that_has_decided_to_be_silent_says_nothing() -> None:
    answerer = always(made(), 0.1)
    verdict = answerer.hear("one", FIRST, IDLE)
    assert verdict is not None and (verdict.action, verdict.score) == ("silent", 0.9)
    assert await said(answerer) == ""


async def test_a_decision_to_speak_stands_for_a_moment() -> None:
    """The floor gives the turn after the pause that a decision shortens."""
    answerer = always(made(), 0.9)
    answerer.hear("one", FIRST, IDLE)
    always(answerer, 0.1).hear("one", tiny.sound(0.4, 1), IDLE)
    assert await said(answerer)


async def test_what_is_written_is_answered_though_nothing_was_heard() -> None:
    answerer = always(made(), 0.1)
    assert await said(answerer, asked("what time is it", typed=True))
    state = answerer._dialogue("one").state
    assert set(answerer.lm.layout.encode("what time is it")) <= set(state.cache.ids.tolist())


async def test_in_a_typed_conversation_it_keeps_what_it_has_answered() -> None:
    answerer = made()
    conversation = TypedConversation(answerer)
    first = "".join([piece async for piece in conversation.answer("hello")])
    assert "".join([piece async for piece in conversation.answer("and then")])
    ids = answerer._dialogue("").state.cache.ids.tolist()
    spelled = answerer.lm.network.tokenizer.decode([token for token in ids if token < 151_000])
    assert f"hello{first}and then" in spelled


async def test_over_a_reply_it_gives_way_and_what_was_heard_stays() -> None:
    answerer = always(made(), 0.9)
    answerer.hear("one", FIRST, IDLE)
    text = await said(answerer)
    verdict = answerer.hear("one", tiny.sound(0.4, 1), SPEAKING)
    assert verdict is not None and verdict.action == "yield"
    answerer.heard("one", text[:5], True)
    answerer.heard("one", "the timer is over", False)
    answerer.hear("one", tiny.sound(0.4, 2), IDLE)
    ids = answerer._dialogue("one").state.cache.ids.tolist()
    spelled = answerer.lm.network.tokenizer.decode([token for token in ids if 0 <= token < 151_000])
    assert f"{text[:5]}the timer is over" in spelled and text[:6] not in spelled


async def test_a_reply_that_nobody_heard_is_taken_back() -> None:
    answerer = always(made(), 0.9)
    answerer.hear("one", FIRST, IDLE)
    before = len(answerer._dialogue("one").state.cache)
    async with aclosing(answerer.answer(asked())) as pieces:
        await anext(pieces, None)
    assert answerer._dialogue("one").state.reply is not None
    answerer.hear("one", np.zeros(10, np.float32), IDLE)
    state = answerer._dialogue("one").state
    assert state.reply is None and len(state.cache) == before


async def test_a_loop_is_cut() -> None:
    answerer = always(made(max_new_tokens=400), 0.9)
    answerer.hear("one", FIRST, IDLE)
    loop = iter(answerer.lm.layout.encode("go on " * 200))

    def looping(state: Any) -> int:
        token = next(loop)
        state.reply.tokens.append(token)
        return token

    answerer.lm.next_token = looping  # type: ignore[method-assign]
    text = await said(answerer)
    assert 10 < len(text.split()) < 40
    answerer.heard("one", text.strip(), True)
    answerer.hear("one", tiny.sound(0.4, 1), IDLE)
    assert answerer._dialogue("one").state.reply is None


async def test_an_empty_answer_is_said_so() -> None:
    answerer = always(made(), 0.9)
    answerer.hear("one", FIRST, IDLE)
    answerer.lm.next_token = lambda state: None  # type: ignore[method-assign]
    with pytest.raises(EndpointError, match="empty answer"):
        await said(answerer)


async def test_no_memory_left() -> None:
    answerer = always(made(), 0.9)

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    answerer.hear("one", FIRST, IDLE)
    answerer.lm.network.lm.append = full  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="ran out of memory while answering"):
        await said(answerer)
    answerer.lm.network.lm.append_embeddings = full  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="ran out of memory while listening"):
        answerer.hear("two", FIRST, IDLE)


async def test_damaged_weights() -> None:
    import copy

    answerer = made()
    network = answerer.lm.network
    body = network.lm.model
    head = copy.deepcopy(body.head)
    head.weight.data.fill_(float("nan"))
    healthy, body.head = body.head, head
    try:
        with pytest.raises(ModelError, match="logits are not numbers"):
            answerer.hear("one", FIRST, IDLE)
    finally:
        body.head = healthy
    assert answerer.hear("two", FIRST, IDLE) is not None  # it goes on


async def test_conversations_do_not_know_of_one_another() -> None:
    answerer, alone = made(), made()
    for name in ("one", "two"):
        answerer.hear(name, FIRST, IDLE)
    mixed = [answerer.hear(name, tiny.sound(0.4, seed), IDLE) for seed, name in enumerate(("one", "two"))]
    alone.hear("two", FIRST, IDLE)
    assert mixed[1] == alone.hear("two", tiny.sound(0.4, 1), IDLE) != mixed[0]
    answerer.forget("one")
    await answerer.close()


def test_the_gate_gives_each_verdict_once() -> None:
    answerer = always(made(), 0.8)
    gate = answerer.gate("one")
    assert gate.read((), IDLE, gate.initial_state()) == (None, 0)
    verdict = answerer.hear("one", FIRST, IDLE)
    found, state = gate.read((), IDLE, gate.initial_state())
    assert found == verdict is not None
    assert gate.read((), IDLE, state) == (None, state)


async def test_behind_the_router_it_still_listens() -> None:
    answerer = made()
    router = Router(Skills(), answerer)
    assert listener_of(router) is answerer
    assert listener_of(Skills()) is None
    text = await said(router, replace(asked("what is two plus two"), typed=True))
    assert text
    await router.close()

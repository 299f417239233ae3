from __future__ import annotations

import asyncio
from contextlib import suppress

from duplex.conversation.turn_so_far import TurnSoFar
from duplex.models.interaction.contract import Request
from duplex.models.turn_taking import load_turn_taking
from duplex.streaming.errors import ModelError
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import InferencePool


class Watcher:
    def __init__(self) -> None:
        self.lost: list[str] = []

    def capability_lost(self, capability: str, reason: str) -> None:
        self.lost.append(f"{capability}: {reason}")

    def capability_restored(self, capability: str) -> None:
        self.lost.clear()


class Answerer:
    name = "prepares"

    def __init__(self, fail: str = "") -> None:
        self.prepared: list[str] = []
        self.forgotten: list[str] = []
        self.may_go_on = asyncio.Event()
        self.fail = fail

    async def prepare(self, request: Request) -> None:
        if request.text == self.fail:
            raise ModelError("no room")
        self.prepared.append(request.text)
        await self.may_go_on.wait()

    def forget(self, dialogue: str) -> None:
        self.forgotten.append(dialogue)


async def through(turn: TurnSoFar, watcher: Watcher, told: list[str], answerer: Answerer) -> None:
    pipeline = Pipeline(watcher)
    for node in turn.nodes:
        pipeline.add(node)
    async with pipeline:
        for text in told:
            turn.prepare(text, Request)
            for _ in range(5):
                await asyncio.sleep(0)
        answerer.may_go_on.set()


async def test_the_latest_words_are_prepared_once():
    answerer, watcher = Answerer(), Watcher()
    turn = TurnSoFar(load_turn_taking("en"), answerer, InferencePool(inline=True), lambda text, value: None)
    await through(turn, watcher, ["", "what", "what is", "what is", "what is the", "what is the time"], answerer)
    assert answerer.prepared == ["what", "what is the time"]  # the others came while the first was being prepared
    turn.close()
    assert answerer.forgotten == [turn.dialogue]


async def test_a_preparation_that_fails_takes_nothing_else():
    answerer, watcher = Answerer(fail="what"), Watcher()
    turn = TurnSoFar(load_turn_taking("en"), answerer, InferencePool(inline=True), lambda text, value: None)
    await through(turn, watcher, ["what"], answerer)
    assert watcher.lost == ["preparing answers: no room"]


async def test_an_answerer_need_not_prepare():
    turn = TurnSoFar(load_turn_taking("en"), object(), InferencePool(inline=True), lambda text, value: None)
    turn.prepare("what", Request)
    turn.close()
    assert [node.name for node in turn.nodes] == ["endpoint"]


async def test_each_text_is_scored_once():
    scored = []
    turn = TurnSoFar(load_turn_taking("en"), object(), InferencePool(inline=True), lambda *each: scored.append(each[0]))
    pipeline = Pipeline(Watcher())
    pipeline.add(turn.nodes[0])
    with suppress(asyncio.CancelledError):
        async with pipeline:
            for text in ("what", "what", "what is the time"):
                turn.score(text)
                for _ in range(5):
                    await asyncio.sleep(0)
    assert scored == ["what", "what is the time"]

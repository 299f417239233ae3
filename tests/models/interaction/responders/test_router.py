from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.router import Router
from duplex.models.interaction.skills import Skills
from duplex.streaming.errors import EndpointError
from tests.models.interaction.asking import ask, collect, request


class Model:
    """Says what it was asked; fails if told to."""

    name = "model"

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.fails = fails
        self.closed = False

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        self.asked.append(request.text)
        yield Say("Well, ")
        if self.fails:
            raise EndpointError("http://nowhere/v1: gone")
        yield Say("yes.")

    async def close(self) -> None:
        self.closed = True


TIMER = Control("timer", text="Your five minute timer is done.", at=400.0)


@pytest.mark.parametrize(
    ("text", "said", "controls", "asked"),
    [
        ("tell me a joke", "Well, yes.", [], ["tell me a joke"]),
        ("set a timer for five minutes", "Timer set for five minutes.", [TIMER], []),
        ("what time is it", "It is 2:31 PM.", [], []),
        ("louder please", "Is this better?", [Control("volume", value=1.5)], []),
        ("stop", "", [Control("stop")], []),
        ("how much is twelve times seven", "Well, yes.", [], ["how much is twelve times seven"]),
        ("hello", "Well, yes.", [], ["hello"]),
        ("where is my car", "Well, yes.", [], ["where is my car"]),
        ("what can you do", "Well, yes.", [], ["what can you do"]),
        (
            "set a timer for five minutes and tell me a joke",
            "Timer set for five minutes. Well, yes.",
            [TIMER],
            ["tell me a joke"],
        ),
        (
            "Tell me a joke, please. Set a timer for five minutes.",
            "Timer set for five minutes. Well, yes.",
            [TIMER],
            ["Tell me a joke"],
        ),
        ("i have a cake in the oven so set a timer for five minutes", "Timer set for five minutes.", [TIMER], []),
        ("um okay set a timer for five minutes", "Timer set for five minutes.", [TIMER], []),
    ],
)
def test_every_part_of_a_turn_goes_to_whom_it_belongs(text, said, controls, asked):
    model = Model()
    assert ask(Router(Skills(), model), text) == (said, controls)
    assert model.asked == asked


def test_the_skills_that_stay_can_be_chosen():
    model = Model()
    router = Router(Skills(), model, keep=["arithmetic"])
    assert ask(router, "how much is twelve times seven") == ("12 times 7 is 84.", [])
    assert ask(router, "what time is it") == ("Well, yes.", [])


def test_noise_goes_to_nobody():
    model = Model()
    assert ask(Router(Skills(), model), " ... ") == ("", [])
    assert model.asked == []


async def test_a_failing_model_is_reported_and_the_skills_go_on():
    router = Router(Skills(), Model(fails=True))
    said = []
    with pytest.raises(EndpointError):
        async for item in router.answer(request("tell me a joke")):
            said.append(item)
    assert said == [Say("Well, ")]
    assert await collect(router, request("what time is it")) == [Say("It is 2:31 PM.")]


async def test_closing_closes_the_model():
    router = Router(Skills(), model := Model())
    assert router.name == "model"
    await router.close()
    assert model.closed

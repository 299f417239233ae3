"""Duplex-nano as an answerer: its calls are carried out like those of any model, and doubt is said."""

from __future__ import annotations

import pytest

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.nano import load_nano_answerer
from duplex.models.interaction.nano.answerer import UNSURE, NanoAnswerer
from duplex.models.interaction.nano.answers import Drafter
from duplex.models.interaction.nano.retelling import retold
from duplex.models.interaction.nano.vocabulary import END, NUMBER, Vocabulary
from duplex.models.interaction.tools.builtin import BUILTIN
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.streaming.errors import ModelError
from tests.models.interaction.nano.dictating import Dictating

REQUEST = Request("ninety seconds please")


async def answered(tokens: list[int], vocabulary: Vocabulary, sharp: float = 30.0) -> list[Say | Control]:
    graph = Dictating(tokens, len(vocabulary), behind=len(retold(REQUEST, vocabulary)) + 1, level=sharp)
    toolbox = Toolbox([BUILTIN["set_timer"], BUILTIN["clear_list"]])
    drafter = Drafter(graph, vocabulary, {tool.name: tool.parameters for tool in toolbox})  # type: ignore[arg-type]
    return [item async for item in NanoAnswerer(drafter, toolbox).answer(REQUEST)]


def call(vocabulary: Vocabulary, text: str) -> list[int]:
    return [NUMBER["<call>"], *vocabulary.encode(text), END]


async def test_a_call_is_carried_out_and_said(vocabulary) -> None:
    items = await answered(call(vocabulary, 'set_timer {"seconds":"ninety seconds"}'), vocabulary)
    timers = [item for item in items if isinstance(item, Control)]
    assert [(timer.action, timer.at) for timer in timers] == [("timer", 90.0)]
    assert "minute" in items[-1].text


async def test_a_destructive_call_is_asked_about(vocabulary) -> None:
    items = await answered(call(vocabulary, 'clear_list {"list":"shopping"}'), vocabulary)
    assert len(items) == 1 and items[0].text.endswith("?")


async def test_a_sentence_is_said(vocabulary) -> None:
    assert await answered([NUMBER["<say>"], *vocabulary.encode("Is that all?"), END], vocabulary) == [
        Say("Is that all?")
    ]


async def test_doubt_is_said_instead_of_done(vocabulary) -> None:
    assert await answered(call(vocabulary, 'set_timer {"seconds":"ninety seconds"}'), vocabulary, sharp=1.0) == [
        Say(UNSURE)
    ]


async def test_an_answer_without_an_end_is_no_answer(vocabulary) -> None:
    assert await answered([NUMBER["<say>"], vocabulary.encode("all")[-1]], vocabulary) == [Say(UNSURE)]


def test_weights_that_only_decide_are_refused(tmp_path) -> None:
    from duplex.models.interaction.nano import WEIGHTS

    for file in WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = tmp_path / "nano.json"
    settings.write_text(settings.read_text().replace("true", "false"))
    with pytest.raises(ModelError, match="decide when to answer, and not what"):
        load_nano_answerer(Toolbox(), tmp_path)

"""Thinking while listening, with the tiny model of random weights that LocalLM is tested with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duplex.engines import open_answerer
from duplex.models.interaction.responders import thinking_lm
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.responders.thinking_lm import CLAUSE, ThinkingLM
from duplex.settings import Settings
from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.lm.listening_thoughts import ListeningThoughts
from tests.models.interaction.asking import heard, request
from tests.models.interaction.responders.test_local_lm import Counting, expected, folder, plain, said

__all__ = ["folder", "plain"]

TURN = "i would like to know what the weather will be like in lisbon on sunday morning please"
"""17 words."""


async def listened(lm: LocalLM, text: str, *, settle: bool = True, **fields) -> None:
    """The turn grows by a word; settle: each thought has the time it needs."""
    words = text.split()
    for count in range(1, len(words) + 1):
        await lm.prepare(request(" ".join(words[:count]), dialogue="a", **fields))
        if settle and isinstance(lm, ThinkingLM) and (task := lm._turns["a"].task):
            await asyncio.wait([task])


async def test_a_thought_follows_each_clause_and_is_bounded(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, TURN)
    thoughts = lm._turns["a"].thoughts
    assert len(thoughts) == len(TURN.split()) // CLAUSE
    assert thoughts.ids.size <= thoughts.manner.longest * len(thoughts) / thoughts.manner.thoughts
    text = lm._tokenizer.decode(thoughts.ids)
    assert text.count(thinking_lm.CUE) == len(thoughts) and text.endswith(thinking_lm.CLOSE)
    await lm.close()


@pytest.mark.parametrize("more", ["", " thank you"])
@pytest.mark.parametrize("text", [TURN, "stop it"])
async def test_the_answer_costs_what_it_costs_without_thoughts(folder: Path, monkeypatch, text, more) -> None:
    passes = []
    for model in (LocalLM, ThinkingLM):
        lm = model(str(folder), max_new_tokens=4)
        await listened(lm, text)
        counting = Counting(lm, monkeypatch)
        await said(lm, request(text + more, dialogue="a"))
        passes.append(counting.passes)
        monkeypatch.undo()
        await lm.close()
    without, thinking = passes
    assert len(thinking) == len(without)
    # The space before the template's end token was there already without: it is a word's first character, too.
    assert thinking[0] <= without[0] + 1 < 60
    assert set(thinking[1:]) == {1}


async def test_the_answer_sees_the_thoughts(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=16)
    await listened(lm, TURN)
    opened = lm._turns["a"].ready
    text = lm._tokenizer.decode(opened.ids)
    assert text.index("sunday morning please") < text.index(thinking_lm.CUE) < text.rindex("<|assistant|>")
    spoken: list[int] = []
    trial = opened.fork()
    for _ in range(16):
        spoken.append(int(trial.logits.argmax()))
        lm._lm.append(trial, spoken[-1:])
    assert await said(lm, request(TURN, dialogue="a")) == lm._tokenizer.decode(spoken).strip() != ""
    await lm.close()


async def test_thoughts_on_revised_words_are_dropped(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, TURN)
    assert len(lm._turns["a"].thoughts) == 2
    await lm.prepare(request(TURN.replace("weather", "traffic"), dialogue="a"))
    assert len(lm._turns["a"].thoughts) == 1
    await lm.prepare(request("stop it", dialogue="a"))
    assert len(lm._turns["a"].thoughts) == 0
    assert await said(lm, request("stop it", dialogue="a")) == expected(lm, request("stop it"), 8)
    await lm.close()


async def test_what_is_revised_cuts_the_thought_about_it(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, "one two three four five six", settle=False)
    task = lm._turns["a"].task
    await lm.prepare(request("one two three for", dialogue="a"))
    await asyncio.wait([task])
    assert task.cancelled() and not len(lm._turns["a"].thoughts)
    await lm.close()


async def test_an_answer_cuts_the_thought_under_way(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, "one two three four five six", settle=False)
    task = lm._turns["a"].task
    asked = request("one two three four five six", dialogue="a")
    assert await said(lm, asked) == expected(lm, asked, 8)  # not one thought was finished
    assert task.cancelled() and not lm._turns
    await lm.close()


async def test_the_next_turn_has_nothing_of_the_thoughts(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, TURN)
    reply = await said(lm, request(TURN, dialogue="a"))
    history = heard(("user", TURN, 10), ("assistant", reply, 12))
    await listened(lm, "and now", history=history)
    asked = request("and now", history=history, dialogue="a")
    assert await said(lm, asked) == expected(lm, asked, 8)
    await lm.close()


async def test_a_failing_thought_is_told_when_more_is_heard(folder: Path, monkeypatch) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)

    def broken(*args):
        raise RuntimeError("out of memory\nat some line")

    monkeypatch.setattr(ListeningThoughts, "step", broken)
    await listened(lm, "one two three four five six")
    with pytest.raises(ModelError, match=r"failed while listening: out of memory$"):
        await lm.prepare(request("one two three four five six", dialogue="a"))
    assert await said(lm, request("hello", dialogue="a")) == expected(lm, request("hello"), 8)
    await lm.close()


async def test_a_conversation_that_is_over_stops_thinking(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8)
    await listened(lm, "one two three four five six", settle=False)
    task = lm._turns["a"].task
    lm.forget("a")
    await asyncio.wait([task])
    assert task.cancelled() and not lm._turns
    await lm.close()


async def test_where_there_is_no_room_nothing_is_thought(folder: Path) -> None:
    lm = ThinkingLM(str(folder), max_new_tokens=8, context_tokens=900)
    await listened(lm, TURN)
    assert not len(lm._turns["a"].thoughts) and lm._turns["a"].task is None
    await lm.close()


async def test_the_setting_opens_it(folder: Path) -> None:
    for thinking, kind in (("listening", ThinkingLM), ("off", LocalLM)):
        answerer = open_answerer(Settings(model=str(folder), thinking=thinking))
        assert type(answerer.model) is kind
        await answerer.close()
    with pytest.raises(SettingsError, match="for a local language model"):
        open_answerer(Settings(thinking="listening"))


def test_a_model_without_a_chat_template_is_refused(plain: Path) -> None:
    with pytest.raises(ModelError, match="no chat template, so it cannot think while it listens") as caught:
        ThinkingLM(str(plain))
    assert "\n" not in str(caught.value)

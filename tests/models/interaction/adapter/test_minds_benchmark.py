"""The comparison of minds: what it counts as right, valid and needless, and that both kinds of mind can be asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from duplex.models.interaction.nano.answers import Drafted
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.world import Answer
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.tools.builtin import FOR_MODELS
from tests.benchmarks.minds import Judged, Recording, Timed, column, fits, judged, replies, wanted_answers, word_f1
from tests.models.interaction.asking import request


def test_answers_are_counted_by_what_was_wanted() -> None:
    made = Judged()
    tea = Answer("Okay.", (("set_timer", '{"seconds":"ten minutes"}'),))
    made.count(tea, Drafted(calls=(("set_timer", {"seconds": 600}),)))
    made.count(tea, Drafted(calls=(("set_timer", {"seconds": 6}),)))
    made.count(tea, Drafted(calls=(("set_timer", {"minutes": 10}),)))
    made.count(tea, Drafted("Ten minutes."))
    made.count(Answer("I cannot know that."), Drafted("I cannot know."))
    made.count(Answer("I cannot know that."), Drafted(calls=(("list_timers", {}),)))
    assert (made.calls, made.named, made.exact, made.valid) == (4, 3, 1, 2)
    assert (made.spoken, made.same, made.needless) == (2, 0, 1)
    assert made.overlap == pytest.approx(2 * 3 / 7)
    rows = made.rows()
    assert rows["right tool, of 4 %"] == "75.0" and rows["needless call, of 2 %"] == "50.0"


def test_words_are_compared_as_a_bag() -> None:
    assert word_f1(["a", "b"], ["b", "a"]) == 1.0
    assert word_f1(["a"], ["b"]) == 0.0 == word_f1([], [])
    assert word_f1(["a", "a"], ["a"]) == pytest.approx(2 / 3)


def test_a_call_fits_if_its_tool_takes_it() -> None:
    assert fits("set_timer", {"seconds": 60}) and not fits("set_timer", {}) and not fits("sing", {})


def test_a_call_is_noted_and_ends_the_answer() -> None:
    tools = Recording()
    outcome = asyncio.run(tools.call("set_timer", '{"seconds": 60}', request("tea")))
    assert tools.calls == [("set_timer", {"seconds": 60})] and outcome.asked


def test_a_language_model_is_asked_what_the_rules_would_answer(folder: Path, simulation: Simulation) -> None:
    wanted = wanted_answers(simulation, 2)
    assert wanted and all({name for name, _ in answer.calls} <= set(FOR_MODELS) for *_, answer in wanted)
    assert all(blocks[-1].situation.now == turn.now for blocks, turn, _ in wanted)
    tools = Recording()
    model = LocalLM(str(folder), toolbox=tools, max_new_tokens=4)
    made = judged(wanted[:2], replies(model, tools))
    assert made.calls + made.spoken == 2 == len(made.seconds)


def test_a_gate_has_its_figures(simulation: Simulation) -> None:
    from tests.benchmarks.decisions import Always

    gate, rows = column(simulation, lambda: Always("silent"), 2)
    assert isinstance(gate, Always) and rows["respond recall %"] == "0.0" and rows["barge-in F1 %"] in ("0.0", "-")
    timed = Timed(gate)
    timed.read([], simulation.stream("x").blocks[0].situation, timed.initial_state())
    assert len(timed.seconds) == 1

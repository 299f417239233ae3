"""The two candidates for the bundled mind, and the rules, on the same held-out streams and the same held-out answers.

    python -m tests.benchmarks.minds DATA [--nano FOLDER] [--adapter FOLDER] [--streams 60] [--answers 20]

Duplex-nano (the shipped weights, or an export that answers too) against a language model with an adapter, a folder that
`models.interaction.adapter.train` has written. Decisions are scored as in tests/benchmarks/decisions.py. Answers are
those of the rules to requests, for a tool that a language model is offered or for none; the language model gives them
as in a session, through its chat template, with its calls held to the schemas. A step is one block of 0.4 s; its time
is that of one thread's computing. Memory is what the process grew by when a candidate was loaded and had decided.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duplex.models.interaction.adapter.lora import read_config
from duplex.models.interaction.adapter.train.answers import asked
from duplex.models.interaction.contract import Request, Say
from duplex.models.interaction.decider.contract import Gate, Situation, Verdict
from duplex.models.interaction.decider.language_model import load_gates
from duplex.models.interaction.nano import WEIGHTS, load_nano
from duplex.models.interaction.nano.answers import Drafted, Drafter
from duplex.models.interaction.nano.gate import NanoGate
from duplex.models.interaction.nano.train.scoring import Answering, outcomes, yielding
from duplex.models.interaction.nano.train.speech import HELD_OUT
from duplex.models.interaction.nano.train.streams import Simulation
from duplex.models.interaction.nano.train.texts import load_texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.world import Answer, Block
from duplex.models.interaction.percepts import Percept
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.responders.local_models import locate
from duplex.models.interaction.tools.builtin import BUILTIN, FOR_MODELS, for_models
from duplex.models.interaction.tools.tool import InvalidArguments
from duplex.models.interaction.tools.toolbox import Outcome as Called
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.turn_taking.word_lists import plain_words
from tests.benchmarks.decisions import Rules, percent, rows_of
from tests.benchmarks.recognition import resident
from tests.benchmarks.report import quantile, table, versions

CONTEXT = 8192
"""Tokens of the language model's context, in which all of FOR_MODELS have room."""


class Timed:
    """A gate, and the seconds that each of its steps took of this thread."""

    def __init__(self, gate: Gate[Any]) -> None:
        self.gate, self.name = gate, gate.name
        self.seconds: list[float] = []

    def initial_state(self) -> Any:
        return self.gate.initial_state()

    def read(self, percepts: Sequence[Percept], situation: Situation, state: Any) -> tuple[Verdict | None, Any]:
        began = time.thread_time()
        read = self.gate.read(percepts, situation, state)
        self.seconds.append(time.thread_time() - began)
        return read


@dataclass
class Judged(Answering):
    """valid: of the answers to requests for a tool, those with a call that fits its tool's schema. needless: calls
    where none was wanted. overlap: sum of the F1 of words of the answers in words.
    """

    valid: int = 0
    needless: int = 0
    overlap: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def count(self, wanted: Answer, made: Drafted) -> None:
        super().count(wanted, made)
        if wanted.calls:
            self.valid += bool(made.calls) and all(fits(name, given) for name, given in made.calls)
        else:
            self.needless += bool(made.calls)
            self.overlap += word_f1(plain_words(made.text), plain_words(wanted.text))

    def rows(self) -> dict[str, str]:
        calls, spoken = max(1, self.calls), max(1, self.spoken)
        return {
            f"right tool, of {self.calls} %": percent(self.named / calls),
            "right tool and arguments %": percent(self.exact / calls),
            "valid call %": percent(self.valid / calls),
            f"needless call, of {self.spoken} %": percent(self.needless / spoken),
            "words as the rules' %": percent(self.same / spoken),
            "F1 of words %": percent(self.overlap / spoken),
            "answer s, p50": f"{quantile(self.seconds, 0.5):.2f}",
        }


def word_f1(made: Sequence[str], wanted: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of words, as SQuAD scores answers."""
    common = (Counter(made) & Counter(wanted)).total()
    return 2 * common / max(1, len(made) + len(wanted))


def fits(name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a call is one of a built-in tool with arguments that fit its schema."""
    try:
        BUILTIN[name].check(dict(arguments))
    except (KeyError, InvalidArguments):
        return False
    return True


class Recording(Toolbox):
    """The built-in tools for language models; a call is noted instead of carried out, and ends the answer."""

    def __init__(self) -> None:
        super().__init__(for_models())
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, name: str, arguments: str | Mapping[str, Any], request: Request) -> Called:
        self.calls.append((name, json.loads(arguments) if isinstance(arguments, str) else dict(arguments)))
        return Called(name, "", asked=True)


def wanted_answers(simulation: Simulation, streams: int) -> list[tuple[list[Block], Request, Answer]]:
    """Requests with the blocks up to them, decided by the teacher, and the right answers."""
    found = []
    for number in range(streams):
        blocks = simulation.stream(f"answer {number}").blocks
        for request, answer in asked(blocks):
            if {name for name, _ in answer.calls} <= set(FOR_MODELS):
                before = [block for block in blocks if block.situation.now <= request.now]
                found.append((before, request, answer))
    return found


def drafts(gate: NanoGate) -> Callable[[list[Block], Request], Drafted]:
    """Answers of Duplex-nano, on the stream as it has read it."""
    drafter = Drafter(gate.graph, gate.vocabulary, {name: BUILTIN[name].parameters for name in FOR_MODELS})

    def answer(blocks: list[Block], request: Request) -> Drafted:
        state = gate.initial_state()
        for block in blocks:
            _, state = gate.read(block.percepts, block.situation, state)
            if block is not blocks[-1]:
                state = gate.decided(block.action, state)
        return drafter.draft(state.cache)

    return answer


def replies(model: LocalLM, tools: Recording) -> Callable[[list[Block], Request], Drafted]:
    """Answers of a language model, to the request as text."""

    async def said(request: Request) -> str:
        return "".join([item.text async for item in model.answer(request) if isinstance(item, Say)])

    def answer(blocks: list[Block], request: Request) -> Drafted:
        tools.calls = []
        text = asyncio.run(said(request))
        return Drafted(text, tuple(tools.calls), complete=bool(text or tools.calls))

    return answer


def judged(
    wanted: Sequence[tuple[list[Block], Request, Answer]], answer: Callable[[list[Block], Request], Drafted]
) -> Judged:
    made = Judged()
    for blocks, request, right in wanted:
        began = time.monotonic()
        drafted = answer(blocks, request)
        made.seconds.append(time.monotonic() - began)
        made.count(right, drafted)
    return made


def megabytes(*places: Path) -> float:
    """Of files, or of all files of a folder."""
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def column(simulation: Simulation, load: Callable[[], Gate[Any]], streams: int) -> tuple[Gate[Any], dict[str, str]]:
    """A gate with its figures."""
    before = resident()
    gate = Timed(load())
    found = outcomes(simulation, gate, streams)
    rows = rows_of(found)
    rows["barge-in F1 %"] = percent(yielding(found)["f1"])
    rows["occasions"] = str(len(found))
    rows["step ms, p50 p95"] = " ".join(f"{1000 * quantile(gate.seconds, q):.1f}" for q in (0.5, 0.95))
    rows["memory MB"] = f"{resident() - before:.0f}"
    return gate.gate, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--nano", type=Path, help="an export of Duplex-nano that answers, beside the shipped one")
    parser.add_argument("--adapter", type=Path, help="folder of an adapter (default: without this candidate)")
    parser.add_argument("--streams", type=int, default=60, help="in which it is decided (default 60)")
    parser.add_argument("--answers", type=int, default=20, help="streams whose requests are answered (default 20)")
    options = parser.parse_args()
    texts, understanding = load_texts(options.data, "test"), Understanding()
    simulation = Simulation(texts, HELD_OUT, understanding)
    wanted = wanted_answers(simulation, options.answers)
    columns: dict[str, dict[str, str]] = {}
    _, columns["rules"] = column(simulation, Rules, options.streams)
    for folder in dict.fromkeys([WEIGHTS, *([options.nano] if options.nano else [])]):
        name = "Duplex-nano" if folder == WEIGHTS else f"nano {folder.name}"
        gate, columns[name] = column(simulation, lambda folder=folder: load_nano(folder), options.streams)  # type: ignore[misc]
        columns[name]["disk MB"] = f"{megabytes(folder):.1f}"
        if folder != WEIGHTS:
            columns[name] |= judged(wanted, drafts(gate)).rows()  # type: ignore[arg-type]
    if options.adapter:
        import torch

        torch.set_num_threads(1)
        base = Path(locate(read_config(options.adapter).base))
        name = f"{base.name} + adapter"
        _, columns[name] = column(simulation, lambda: load_gates(str(options.adapter))[0], options.streams)
        columns[name]["disk MB"] = f"{megabytes(options.adapter):.1f} + {megabytes(base):.0f}"
        tools = Recording()
        model = LocalLM(str(options.adapter), toolbox=tools, context_tokens=CONTEXT, max_new_tokens=64)
        columns[name] |= judged(wanted, replies(model, tools)).rows()
    print(versions(["duplex", "onnxruntime", "torch", "transformers"]))
    print(f"{options.streams} streams to decide in; {len(wanted)} requests to answer, of {options.answers} streams\n")
    names = dict.fromkeys(name for each in columns.values() for name in each)
    print(table(["", *columns], [[name, *(each.get(name, "") for each in columns.values())] for name in names]))


if __name__ == "__main__":
    main()

"""Answers of simulated streams as packs: the trunk is the prompt that requests share, a branch one and its answer.

The prompts are those that `responders.local_lm` gives a model, with the built-in tools; the answers are those of the
rules: a sentence, or a call as JSON. What a tool has done it says itself, so behind its result nothing is added.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from duplex.models.interaction.adapter.train.packing import Pack
from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.nano.spoken_arguments import as_called
from duplex.models.interaction.nano.train.world import Answer, Block
from duplex.models.interaction.percepts import OwnSpeech, Words
from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT, chat_messages, message_ids, system_prompt_for
from duplex.models.interaction.tools.builtin import for_models
from duplex.models.interaction.tools.call_prompt import CallPrompt
from duplex.models.interaction.tools.rounds import RULE, Rounds
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import WantedCall

CONTEXTS = (4096, 8192)
"""Tokens of a model's context, by which more or fewer tools are offered."""
NAMES = (None, "Duplex")
"""Of the assistant, as its instructions give it."""
_FIRST_DAY = datetime(2025, 1, 1, 9, 0, tzinfo=UTC)


@dataclass
class Turns:
    """What a stream's blocks say, as requests: the words of the open turn by utterance, and what was heard before."""

    words: dict[int, Words] = field(default_factory=dict)
    history: list[Utterance] = field(default_factory=list)

    def hear(self, block: Block) -> None:
        for percept in block.percepts:
            match percept:
                case Words() if not percept.side:
                    self.words[percept.utterance] = percept
                case OwnSpeech():
                    self._add("assistant", percept.text, percept.start, percept.end)

    def request(self, block: Block) -> Request | None:
        """The open turn at the end of a block; None if nothing was said."""
        open_words = [words for words in self.words.values() if words.start >= block.situation.since]
        text = " ".join(words.text for words in open_words)
        return Request(text, history=tuple(self.history), now=block.situation.now) if text else None

    def close(self, request: Request) -> None:
        """The turn is over and answered."""
        self._add(request.party, request.text, request.now, request.now)
        self.words.clear()

    def _add(self, party: str, text: str, start: float, end: float) -> None:
        if self.history and self.history[-1].party == party:
            last = self.history.pop()
            text, start = f"{last.text} {text}", last.start
        self.history.append(Utterance(party, text, start, end))


def asked(blocks: Sequence[Block]) -> Iterator[tuple[Request, Answer]]:
    """The requests of a stream with the answers that are worth learning."""
    turns = Turns()
    for block in blocks:
        turns.hear(block)
        if block.best != "respond" or block.action != "respond" or block.answer is None:
            continue
        request = turns.request(block)
        if request is not None:
            if block.answer.teach:
                yield request, block.answer
            turns.close(request)


class Prompts:
    """The prompts of one model. context: tokens, by which tools are offered; name: of the assistant, if it has one."""

    def __init__(self, tokenizer: Any, context: int = CONTEXTS[0], name: str | None = None) -> None:
        self.tokenizer = tokenizer
        self.end = int(tokenizer.eos_token_id)
        self.toolbox = Toolbox(for_models())
        self.calls = CallPrompt(tokenizer, self.toolbox.offered(context))
        self._system = f"{system_prompt_for(name, SYSTEM_PROMPT)} {RULE}"

    def ids(self, request: Request, more: Sequence[dict[str, Any]] = ()) -> list[int]:
        """Of a request, and of what follows it."""
        return message_ids(self.tokenizer, self.calls, [*chat_messages(request, self._system), *more])[0]

    def completion(self, answer: Answer) -> list[int]:
        """Ids of an answer, with its end; of several calls the first."""
        text = answer.text
        if answer.calls:
            name, arguments = answer.calls[0]
            called = as_called(json.loads(arguments)) or {}
            text = json.dumps({"name": name, "arguments": {each: _whole(value) for each, value in called.items()}})
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return [*ids, self.end]

    def offers(self, answer: Answer) -> bool:
        """Whether the tools of an answer are among those that the model is told of."""
        return {name for name, _ in answer.calls} <= set(self.calls.names)

    def result(self, request: Request, answer: Answer) -> list[dict[str, Any]]:
        """The messages of the answer's first call and of what it gave; none if it has nothing to say by itself."""
        rounds = Rounds(self.toolbox, request)

        name, arguments = answer.calls[0]
        call = WantedCall("call_0", name, json.dumps(as_called(json.loads(arguments))))

        async def carried_out() -> None:
            async for _ in rounds.carry_out([call], spoke=True):
                pass

        asyncio.run(carried_out())
        return rounds.messages("") if rounds.said and not rounds.over else []


def _whole(value: Any) -> Any:
    """Whole numbers without a point, as people write them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class AnswerRecipe:
    """text, call: weights of the loss. results: share of calls whose result is learned from too. most: answers of a
    pack. longest: tokens of a branch.
    """

    text: float = 0.4
    call: float = 0.6
    results: float = 0.25
    most: int = 14
    longest: int = 160


def answer_pack(
    asked: Sequence[tuple[Request, Answer]], prompts: Prompts, recipe: AnswerRecipe, rng: random.Random
) -> Pack:
    """A pack of answers under one prompt. Those whose tools it does not offer are left out."""
    day = _FIRST_DAY + timedelta(days=rng.randrange(1000), minutes=rng.randrange(700))
    branches: list[tuple[list[int], list[int], float]] = []
    for given, answer in asked:
        request = Request(given.text, history=given.history[-4:], now=given.now, wall_time=day)
        if not prompts.offers(answer):
            continue
        weight = recipe.call if answer.calls else recipe.text
        branches.append((prompts.ids(request), prompts.completion(answer), weight))
        if answer.calls and rng.random() < recipe.results and (more := prompts.result(request, answer)):
            branches.append((prompts.ids(request, more), [prompts.end], recipe.text))
    return shared(branches, recipe.longest)


def shared(branches: Sequence[tuple[list[int], list[int], float]], longest: int) -> Pack:
    """A pack out of (prompt, completion, weight): what all prompts begin with is the trunk. Branches of more than
    `longest` tokens are left out.
    """
    if not branches:
        return Pack([])
    common = min(len(prompt) for prompt, _, _ in branches) - 1
    first = branches[0][0]
    for prompt, _, _ in branches:
        common = next((place for place in range(common) if prompt[place] != first[place]), common)
    pack = Pack(first[:common])
    for prompt, completion, weight in branches:
        ids = [*prompt[common:], *completion[:-1]]
        if len(ids) <= longest:
            pack.add(common, ids, completion, weight)
    return pack

"""A local language model that thinks while it listens: notes on a turn that is not over stand before its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from duplex.models.interaction.contract import Request
from duplex.models.interaction.responders.local_lm import DIALOGUES, PROMPTED, LocalLM
from duplex.models.interaction.tools.call_decoder import CallDecoder
from duplex.streaming.errors import ModelError
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.listening_thoughts import ROOM, ListeningThoughts, Thinking
from duplex.streaming.lm.prefill import common_prefix, update

CLAUSE = 6
"""Words after which there is something to think about."""

CUE, CLOSE = "\n(What I need is", ")"
"""Around a thought, which stands at the end of the user's message, as notes of the long-term memory do. In the user's
own voice: of several beginnings the one that a small model goes on with to the point, and does not go on with later."""

UNKEPT = 0
"""The ticket of no work on a dialogue: what holds thoughts is not kept for the next turn."""


@dataclass(slots=True)
class _Turn:
    """The turn of a dialogue. heard, cache: its words so far, and what came before. thoughts: the finished ones. ready:
    what an answer to just these words begins with. task: writes a thought, into `becoming`."""

    thoughts: ListeningThoughts
    heard: list[int]
    cache: KVCache
    ready: KVCache | None = None
    task: asyncio.Task[None] | None = None
    becoming: ListeningThoughts | None = None

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
        self.task = self.becoming = None


class ThinkingLM(LocalLM):
    """LocalLM that writes a thought after every CLAUSE words of a turn, of a few tokens, with the pool's lowest
    priority; the answer cuts the one under way and begins as early as it would without any. Thoughts are never spoken.

    Raises ModelError also for a model that keeps no keys and values, and for one without a chat template.
    """

    def __init__(self, model: str, **options: Any) -> None:
        super().__init__(model, **options)
        if self._lm is None or self._markers:
            lacking = "keys and values" if self._lm is None else "chat template"
            raise ModelError(f"{model}: has no {lacking}, so it cannot think while it listens: thinking=off")
        self._tail = self._message_end()
        cue, close = (tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (CUE, CLOSE))
        self._manner = Thinking(cue, close, self._ends_thought)
        self._turns: dict[str, _Turn] = {}

    def forget(self, dialogue: str) -> None:
        self._end_turn(dialogue)
        super().forget(dialogue)

    async def close(self) -> None:
        for name in list(self._turns):
            self._end_turn(name)
        await super().close()

    async def _listen(self, request: Request) -> tuple[int, KVCache, list[int]]:
        ticket, cache, heard = await super()._listen(request)
        name = request.dialogue
        if not self._dialogues.current(name, ticket):
            return ticket, cache, heard
        turn = self._turns.pop(name, None) or _Turn(ListeningThoughts(self._manner), heard, cache)
        self._turns[name] = turn  # the latest used is the last
        while len(self._turns) > DIALOGUES:
            self._end_turn(next(iter(self._turns)))
        turn.heard, turn.cache, turn.ready = heard, cache, None
        await self._review(turn)
        await self._make_ready(turn)
        words = len(request.text.split())
        room = self._room() - len(heard) - ROOM - self._manner.longest - self.max_new_tokens
        due = words >= turn.thoughts.words + CLAUSE and len(turn.thoughts) < self._manner.thoughts
        if due and room > 0 and turn.task is None and self._turns.get(name) is turn:
            turn.becoming = turn.thoughts.fork()
            turn.becoming.begin(cache, words)
            turn.task = asyncio.create_task(self._think(turn, turn.becoming), name="thinking while listening")
            turn.task.add_done_callback(lambda done: done.cancelled() or done.exception())  # answers do not ask for it
        return ticket, cache, heard

    def _so_far(self, request: Request) -> list[int]:
        """Up to the last word, so that more words only add to it; notes follow when the turn is over."""
        prompt = super()._so_far(replace(request, notes=()))
        return prompt[: -len(self._tail)] if prompt[-len(self._tail) :] == self._tail else prompt

    async def _review(self, turn: _Turn) -> None:
        """Drops thoughts on what was revised. Raises what a thought has raised."""
        if not turn.thoughts.fits(turn.heard):
            turn.thoughts = turn.thoughts.fork()
            turn.thoughts.fit(turn.heard)
        if turn.becoming is not None and not turn.becoming.fits(turn.heard):
            turn.stop()
        if turn.task is not None and turn.task.done():
            task, turn.task, turn.becoming = turn.task, None, None
            await task

    async def _think(self, turn: _Turn, thoughts: ListeningThoughts) -> None:
        """Task: one thought, a token at a time."""
        while thoughts.writing:
            await self._pool.run("prefill", thoughts.step, self._lm)
        turn.thoughts = thoughts
        await self._make_ready(turn)

    async def _make_ready(self, turn: _Turn) -> None:
        heard = turn.heard
        ready = await self._pool.run("prefill", self._opened, turn.thoughts, turn.cache, [*heard, *self._tail])
        if turn.heard is heard:
            turn.ready = ready

    def _end_turn(self, name: str) -> _Turn | None:
        turn = self._turns.pop(name, None)
        if turn is not None:
            turn.stop()
        return turn

    async def _reply(
        self,
        name: str,
        ticket: int,
        cache: KVCache,
        prompt: list[int],
        emit: Callable[[str], None],
        decoder: CallDecoder | None,
    ) -> bool:
        turn = self._end_turn(name)  # thoughts are about one turn alone
        if turn is not None:
            opened = turn.ready if prompt == [*turn.heard, *self._tail] else None
            if opened is None and len(prompt) - common_prefix(cache.ids, prompt) <= PROMPTED:
                opened = await self._pool.run("respond", self._opened, turn.thoughts, cache, prompt)
            if opened is not None and opened.ids.tolist() != prompt:
                return await super()._reply(name, UNKEPT, opened, opened.ids.tolist(), emit, decoder)
            cache = opened or cache
        return await super()._reply(name, ticket, cache, prompt, emit, decoder)

    def _opened(self, thoughts: ListeningThoughts, cache: KVCache, prompt: list[int]) -> KVCache:
        """A step: what an answer to `prompt` begins with, behind the thoughts if there are any."""
        assert self._lm is not None
        heard = prompt[: -len(self._tail)]
        opened = None
        if prompt[-len(self._tail) :] == self._tail:
            opened = thoughts.answering(self._lm, cache, heard, self._tail)
        if opened is None:
            opened = cache.fork()
            update(self._lm, opened, prompt)
        return opened

    def _message_end(self) -> list[int]:
        """What ends a user's message and opens the answer, as the template has it."""
        first, second = (super(ThinkingLM, self)._so_far(Request(text)) for text in ("a", "b"))
        return first[len(first) - common_prefix(first[::-1], second[::-1]) :]

    def _ends_thought(self, token: int) -> bool:
        text = self._tokenizer.decode([token])
        return token in self._ends or CLOSE in text or "\n" in text

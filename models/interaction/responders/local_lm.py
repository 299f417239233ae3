"""A causal language model of `transformers`, on this machine, as an answerer.

Streaming prefill: what the user says enters the dialogue's cache while it is being said (`prepare`), so that at the end
of the turn only its last tokens are left to compute. The cache of a dialogue lives over its turns.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import CallPiece, Delta
from duplex.models.interaction.responders.prompt import (
    PLAIN_MARKERS,
    SYSTEM_PROMPT,
    chat_messages,
    later_half,
    message_ids,
)
from duplex.models.interaction.responders.thoughts import opens_thought
from duplex.models.interaction.responders.tool_answer import ToolAnswer
from duplex.models.interaction.tools.call_decoder import CallDecoder
from duplex.models.interaction.tools.call_prompt import CallPrompt
from duplex.models.interaction.tools.rounds import RULE
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import calls_in
from duplex.streaming.errors import EndpointError, ModelError, first_line
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.dialogues import Dialogues
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.prefill import close_gap, update
from duplex.streaming.lm.sampling import Sampler, end_tokens, masked
from duplex.streaming.lm.token_text import TokenText
from duplex.streaming.pool import InferencePool

if TYPE_CHECKING:
    import torch

PREPARED = 32
"""Tokens that one step computes while the user speaks: the answer waits for one such step at most."""

PROMPTED = 256
"""The same once the turn is over, when nothing is more urgent."""

DIALOGUES = 8
"""Dialogues whose caches are kept; the longest unused is forgotten first."""

_FAILURES = (RuntimeError, ValueError, IndexError, TypeError)
"""What models raise: out of memory, logits that are no numbers, a template that does not fit."""


class LocalLM:
    """Streams answers of the model `model`: a folder, a GGUF file, or an id on the Hugging Face hub (from the cache if
    offline). The weights of a GGUF file are unpacked.

    device: where torch runs it. dtype: None takes the checkpoint's own, but float32 for a float16 one on a CPU.
    max_new_tokens: at most in one reply. context_tokens: of prompt and reply together, less where the model has less;
    the older half of the history is left out beyond it. temperature: 0 takes the likeliest token, so that the same
    request gives the same answer; None leaves sampling to the model's own generation settings. pool: where it runs;
    None makes one thread of its own, which is given back at every token. toolbox: what the model may call; its
    arguments are then decoded so that they fit. When the iterator is closed the reply ends
    with its next token. A model that keeps no keys and values (a recurrent one) computes each prompt whole.

    Loading happens here and takes seconds. Raises ModelError if the model cannot be had or is of another class.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        system_prompt: str = SYSTEM_PROMPT,
        max_new_tokens: int = 256,
        context_tokens: int = 4096,
        temperature: float | None = 0.0,
        pool: InferencePool | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.name = model
        self.toolbox = toolbox or Toolbox()
        self.system_prompt = f"{system_prompt} {RULE}" if toolbox else system_prompt
        self.max_new_tokens = max_new_tokens
        self.context_tokens = context_tokens
        self._tokenizer, self._model = load_causal(model, device, dtype)
        self._sampler = Sampler(self._model.generation_config, temperature)
        self._ends = end_tokens(self._model.generation_config)
        self._lm: CausalLM | None
        try:
            self._lm = CausalLM(self._model)
        except ModelError:
            self._lm = None
        self._calls: OrderedDict[str, CallPrompt] = OrderedDict()
        """By the tools of which they tell, in JSON."""
        self._telling = threading.Lock()
        self._calls_for(self.toolbox)
        self._pool = pool or InferencePool(workers=1)
        self._owns_pool = pool is None
        self._markers = [] if getattr(self._tokenizer, "chat_template", None) else list(PLAIN_MARKERS)
        self._dialogues = Dialogues(DIALOGUES)
        self._oldest: dict[str, float] = {}
        """When the first utterance that a dialogue's prompt still has began."""

    async def prepare(self, request: Request) -> None:
        """Brings the dialogue's cache to what the turn says so far; ends early when newer work begins."""
        if self._lm is None:
            return
        try:
            await self._listen(request)
        except _FAILURES as error:
            raise ModelError(f"{self.name} failed while listening: {first_line(error)}") from error

    async def _listen(self, request: Request) -> tuple[int, KVCache, list[int]]:
        """The ticket, the cache, and what it holds now, unless newer work has begun."""
        name = request.dialogue
        ticket, cache = self._dialogues.take(name)
        prompt = await self._pool.run("prefill", self._so_far, request)
        left = 1
        while left and self._dialogues.current(name, ticket):
            left = await self._pool.run("prefill", self._prefill, name, ticket, cache, prompt, PREPARED)
        return ticket, cache, prompt

    def forget(self, dialogue: str) -> None:
        """The conversation is over: its cache goes."""
        self._dialogues.drop(dialogue)
        self._oldest.pop(dialogue, None)

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        def complete(more: list[dict[str, Any]], offered: bool) -> AsyncIterator[Delta]:
            return self._completion(request, more, offered, made)

        toolbox = self.toolbox.of(request)
        made = ToolAnswer(toolbox, request, complete, lambda: AnswerText(self.max_new_tokens, self._markers))
        try:
            async with aclosing(made.items()) as items:
                async for item in items:
                    yield item
        except _FAILURES as error:
            raise ModelError(f"{self.name} failed while answering: {first_line(error)}") from error
        if made.silent:
            cause, spoken = made.answer.completion.silence()
            raise EndpointError(f"{self.name}: {cause}", spoken=spoken)

    async def _completion(
        self, request: Request, more: list[dict[str, Any]], offered: bool, made: ToolAnswer
    ) -> AsyncIterator[Delta]:
        ticket, cache = self._dialogues.take(request.dialogue)  # what prepares ends with its step
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        making: asyncio.Future[bool] | None = None
        try:
            prompt, _ = await self._pool.run("respond", self._prompt, request, more)
            calling = self._calls_for(self.toolbox.of(request))
            forced = request.must_call and not more
            decoder = calling.decoder(forced=forced) if offered and self._lm is not None else None
            making = asyncio.ensure_future(
                self._reply(request.dialogue, ticket, cache, prompt, pieces.put_nowait, decoder)
            )
            making.add_done_callback(lambda done: pieces.put_nowait(None) or done.cancelled() or done.exception())
            if opens_thought(self._tokenizer.decode(prompt[-16:])):
                made.answer = AnswerText(self.max_new_tokens, self._markers, thinking=True)
            while (piece := await pieces.get()) is not None:
                yield Delta(piece)
            cut = await making  # raises what was raised there
            calls = calls_in(decoder.call, calling.names) if decoder is not None and decoder.call else []
            wanted = tuple(CallPiece(place, "", call.name, call.arguments) for place, call in enumerate(calls))
            yield Delta(finish="length" if cut else "stop", calls=wanted)
        finally:
            if making is not None:
                making.cancel()

    async def close(self) -> None:
        self._dialogues.clear()
        self._oldest.clear()
        if self._owns_pool:
            self._pool.close()

    async def _reply(
        self,
        name: str,
        ticket: int,
        cache: KVCache,
        prompt: list[int],
        emit: Callable[[str], None],
        decoder: CallDecoder | None,
    ) -> bool:
        """Task: the reply, token by token, to the end of the first call; returns whether it was cut."""
        if self._lm is None:
            text, cut = await self._pool.run("respond", self._whole_reply, prompt)
            emit(text)
            return cut
        while await self._pool.run("respond", self._prefill, name, ticket, cache, prompt, PROMPTED):
            pass
        text = TokenText(self._tokenizer)
        token: int | None = None
        for _ in range(self.max_new_tokens):
            token = await self._pool.run("respond", self._next, name, ticket, cache, token, text, decoder)
            if piece := text.take(last=token in self._ends):
                emit(piece)
            if token in self._ends or (decoder is not None and decoder.call):
                return False
        emit(text.take(last=True))
        return True

    def _prefill(self, name: str, ticket: int, cache: KVCache, prompt: list[int], most: int) -> int:
        """A step: computes at most `most` tokens of the prompt; returns how many are left."""
        assert self._lm is not None
        close_gap(self._lm, cache, prompt)
        left = update(self._lm, cache, prompt, most=most)
        self._dialogues.give(name, ticket, cache)
        return left

    def _next(
        self,
        name: str,
        ticket: int,
        cache: KVCache,
        token: int | None,
        text: TokenText,
        decoder: CallDecoder | None,
    ) -> int:
        """A step: appends the last token, if any, and chooses the next."""
        assert self._lm is not None
        if token is not None:
            self._lm.append(cache, [token])
            self._dialogues.give(name, ticket, cache)
        logits = cache.logits
        if decoder is not None and (mask := decoder.mask()) is not None:
            logits = masked(logits, mask)
        chosen = self._sampler.next(logits, cache.ids)
        if decoder is not None and chosen not in self._ends:
            decoder.put(chosen)
            if decoder.marked:  # it stands behind a token that only announces it: nothing of it is text
                return chosen
        if chosen not in self._ends:
            text.put(chosen)
        return chosen

    def _whole_reply(self, prompt: list[int]) -> tuple[str, bool]:
        """A step: the reply of a model without a cache of keys and values, and whether it was cut."""
        import torch

        ids = torch.tensor([prompt], device=self._model.device)
        sampling: dict[str, Any] = {"do_sample": False} if self._sampler.greedy else {}
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.max_new_tokens,
                pad_token_id=next(iter(self._ends), 0),
                **sampling,
            )[0, len(prompt) :]
        return self._tokenizer.decode(output, skip_special_tokens=True), len(output) >= self.max_new_tokens

    def _calls_for(self, toolbox: Toolbox) -> CallPrompt:
        """How the model is told of these tools, which several conversations may have."""
        offered = toolbox.offered(self.context_tokens)
        key = json.dumps(offered)
        with self._telling:
            made = self._calls[key] = self._calls.pop(key, None) or CallPrompt(self._tokenizer, offered)
            while len(self._calls) > DIALOGUES:
                self._calls.popitem(last=False)
        return made

    def _room(self) -> int:
        """Positions that the model may use."""
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        return min(most or self.context_tokens, self.context_tokens)

    def _so_far(self, request: Request) -> list[int]:
        return self._prompt(request)[0]

    def _prompt(self, request: Request, more: Sequence[dict[str, Any]] = ()) -> tuple[list[int], list[str]]:
        """(token ids, markers at which the reply ends). more: messages that follow the request's own.

        Where there is no room for a reply the older half of the history goes, and stays away: so the prompt keeps its
        beginning for many turns, and its cache is good for them.
        """
        most = self._room()
        calling = self._calls_for(self.toolbox.of(request))
        oldest = self._oldest.get(request.dialogue)
        history = request.history
        if oldest is not None:
            history = tuple(heard for heard in history if heard.start >= oldest) or history
        while True:
            messages = chat_messages(
                replace(request, history=history), self.system_prompt, most_characters=16 * self.context_tokens
            )
            ids, markers = message_ids(self._tokenizer, calling, [*messages, *more])
            if len(ids) + self.max_new_tokens <= most or not history:
                return ids[-max(1, most - self.max_new_tokens) :], markers
            history = later_half(history)
            if history:
                self._oldest[request.dialogue] = history[0].start

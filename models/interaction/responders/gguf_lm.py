"""A language model in a GGUF file, run by llama.cpp in this process (the package `xllamacpp`), as an answerer."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta, delta_of
from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT, chat_messages, room_for_history
from duplex.models.interaction.responders.thoughts import reasons
from duplex.models.interaction.responders.tool_answer import ToolAnswer
from duplex.models.interaction.tools.rounds import RULE
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.streaming.errors import EndpointError, ModelError
from duplex.streaming.pool import InferencePool

MOST_THREADS = 4


class GGUFModel:
    """Streams answers of the model in the file `path`.

    The chat template is the file's own; one without gets ChatML. max_new_tokens, context_tokens, temperature: as
    LocalLM has them. threads: None takes half the cores, at most MOST_THREADS: hearing and speaking need the others.
    pool: where it runs; None makes one thread of its own. A reply is one step of the pool; when the iterator is closed
    it ends with its next token. toolbox: what the model may call. llama.cpp keeps the last prompt's cache, so that a
    turn costs what is new in it.

    Loading happens here. Raises ModelError if the file is no such model or `xllamacpp` is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        system_prompt: str = SYSTEM_PROMPT,
        max_new_tokens: int = 256,
        context_tokens: int = 4096,
        temperature: float = 0.0,
        threads: int | None = None,
        pool: InferencePool | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.name = Path(path).name
        self.toolbox = toolbox or Toolbox()
        self.system_prompt = f"{system_prompt} {RULE}" if toolbox else system_prompt
        self.max_new_tokens = max_new_tokens
        self.context_tokens = context_tokens
        self.temperature = temperature
        self._server = _load(
            Path(path), context_tokens, threads or max(1, min(MOST_THREADS, (os.cpu_count() or 2) // 2))
        )
        self._pool = pool or InferencePool(workers=1)
        self._owns_pool = pool is None
        self._turn = threading.Lock()

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        doubtful = reasons(self.name)
        toolbox = self.toolbox.of(request)
        tools = toolbox.offered(self.context_tokens)
        system = self.system_prompt + json.dumps(tools)  # both take their room
        room = room_for_history(self.context_tokens, self.max_new_tokens, system, request)

        def complete(more: list[dict[str, Any]], offered: bool) -> AsyncIterator[Delta]:
            choice = "none" if not offered else "required" if request.must_call and not more else "auto"
            return self._completion(request, room, more, tools, choice)

        made = ToolAnswer(toolbox, request, complete, lambda: AnswerText(self.max_new_tokens, doubtful=doubtful))
        try:
            async with aclosing(made.items()) as items:
                async for item in items:
                    yield item
        except (AttributeError, TypeError, LookupError) as error:
            raise ModelError(f"{self.name} failed while answering: {error}") from error
        if made.silent:
            cause, spoken = made.answer.completion.silence()
            raise EndpointError(f"{self.name}: {cause}", spoken=spoken)

    async def _completion(
        self, request: Request, room: int, more: list[dict[str, Any]], tools: list[dict[str, Any]], choice: str
    ) -> AsyncIterator[Delta]:
        while True:
            error = ""
            messages = chat_messages(request, self.system_prompt, most_characters=room)
            async with aclosing(self._events([*messages, *more], tools, choice)) as events:
                async for event in events:
                    if "error" in event:
                        error = _message(event["error"])
                        break
                    yield delta_of(event)
            if not error:
                return
            if "context" not in error or not room:
                raise ModelError(f"{self.name} failed while answering: {error}")
            room = room // 2 if room > 100 else 0  # the estimate was too high for this language

    async def close(self) -> None:
        if self._owns_pool:
            self._pool.close()

    async def _events(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], choice: str
    ) -> AsyncIterator[dict[str, Any]]:
        """The events of one completion, in the form of OpenAI's stream; the last may be an error."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        stop = threading.Event()
        body = {
            "messages": messages,
            "max_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "stream": True,
        }
        if tools:  # llama.cpp holds the arguments to their schemas by a grammar of its own
            body |= {"tools": tools, "tool_choice": choice}

        def emit(event: dict[str, Any]) -> bool:
            """Called by llama.cpp on the pool's thread; True ends the completion."""
            if not stop.is_set():
                loop.call_soon_threadsafe(events.put_nowait, event)
            return stop.is_set()

        def complete() -> None:
            try:
                with self._turn:
                    if not stop.is_set():
                        self._server.handle_chat_completions(body, emit)
            finally:
                if not stop.is_set():
                    loop.call_soon_threadsafe(events.put_nowait, None)

        running = asyncio.ensure_future(self._pool.run("language model", complete))
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            while (event := await events.get()) is not None:
                yield event
            await running  # raises what llama.cpp raised
        except RuntimeError as error:
            raise ModelError(f"{self.name} failed while answering: {_message(error)}") from error
        finally:
            stop.set()


def runs_gguf() -> bool:
    """Whether `xllamacpp` is installed."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        return False
    return True


def _load(path: Path, context: int, threads: int) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(f"{path}: needs the package xllamacpp: pip install 'duplex[gguf]'") from error
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.use_jinja = True  # without it llama.cpp takes no tools
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.warmup = False
    parameters.verbosity = -1
    # The runtime opens an HTTP port on the loopback interface, which is not used: nobody else may, either.
    parameters.api_keys = [secrets.token_hex(16)]
    parameters.endpoint_slots = False
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: llama.cpp cannot load it: is it a complete GGUF file of a language model, and is there memory "
            "enough?"
        ) from error


def _message(error: Any) -> str:
    text = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(text).split())[:160]

"""Any OpenAI-compatible model server as an answerer: chat completions, streamed.

Ollama, llama.cpp, vLLM, LM Studio, `transformers serve` and the hosted ones all speak this.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta, delta_of
from duplex.models.interaction.responders.model_servers import first_chat_model
from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT, chat_messages, room_for_history
from duplex.models.interaction.responders.server_sent_events import EventDecoder
from duplex.models.interaction.responders.thoughts import reasons
from duplex.models.interaction.responders.tool_answer import ToolAnswer
from duplex.models.interaction.tools.rounds import RULE
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.openai_wire import ServerAddress, message, message_in, reason, short
from duplex.streaming.errors import EndpointError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_TOOLS_REFUSED = re.compile(r"HTTP 4\d\d.*(?:tool|function)", re.IGNORECASE)
"""How servers say that the model was not made for tools (Ollama, vLLM without a parser for them)."""

_MIDWAY = {False: " before an answer", True: " in mid-sentence"}


class OpenAIServer:
    """Streams answers of the server at `base_url` (".../v1").

    model: by name; None takes the first chat model that the server lists. api_key: sent as a bearer token; None takes
    OPENAI_API_KEY from the environment, if there. connect_timeout, first_token_timeout, token_timeout: seconds to
    connect, from there to the first token, and between two tokens. max_tokens: of one answer. context_tokens: of the
    request and the answer together; the oldest history is left out beyond it. options: further fields of the request
    body, such as {"temperature": 0.3}. Raises SettingsError for a URL that is none; `answer` raises EndpointError.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        system_prompt: str = SYSTEM_PROMPT,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 30.0,
        token_timeout: float = 10.0,
        max_tokens: int = 400,
        context_tokens: int = 4096,
        options: Mapping[str, Any] | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self._server = ServerAddress.of(base_url, "model", "http://127.0.0.1:11434/v1", api_key)
        self.base_url = self._server.url
        self.model = model
        self.toolbox = toolbox or Toolbox()
        self.system_prompt = f"{system_prompt} {RULE}" if toolbox else system_prompt
        self.connect_timeout = connect_timeout
        self.first_token_timeout = first_token_timeout
        self.token_timeout = token_timeout
        self.context_tokens = context_tokens
        self._takes_tools = True
        """Until it has refused them."""
        self._body = {"max_tokens": max_tokens, **(options or {})}
        self._client: httpx.AsyncClient | None = None
        self._unopened: bool | None = None
        """Whether the last answer held a thought that nothing opened; None before the first answer."""

    @property
    def name(self) -> str:
        return f"{self.model or 'model'} at {self.base_url}"

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        import httpx

        try:
            model = self.model or await self._first_model()
            limit = self._body.get("max_tokens")
            toolbox = self.toolbox.of(request)
            tools = toolbox.offered(self.context_tokens) if self._takes_tools else []
            system = self.system_prompt + json.dumps(tools)  # both take their room
            room = room_for_history(self.context_tokens, limit or 0, system, request)
            messages = chat_messages(request, self.system_prompt, most_characters=room)

            def complete(more: list[dict[str, Any]], offered: bool) -> AsyncIterator[Delta]:
                body = {**self._body, "model": model, "messages": [*messages, *more]}
                choice = "none" if not offered else "required" if request.must_call and not more else ""
                return self._completion(body, tools, choice)

            doubtful = reasons(model) if self._unopened is None else self._unopened
            made = ToolAnswer(toolbox, request, complete, lambda: AnswerText(limit, doubtful=doubtful))
            async with aclosing(made.items()) as items:
                async for item in items:
                    yield item
            self._unopened = made.answer.unopened if made.answer.spoke else self._unopened
            if made.silent:
                cause, spoken = made.answer.completion.silence()
                raise EndpointError(f"{self.base_url}: {cause}", spoken=spoken)
        except httpx.ConnectTimeout as error:
            raise self._error(f"no connection within {self.connect_timeout:g} s; is the server up?") from error
        except httpx.ConnectError as error:
            raise self._error(f"cannot connect ({reason(error)}); is the server running?") from error
        except httpx.HTTPError as error:
            raise self._error(f"the connection broke ({reason(error)})") from error

    async def models(self) -> list[str]:
        """What the server offers, in its order. Raises EndpointError."""
        import httpx

        try:
            async with asyncio.timeout(self.first_token_timeout):
                response = await self._opened().get(f"{self.base_url}/models")
        except TimeoutError as error:
            raise self._error(f"no list of models within {self.first_token_timeout:g} s") from error
        except httpx.HTTPError as error:
            raise self._error(f"cannot connect ({reason(error)}); is the server running?") from error
        hint = "name the model, and check that the address ends in /v1"
        if response.status_code != 200:
            raise self._error(f"no list of models ({_status(response.status_code, response.content)}); {hint}")
        try:
            return [str(entry["id"]) for entry in response.json()["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._error(f"the list of models is not in OpenAI's form; {hint}") from error

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _first_model(self) -> str:
        names = await self.models()
        if not names:
            raise self._error("the server has no model loaded; load one, or name one")
        self.model = first_chat_model(names) or names[0]
        return self.model

    async def _completion(
        self, body: dict[str, Any], offered: list[dict[str, Any]], choice: str
    ) -> AsyncIterator[Delta]:
        """The deltas of one completion. choice: of calls; empty: as the model sees fit. A server or model that takes
        no tools is asked without them from then on."""
        body["stream"] = True
        if offered and self._takes_tools:  # also where no more calls are wanted: the messages speak of them
            tools = {"tools": offered, **({"tool_choice": choice} if choice else {})}
            began = False
            try:
                async with aclosing(self._stream({**body, **tools})) as deltas:
                    async for delta in deltas:
                        began = True
                        yield delta
                return
            except EndpointError as error:
                if began or not _TOOLS_REFUSED.search(str(error)):
                    raise
                self._takes_tools = False
        async with aclosing(self._stream(body)) as deltas:
            async for delta in deltas:
                yield delta

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[Delta]:
        """The deltas of one completion. A stream that ends without a finish reason or [DONE] has ended all the same."""
        import httpx

        time = asyncio.get_running_loop().time
        deadline = time() + self.first_token_timeout
        opening = self._opened().stream("POST", f"{self.base_url}/chat/completions", json=body)
        async with AsyncExitStack() as stack:
            response = await self._within(deadline, stack.enter_async_context(opening))
            await self._check(response, deadline)
            pieces = await stack.enter_async_context(aclosing(response.aiter_bytes()))
            decoder, began, received = EventDecoder(), False, False
            while True:
                try:
                    piece = await self._within(deadline, anext(pieces, b""), began)
                except httpx.HTTPError as error:
                    raise self._error(f"the connection broke{_MIDWAY[began]} ({reason(error)})") from error
                for data in decoder.push(piece) if piece else decoder.flush():
                    if data.strip() == "[DONE]":
                        return
                    delta = self._delta(data)
                    if delta != Delta():
                        deadline, began = time() + self.token_timeout, began or bool(delta.text)
                    received = True
                    yield delta
                    if delta.finish:
                        return
                if not piece:
                    if not received:
                        raise self._error("the stream ended before an answer; check the server's log")
                    return

    def _delta(self, data: str) -> Delta:
        try:
            event = json.loads(data)
        except ValueError as error:
            raise self._error(f"the stream holds something that is no JSON: {short(data)}") from error
        try:
            if event.get("error"):
                raise self._error(f"the server reports: {message_in(event)}")
            return delta_of(event)
        except (AttributeError, TypeError, LookupError) as error:
            raise self._error(f"the stream holds something that is no completion: {short(data)}") from error

    async def _check(self, response: httpx.Response, deadline: float) -> None:
        if response.status_code != 200:
            raise self._error(_status(response.status_code, await self._within(deadline, response.aread())))
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        if kind not in ("text/event-stream", "text/plain", ""):  # some servers and proxies leave the type out
            hint = "is this the address of a chat server, ending in /v1?"
            raise self._error(f"it answers with {kind}, not with an event stream; {hint}")

    async def _within(self, deadline: float, step: Awaitable[T], began: bool = False) -> T:
        try:
            async with asyncio.timeout_at(deadline):
                return await step
        except TimeoutError as error:
            if began:
                raise self._error(f"the answer stalled in mid-sentence for {self.token_timeout:g} s") from error
            raise self._error(f"no answer within {self.first_token_timeout:g} s") from error

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            timeout = httpx.Timeout(None, connect=self.connect_timeout)
            server = self._server
            self._client = httpx.AsyncClient(headers=server.headers, timeout=timeout, trust_env=server.use_proxies)
        return self._client

    def _error(self, what: str) -> EndpointError:
        return EndpointError(f"{self.base_url}: {what}")


def _status(code: int, content: bytes) -> str:
    told = message(content.decode("utf-8", "replace"))
    hint = {
        401: "; check the key (OPENAI_API_KEY)",
        403: "; check the key (OPENAI_API_KEY)",
        404: "; check the address and the model's name",
    }
    return f"HTTP {code}{': ' + told if told else ''}{hint.get(code, '')}"

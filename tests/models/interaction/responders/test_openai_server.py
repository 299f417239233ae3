from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import pytest
from aiohttp import web

from duplex.models.interaction.contract import Say
from duplex.models.interaction.responders.openai_server import OpenAIServer
from duplex.streaming.errors import EndpointError, SettingsError
from tests.models.interaction.asking import collect, heard, request
from tests.models.interaction.responders.chat_server import ChatServer, event, serving


def says(*pieces: str, end: bytes = b"data: [DONE]\n\n"):
    async def script(_: web.Request, response: web.StreamResponse) -> None:
        await response.write(event(role="assistant", content=""))
        for piece in pieces:
            await response.write(event(piece))
        await response.write(end)

    return script


def writes(*raw: bytes, then_wait: bool = False, then_break: bool = False):
    async def script(http: web.Request, response: web.StreamResponse) -> None:
        for piece in raw:
            await response.write(piece)
        if then_wait:
            await asyncio.sleep(60)
        if then_break:
            http.transport.abort()

    return script


async def failure(server: ChatServer, **options) -> tuple[str, str]:
    """(what was said before, the error's message)"""
    answerer = OpenAIServer(server.url, "tiny", **options)
    said = ""
    with pytest.raises(EndpointError) as caught:
        async for item in answerer.answer(request("hello")):
            said += item.text
    await answerer.close()
    message = str(caught.value)
    assert message.startswith(server.url)
    assert "\n" not in message
    return said, message


async def test_streams_the_answer_piece_by_piece():
    async with serving(ChatServer(says("It is ", "ten", "."))) as server:
        answerer = OpenAIServer(server.url, "tiny", options={"temperature": 0.3})
        history = heard(("user", "hi", 10), ("assistant", "Hello.", 12))
        assert await collect(answerer, request("what time is it", history=history)) == [
            Say("It is "),
            Say("ten"),
            Say("."),
        ]
        body = server.bodies[0]
        assert (body["model"], body["stream"], body["temperature"]) == ("tiny", True, 0.3)
        assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
        await answerer.close()


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", event(finish="stop"), event(finish="length"), event("", "stop")])
async def test_knows_every_way_to_end(end):
    async with serving(ChatServer(says("Yes.", end=end))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("Yes.")]
        await answerer.close()


async def test_takes_the_first_model_of_the_server_and_asks_once():
    async with serving(ChatServer(says("Yes."))) as server:
        answerer = OpenAIServer(server.url)
        await collect(answerer, request("a"))
        server.models = {"data": []}
        await collect(answerer, request("b"))
        assert [body["model"] for body in server.bodies] == ["tiny", "tiny"]
        assert answerer.name == f"tiny at {server.url}"
        await answerer.close()


@pytest.mark.parametrize(
    ("models", "message"),
    [({"data": []}, "no model loaded"), ({"models": []}, "not in OpenAI's form"), ([], "not in OpenAI's form")],
)
async def test_a_server_without_models(models, message):
    server = ChatServer(says("Yes."))
    server.models = models
    async with serving(server):
        answerer = OpenAIServer(server.url)
        with pytest.raises(EndpointError, match=message):
            await collect(answerer, request("hello"))
        await answerer.close()


async def test_a_key_is_sent_if_there_is_one(monkeypatch):
    async with serving(ChatServer(says("Yes."))) as server:
        for environment, given, expected in (
            (None, None, None),
            ("from-env", None, "Bearer from-env"),
            ("from-env", "given", "Bearer given"),
            ("from-env", "", None),
        ):
            monkeypatch.delenv("OPENAI_API_KEY", raising=False)
            if environment:
                monkeypatch.setenv("OPENAI_API_KEY", environment)
            answerer = OpenAIServer(server.url, "tiny", api_key=given)
            await collect(answerer, request("hello"))
            await answerer.close()
            assert server.headers[-1].get("Authorization") == expected


async def test_a_proxy_is_no_way_to_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with serving(ChatServer(says("Yes."))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("Yes.")]
        await answerer.close()


async def test_thoughts_are_not_spoken():
    script = says("<thi", "nk>The user", " greets.</think>\n\n", "Hello.")
    async with serving(ChatServer(script)) as server:
        answerer = OpenAIServer(server.url, "tiny")
        said = "".join(item.text for item in await collect(answerer, request("hello")))
        assert said == "Hello."
        await answerer.close()


async def test_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ChatServer()
    server.url = f"http://127.0.0.1:{port}/v1"
    assert "cannot connect" in (await failure(server))[1]
    assert "is the server running" in (await failure(server))[1]


async def test_no_first_token_in_time():
    async with serving(
        ChatServer(writes(event(role="assistant", content=""), b": ping\n\n", then_wait=True))
    ) as server:
        assert await failure(server, first_token_timeout=0.2) == ("", f"{server.url}: no answer within 0.2 s")


async def test_stalls_in_mid_sentence():
    async with serving(ChatServer(writes(event("It is"), then_wait=True))) as server:
        said, message = await failure(server, token_timeout=0.2)
        assert said == "It is"
        assert "stalled in mid-sentence for 0.2 s" in message


async def test_thinking_is_no_stall():
    async def script(_: web.Request, response: web.StreamResponse) -> None:
        for _ in range(5):
            await response.write(event(reasoning_content="hm"))
            await asyncio.sleep(0.1)
        await response.write(event("Yes.", "stop"))

    async with serving(ChatServer(script)) as server:
        answerer = OpenAIServer(server.url, "tiny", first_token_timeout=0.4, token_timeout=0.4)
        assert await collect(answerer, request("hello")) == [Say("Yes.")]
        await answerer.close()


@pytest.mark.parametrize("end", [b"", b": bye\n\n", b"data: [DONE]", b"event: done\n\n"])
async def test_a_clean_end_without_done_is_an_end(end):
    async with serving(ChatServer(says("Yes.", end=end))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("Yes.")]
        await answerer.close()


@pytest.mark.parametrize("cut", [b"d", b"data:", b'data: {"cho', event(" ten.")[:-6]])
async def test_a_stream_cut_inside_an_event_is_an_error(cut):
    async with serving(ChatServer(says("It is", end=cut))) as server:
        said, message = await failure(server)
        assert said == "It is"
        assert "no JSON" in message


TOOL = {"tool_calls": [{"index": 0, "function": {"name": "get_time", "arguments": "{}"}}]}
SILENT = [
    ([event(reasoning_content="hm"), event(finish="length")], ["reasoning", "raise max_tokens", "400"], "limit"),
    ([event(reasoning="hm"), event(finish="stop")], ["only reasoned", "llm_model"], "no answer"),
    ([event(thinking="hm")], ["only reasoned", "llm_model"], "no answer"),
    ([event([{"type": "thinking", "thinking": "hm"}])], ["only reasoned"], "no answer"),
    ([event("<think>hm"), event(finish="length")], ["reasoning", "raise max_tokens"], "limit"),
    ([event("<think>hm</think>\n\n"), event(finish="stop")], ["only reasoned"], "no answer"),
    ([event(**TOOL), event(finish="tool_calls")], ["get_time", "tool_choice"], "tool"),
    ([event(finish="length")], ["max_tokens"], "limit"),
    ([event(finish="content_filter")], ["content filter"], "content filter"),
    ([event(" \n"), event(finish="stop")], ["empty answer", "chat template"], "no answer"),
    ([b"data: [DONE]\n\n"], ["empty answer"], "no answer"),
]


@pytest.mark.parametrize(("stream", "parts", "spoken"), SILENT)
async def test_a_model_that_says_nothing_is_an_error_with_cause_and_remedy(stream, parts, spoken):
    async with serving(ChatServer(writes(*stream))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        with pytest.raises(EndpointError) as caught:
            await collect(answerer, request("hello"))
        await answerer.close()
        assert all(part in str(caught.value) for part in parts), str(caught.value)
        assert spoken in caught.value.spoken


@pytest.mark.parametrize(
    "content",
    [
        [
            {"type": "text", "text": "It is "},
            {"type": "image_url", "image_url": {"url": "x"}},
            {"type": "text", "text": "ten."},
        ],
        [{"type": "thinking", "thinking": "secret"}, "It is ", {"type": "output_text", "text": {"value": "ten."}}],
        {"type": "text", "text": "It is ten."},
    ],
)
async def test_the_text_parts_of_content_are_joined(content):
    async with serving(ChatServer(writes(event(content, "stop")))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("It is ten.")]
        await answerer.close()


async def test_only_the_first_of_several_choices_is_spoken():
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "B"}, "finish_reason": "stop"}]}\n\n'
    async with serving(ChatServer(writes(other, event("A", "stop")))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("A")]
        await answerer.close()


async def test_the_connection_breaks_in_mid_sentence():
    async with serving(ChatServer(writes(event("It is"), then_break=True))) as server:
        said, message = await failure(server)
        assert said == "It is"
        assert "broke in mid-sentence" in message


@pytest.mark.parametrize(
    ("status", "body", "parts"),
    [
        (401, '{"error": {"message": "bad key"}}', ["HTTP 401: bad key", "OPENAI_API_KEY"]),
        (404, '{"detail": "Not Found"}', ["HTTP 404", "Not Found", "check the address"]),
        (500, "<html>\n<b>oops</b></html>", ["HTTP 500: <html> <b>oops</b></html>"]),
        (503, "", ["HTTP 503"]),
    ],
)
async def test_http_errors(status, body, parts):
    async with serving(ChatServer(), refuse=(status, body)) as server:
        message = (await failure(server))[1]
        assert all(part in message for part in parts)


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (b"data: {broken\n\n", "no JSON: {broken"),
        (b"data: [1, 2]\n\n", "no completion: [1, 2]"),
        (b'data: {"choices": "x"}\n\n', "no completion"),
        (b'data: {"error": {"message": "out of memory"}}\n\n', "the server reports: out of memory"),
        (b"", "the stream ended before an answer"),
    ],
)
async def test_streams_that_make_no_sense(raw, part):
    async with serving(ChatServer(writes(raw))) as server:
        assert part in (await failure(server))[1]


async def test_what_is_no_event_stream():
    server = ChatServer(writes(b"<html>hello</html>"))
    server.content_type = "text/html"
    async with serving(server):
        assert "answers with text/html, not with an event stream" in (await failure(server))[1]


async def test_closing_the_answer_closes_the_connection():
    async with serving(ChatServer(writes(event("It is"), then_wait=True))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        async with aclosing(answerer.answer(request("hello"))) as answer:
            assert await anext(answer) == Say("It is")
        await asyncio.wait_for(server.left.wait(), 5)
        await answerer.close()


async def test_cancelling_a_wait_closes_the_connection():
    async with serving(ChatServer(writes(event("It is"), then_wait=True))) as server:
        answerer = OpenAIServer(server.url, "tiny")
        task = asyncio.create_task(collect(answerer, request("hello")))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.left.wait(), 5)
        await answerer.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://host/v1", "http:///v1", "qwen"])
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(SettingsError, match="no address of a model server"):
        OpenAIServer(url)


@pytest.mark.parametrize("unit", ["la femme au martyre, ", "word ", " ", "\n\n", "我不知道。"])
async def test_an_endless_loop_is_cut_and_the_connection_given_back(unit):
    async def endless(_: web.Request, response: web.StreamResponse) -> None:
        await response.write(event("It began well. "))
        while True:
            await response.write(event(unit))
            await asyncio.sleep(0)

    async with serving(ChatServer(endless)) as server:
        answerer = OpenAIServer(server.url, "tiny", max_tokens=100_000)
        async with asyncio.timeout(60):
            text = "".join(item.text for item in await collect(answerer, request("hello")))
            assert text.startswith("It began well.")
            assert len(text) < 2000
            await server.left.wait()
        await answerer.close()


async def test_a_server_that_ignores_the_limit_is_cut_there():
    words = [f"word{number} " for number in range(10_000)]
    async with serving(ChatServer(says(*words))) as server:
        answerer = OpenAIServer(server.url, "tiny", max_tokens=50)
        text = "".join(item.text for item in await collect(answerer, request("hello")))
        assert text.startswith("word0 word1 ") and len(text) <= 600
        await answerer.close()


async def test_ten_thousand_words_are_handed_on_whole():
    words = [f"word{number} " for number in range(10_000)]
    async with serving(ChatServer(says(*words))) as server:
        answerer = OpenAIServer(server.url, "tiny", max_tokens=100_000)
        assert "".join(item.text for item in await collect(answerer, request("hello"))) == "".join(words)
        await answerer.close()


async def test_calls_of_tools_are_never_spoken():
    call = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "get_time", "arguments": '{"city":'}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": '"Rome"}'}}]}
    async with serving(
        ChatServer(writes(event("Let me look."), event(**call), event(**more), event(finish="tool_calls")))
    ) as server:
        answerer = OpenAIServer(server.url, "tiny")
        assert await collect(answerer, request("hello")) == [Say("Let me look.")]
        await answerer.close()
    for piece in (
        event(**call),
        event('{"name": "get_time", "arguments": {}}'),
        event(tool_calls=[None]),
        event(tool_calls="x"),
    ):
        async with serving(ChatServer(writes(piece, event(finish="tool_calls")))) as server:
            said, message = await failure(server)
            assert said == ""
            assert "get_time" in message or "empty answer" in message or "no completion" in message


async def test_history_is_kept_within_the_context():
    async with serving(ChatServer(says("Yes."))) as server:
        answerer = OpenAIServer(server.url, "tiny", max_tokens=100, context_tokens=1000)
        history = heard(
            *((("user", "assistant")[place % 2], f"sentence number {place}", place) for place in range(500))
        )
        await collect(answerer, request("the last words", history=history))
        messages = server.bodies[0]["messages"]
        assert sum(len(message["content"]) for message in messages) < 3 * 1000
        assert messages[-1]["content"] == "the last words"
        assert "sentence number 499" in str(messages) and "sentence number 3'" not in str(messages)
        await answerer.close()

"""Real HTTP servers on free ports that list models as Ollama, llama.cpp, LM Studio and vLLM do, and others."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from aiohttp import web

from duplex.models.interaction import load_answerer
from duplex.models.interaction.contract import Say
from duplex.models.interaction.responders import model_servers
from duplex.models.interaction.responders.model_servers import (
    find_model_server,
    first_chat_model,
    running_model_servers,
    usual_places,
)
from duplex.models.interaction.skills import Skills
from tests.models.interaction.asking import collect, request
from tests.models.interaction.responders.chat_server import ChatServer, event, serving

LISTS = {
    "Ollama": {
        "object": "list",
        "data": [
            {"id": "nomic-embed-text:latest", "object": "model", "created": 1, "owned_by": "library"},
            {"id": "llama3.2:3b", "object": "model", "created": 1, "owned_by": "library"},
        ],
    },
    "llama.cpp": {
        "models": [{"name": "/models/qwen3-4b.gguf"}],
        "object": "list",
        "data": [{"id": "/models/qwen3-4b.gguf", "object": "model", "owned_by": "llamacpp", "meta": {"n_params": 4}}],
    },
    "LM Studio": {
        "data": [
            {"id": "text-embedding-nomic-embed-text-v1.5", "object": "model"},
            {"id": "gemma-3-4b-it", "object": "model"},
        ],
        "object": "list",
    },
    "vLLM": {"object": "list", "data": [{"id": "Qwen/Qwen3-8B", "object": "model", "root": "x", "permission": [{}]}]},
}
MODELS = {
    "Ollama": "llama3.2:3b",
    "llama.cpp": "/models/qwen3-4b.gguf",
    "LM Studio": "gemma-3-4b-it",
    "vLLM": "Qwen/Qwen3-8B",
}


async def _says_yes(_: web.Request, response: web.StreamResponse) -> None:
    for piece in (event(role="assistant"), event("Yes"), event("."), event(finish="stop"), b"data: [DONE]\n\n"):
        await response.write(piece)


def listing(kind: str) -> ChatServer:
    server = ChatServer(_says_yes)
    server.models = LISTS[kind]
    return server


def nothing_there() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.mark.parametrize("kind", LISTS)
async def test_each_kind_is_found_and_answers_with_its_chat_model(kind, monkeypatch):
    async with serving(listing(kind)) as server:
        monkeypatch.setattr(model_servers, "usual_places", lambda: [("none", nothing_there()), (kind, server.url)])
        found = await asyncio.to_thread(find_model_server)
        assert (found.kind, found.url, found.model) == (kind, server.url, MODELS[kind])
        answerer = await asyncio.to_thread(load_answerer, "auto")
        assert await collect(answerer, request("do you like music")) == [Say("Yes"), Say(".")]
        assert server.bodies[0]["model"] == MODELS[kind]
        await answerer.close()


async def test_the_order_is_that_of_preference_not_of_speed():
    slow, fast = listing("Ollama"), listing("vLLM")
    listed = slow.list_models

    async def late(http: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return await listed(http)

    slow.list_models = late
    async with serving(slow), serving(fast):
        places = [("Ollama", slow.url), ("vLLM", fast.url)]
        servers = await asyncio.to_thread(running_model_servers, places, 10.0)
        assert [server.kind for server in servers] == ["Ollama", "vLLM"]


async def test_a_server_with_embedding_models_alone_is_passed_over():
    first, second = listing("Ollama"), listing("vLLM")
    first.models = {"data": [{"id": "mxbai-embed-large"}, {"id": "bge-m3"}]}
    async with serving(first), serving(second):
        places = [("Ollama", first.url), ("vLLM", second.url)]
        assert (await asyncio.to_thread(find_model_server, places)).kind == "vLLM"
        assert len(await asyncio.to_thread(running_model_servers, places)) == 2


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>It works!</body></html>",
        "",
        "[]",
        '{"data": 3}',
        '{"data": [3]}',
        "[" * 100_000,
        '{"data": null}',
        "x" * 2_000_000,
    ],
)
async def test_what_is_no_model_server_is_not_taken_for_one(body):
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="text/html")

    app = web.Application()
    app.router.add_get("/v1/models", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
        assert await asyncio.to_thread(find_model_server, [("llama.cpp", url)]) is None
    finally:
        await runner.cleanup()


def test_a_port_that_says_nothing_costs_little_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        assert find_model_server([("Ollama", url), ("vLLM", nothing_there())], 0.3) is None
        assert time.monotonic() - began < 30


def test_without_a_server_the_skills_answer(monkeypatch):
    monkeypatch.setattr(model_servers, "usual_places", list)
    assert isinstance(load_answerer("auto"), Skills)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8888", "http://127.0.0.1:8888/v1"),
        (":5000", "http://127.0.0.1:5000/v1"),
        ("ollama.lan", "http://ollama.lan:11434/v1"),
        ("http://ollama.lan:81/", "http://ollama.lan:81/v1"),
        ("https://ollama.lan", "https://ollama.lan:443/v1"),
        ("http://ollama.lan", "http://ollama.lan:80/v1"),
        ("[::1]:9", "http://[::1]:9/v1"),
        ('"127.0.0.1:11435"', "http://127.0.0.1:11435/v1"),
        ("nonsense:port", "http://127.0.0.1:11434/v1"),
        ("http://[broken", "http://127.0.0.1:11434/v1"),
    ],
)
def test_ollama_is_where_its_variable_says(host, url):
    assert dict(usual_places({"OLLAMA_HOST": host}))["Ollama"] == url


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["nomic-embed-text", "llama3.2"], "llama3.2"),
        (["bge-m3", "text-embedding-3-small"], ""),
        (["whisper-1", "tts-1", "gpt-4o-mini"], "gpt-4o-mini"),
        (["BAAI/bge-reranker-v2", "jina-embeddings-v3", "Qwen/Qwen3-4B"], "Qwen/Qwen3-4B"),
        (["all-minilm:22m", "gemma3:1b"], "gemma3:1b"),
        ([], ""),
    ],
)
def test_a_chat_model_is_preferred(names, chosen):
    assert first_chat_model(names) == chosen

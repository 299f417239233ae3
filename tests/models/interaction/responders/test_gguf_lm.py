"""With the real weights of SmolLM2-135M-Instruct, where the store has them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from duplex.models.interaction.contract import Say
from duplex.models.interaction.responders import gguf_lm
from duplex.models.interaction.responders.gguf_lm import GGUFModel
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.responders.local_models import locate, open_local_model
from duplex.models.store import find
from tests.models.interaction.asking import collect, heard, request

pytestmark = pytest.mark.slow

PROMPT = "You are a helpful AI assistant named SmolLM."
NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def file() -> Path:
    folder = find(NAME)
    if folder is None:
        pytest.skip(f"{NAME} is not in the store: duplex models pull {NAME}")
    return locate(str(folder))


@pytest.fixture(scope="module")
def small(file) -> GGUFModel:
    pytest.importorskip("xllamacpp")
    return GGUFModel(file, system_prompt=PROMPT, max_new_tokens=40, threads=1)


async def said(model, asked) -> str:
    return "".join(item.text for item in await collect(model, asked))


async def test_answers_by_its_own_template(small):
    assert "Paris" in await said(small, request("What is the capital of France?"))


async def test_the_same_request_gives_the_same_answer(small):
    asked = request("Say hello.")
    assert await said(small, asked) == await said(small, asked) != ""


async def test_llama_cpp_and_transformers_read_the_same_weights(small, file, monkeypatch):
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    asked = request("Say hello.")
    monkeypatch.setattr(gguf_lm, "runs_gguf", lambda: False)
    unpacked = open_local_model(str(file), system_prompt=PROMPT, max_new_tokens=8)
    assert isinstance(unpacked, LocalLM)
    assert "hello" in (await said(unpacked, asked)).lower()
    await unpacked.close()


async def test_a_loop_of_the_model_is_cut(file):
    """With these instructions the model goes round in circles on this question."""
    model = GGUFModel(file, system_prompt="You are a helpful assistant.", max_new_tokens=800, threads=1)
    assert len((await said(model, request("What is the capital of France?"))).split()) < 200
    await model.close()


async def test_history_beyond_the_context_is_left_out(file):
    model = GGUFModel(file, system_prompt=PROMPT, max_new_tokens=16, context_tokens=512, threads=1)
    turns = [(("user", "assistant")[place % 2], f"数字是{place}，这是一个很长的句子。", place) for place in range(200)]
    assert await said(model, request("Say hello.", history=heard(*turns)))
    await model.close()


async def test_a_turn_longer_than_the_context_is_one_line(file):
    from duplex.streaming.errors import ModelError

    model = GGUFModel(file, system_prompt=PROMPT, max_new_tokens=16, context_tokens=512, threads=1)
    with pytest.raises(ModelError, match="context size"):
        await said(model, request("word and word " * 1000))
    assert await said(model, request("Say hello."))
    await model.close()


async def test_closing_the_answer_ends_the_work(small):
    async with aclosing(small.answer(request("Tell me a long story about a ship."))) as answer:
        assert isinstance(await anext(answer), Say)
    began = asyncio.get_running_loop().time()
    assert await said(small, request("Say hello."))  # is not kept waiting by what nobody hears
    assert asyncio.get_running_loop().time() - began < 60

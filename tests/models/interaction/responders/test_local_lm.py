"""With a tiny model of random weights and a tiny tokenizer, saved to disk: the same classes as any real one."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from pathlib import Path

import pytest

from duplex.models.interaction.contract import Say
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.streaming.errors import ModelError
from duplex.streaming.pool import InferencePool
from tests.models.interaction.asking import collect, heard, request

TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'system' %}{{ SYSTEM }}{% endif %}"
    "<|{{ message.role }}|> {{ message.content }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A Llama of 2 layers, and a byte-level tokenizer with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    torch.set_num_threads(1)
    specials = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator([], trainers.BpeTrainer(special_tokens=specials, initial_alphabet=alphabet))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = TEMPLATE.replace("{{ SYSTEM }}", "")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config)
    path = tmp_path_factory.mktemp("tiny")
    tokenizer.save_pretrained(path)
    model.save_pretrained(path)
    return path


@pytest.fixture
def plain(folder, tmp_path) -> Path:
    """The same without a chat template."""
    path = tmp_path / "plain"
    shutil.copytree(folder, path)
    (path / "chat_template.jinja").unlink()
    return path


def expected(lm: LocalLM, asked, new_tokens: int) -> str:
    """What greedy decoding says when done at once, with neither cache nor streaming."""
    import torch

    ids, _ = lm._prompt(asked)
    sequence = list(ids)
    for _ in range(new_tokens):
        with torch.inference_mode():
            logits = lm._model(torch.tensor([sequence]), use_cache=False).logits[0, -1]
        sequence.append(int(logits.argmax()))
        if sequence[-1] == lm._tokenizer.eos_token_id:
            break
    return lm._tokenizer.decode(sequence[len(ids) :], skip_special_tokens=True).strip()


async def said(lm: LocalLM, asked) -> str:
    return "".join(item.text for item in await collect(lm, asked)).strip()


@pytest.mark.slow
async def test_streams_what_the_model_says(folder):
    lm = LocalLM(str(folder), max_new_tokens=24)
    first = request("hello")
    assert await said(lm, first) == expected(lm, first, 24) != ""
    await lm.close()


async def test_later_turns_say_the_same_with_the_cache_as_without(folder):
    lm = LocalLM(str(folder), max_new_tokens=16)
    first = request("hello there")
    reply = await said(lm, first)
    grown = request("and now", history=heard(("user", "hello there", 10), ("assistant", reply, 12)))
    cut = request("and now", history=heard(("user", "hello there", 10), ("assistant", reply[:3], 12), interrupted=True))
    for asked in (grown, cut, request("something else"), request("something else")):
        assert await said(lm, asked) == expected(lm, asked, 16)
    await lm.close()


async def test_the_cache_spares_what_was_there_before(folder):
    lm = LocalLM(str(folder), max_new_tokens=4)
    await said(lm, request("hello there"))
    sizes = []
    forward = lm._model.forward

    def counting(*args, **kwargs):
        sizes.append(kwargs["input_ids"].shape[1])
        return forward(*args, **kwargs)

    lm._model.forward = counting
    await said(lm, request("hello there too"))
    assert sizes[0] < 60 < len(lm._prompt(request("hello there too"))[0])
    await lm.close()


async def test_the_loop_goes_on_while_the_model_works(folder):
    lm = LocalLM(str(folder), max_new_tokens=64)
    ticks, done = 0, False

    async def tick() -> None:
        nonlocal ticks
        while not done:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await said(lm, request("hello"))
    done = True
    await ticking
    assert ticks > 10
    await lm.close()


async def test_closing_the_answer_ends_the_work_at_the_next_token(folder):
    lm = LocalLM(str(folder), max_new_tokens=1500)
    letter, space = lm._tokenizer("a ")["input_ids"]
    counted = 0
    forward = lm._model.forward

    def saying_words(*args, **kwargs):  # "a a a …", without an end
        nonlocal counted
        counted += 1
        out = forward(*args, **kwargs)
        out.logits[:, -1, space if counted % 2 else letter] += 1000
        return out

    lm._model.forward = saying_words
    async with aclosing(lm.answer(request("hello"))) as answer:
        assert isinstance(await anext(answer), Say)
    await lm.close()  # waits for the running step
    assert counted < 1500


async def test_an_inline_pool_gives_the_same_words(folder):
    lm = LocalLM(str(folder), max_new_tokens=16)
    inline = LocalLM(str(folder), max_new_tokens=16, pool=InferencePool(inline=True))
    assert await said(inline, request("hello")) == await said(lm, request("hello"))
    await lm.close()


async def test_a_model_without_a_chat_template_gets_a_transcript(plain):
    lm = LocalLM(str(plain), max_new_tokens=16)
    ids, markers = lm._prompt(request("hello"))
    assert lm._tokenizer.decode(ids).endswith("\nUser: hello\nAssistant:")
    assert "\nUser:" in markers
    assert await said(lm, request("hello")) == expected(lm, request("hello"), 16)
    await lm.close()


async def test_a_template_without_a_system_role(folder):
    lm = LocalLM(str(folder), max_new_tokens=8)
    lm._tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        + TEMPLATE.replace("{{ SYSTEM }}", "")
    )
    ids, _ = lm._prompt(request("hello"))
    text = lm._tokenizer.decode(ids)
    assert text.startswith("<|user|>")
    assert "live spoken conversation" in text
    await lm.close()


async def test_old_history_is_left_out_when_there_is_no_room(folder):
    lm = LocalLM(str(folder), max_new_tokens=32)
    history = heard(
        *(("user" if place % 2 else "assistant", f"sentence number {place}", place) for place in range(300))
    )
    ids, _ = lm._prompt(request("the last words", history=history))
    text = lm._tokenizer.decode(ids)
    assert len(ids) <= 2048 - 32
    assert "the last words" in text
    assert "live spoken conversation" in text
    assert "number 299" in text
    assert "number 3 " not in text
    await lm.close()


def test_a_folder_that_is_not_there():
    with pytest.raises(ModelError, match="no such folder"):
        LocalLM("./nowhere")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelError) as caught:
        LocalLM(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_an_id_that_is_not_cached_when_offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="cannot be downloaded"):
        LocalLM("nobody/nothing")


def test_a_model_of_another_class(folder, tmp_path):
    from transformers import WhisperConfig

    path = tmp_path / "whisper"
    shutil.copytree(folder, path)
    (path / "model.safetensors").unlink()
    WhisperConfig(d_model=16, encoder_layers=1, decoder_layers=1).save_pretrained(path)
    with pytest.raises(ModelError):
        LocalLM(str(path))


async def test_a_failure_while_answering_is_one_line(folder):
    lm = LocalLM(str(folder), max_new_tokens=8)

    def broken(*args, **kwargs):
        raise RuntimeError("out of memory\nat some line")

    lm._model.forward = broken
    with pytest.raises(ModelError, match=r"failed while answering: out of memory$"):
        await collect(lm, request("hello"))
    await lm.close()


class Counting:
    """Tokens of each forward pass."""

    def __init__(self, lm: LocalLM, monkeypatch) -> None:
        self.passes: list[int] = []
        forward = lm._model.forward

        def counting(*args, **kwargs):
            self.passes.append(kwargs["input_ids"].shape[1])
            return forward(*args, **kwargs)

        monkeypatch.setattr(lm._model, "forward", counting)


async def test_at_the_end_of_the_turn_only_the_last_tokens_are_left(folder, monkeypatch):
    lm = LocalLM(str(folder), max_new_tokens=8)
    for words in ("what", "what is the wether", "what is the weather like"):  # a word is revised
        await lm.prepare(request(words, dialogue="a"))
    whole = request("what is the weather like here", dialogue="a")
    counting = Counting(lm, monkeypatch)
    reply = await said(lm, whole)
    end = lm._tokenizer("like<|end|> <|assistant|>")["input_ids"]
    assert counting.passes[0] <= len(end) + len(" here") < len(lm._prompt(whole)[0]) / 4
    monkeypatch.undo()
    assert reply == expected(lm, whole, 8)
    await lm.close()


async def test_what_was_prepared_whole_is_answered_without_computing_the_prompt(folder, monkeypatch):
    lm = LocalLM(str(folder), max_new_tokens=4)
    await lm.prepare(request("hello", dialogue="a"))
    counting = Counting(lm, monkeypatch)
    await said(lm, request("hello", dialogue="a"))
    assert set(counting.passes) == {1}
    await lm.close()


async def test_an_answer_does_not_wait_for_a_preparation(folder):
    lm = LocalLM(str(folder), max_new_tokens=4)
    asked = request("hello " * 60, dialogue="a")
    preparing = asyncio.create_task(lm.prepare(asked))
    while not len(lm._dialogues):  # noqa: ASYNC110 (until one step of it is done)
        await asyncio.sleep(0)
    reply = await said(lm, request("hello", dialogue="a"))
    await preparing
    assert reply == expected(lm, request("hello"), 4)
    assert len(lm._dialogues.take("a")[1]) < len(lm._prompt(asked)[0])
    await lm.close()


async def test_dialogues_at_once_have_a_cache_each(folder, monkeypatch):
    lm = LocalLM(str(folder), max_new_tokens=8)
    one, other = request("hello there", dialogue="a"), request("what now", dialogue="b")
    first, second = await asyncio.gather(said(lm, one), said(lm, other))
    assert (first, second) == (expected(lm, one, 8), expected(lm, other, 8))
    counting = Counting(lm, monkeypatch)
    await said(lm, one)
    await said(lm, other)
    assert max(counting.passes) == 1  # nothing of either prompt was evicted by the other
    lm.forget("a")
    await said(lm, one)
    assert max(counting.passes) > 20
    await lm.close()


async def test_a_long_conversation_keeps_the_beginning_of_its_prompt(folder, monkeypatch):
    """When the oldest leave, what stays moves up in the cache, and most turns cost what is new in them."""
    lm = LocalLM(str(folder), max_new_tokens=8, context_tokens=1400, system_prompt="short")
    counting = Counting(lm, monkeypatch)
    lines = [("assistant" if place % 2 else "user", f"this is sentence number {place}", place) for place in range(80)]
    costs, lengths = [], []
    for turn in range(10, 80, 2):
        asked = request(lines[turn][1], history=heard(*lines[:turn]), dialogue="a")
        counting.passes.clear()
        await lm.prepare(asked)
        costs.append(sum(counting.passes))
        lengths.append(len(lm._prompt(asked)[0]))
    assert max(lengths) <= 1400 - 8
    assert min(lengths[5:]) < max(lengths) * 0.7  # the oldest left more than once
    assert max(costs[1:]) < 150
    await lm.close()


async def test_a_failure_while_listening_is_one_line(folder, monkeypatch):
    lm = LocalLM(str(folder), max_new_tokens=8)

    def broken(*args, **kwargs):
        raise RuntimeError("out of memory\nat some line")

    monkeypatch.setattr(lm._model, "forward", broken)
    with pytest.raises(ModelError, match=r"failed while listening: out of memory$"):
        await lm.prepare(request("hello"))
    monkeypatch.undo()
    assert await said(lm, request("hello")) == expected(lm, request("hello"), 8)
    await lm.close()


async def test_a_model_without_keys_and_values_computes_each_prompt_whole(folder, tmp_path):
    import torch
    from transformers import MambaConfig, MambaForCausalLM

    path = tmp_path / "recurrent"
    shutil.copytree(folder, path)
    vocabulary = LocalLM(str(folder))._tokenizer
    config = MambaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        state_size=4,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    torch.manual_seed(3)
    MambaForCausalLM(config).save_pretrained(path)
    lm = LocalLM(str(path), max_new_tokens=6)
    await lm.prepare(request("hello"))
    assert await said(lm, request("hello")) == expected(lm, request("hello"), 6)
    await lm.close()


def test_text_comes_as_whole_words():
    from duplex.streaming.lm.token_text import TokenText

    class Bytes:
        def decode(self, tokens, skip_special_tokens):
            return bytes(tokens).decode(errors="replace")

    for whole, pieces in (
        ("one two\nthree", ["one ", "two\n", "three"]),
        ("日本 語", ["日", "本", " ", "語"]),
        ("né à", ["né ", "à"]),
    ):
        text, said = TokenText(Bytes()), []
        for byte in whole.encode():
            text.put(byte)
            said.append(text.take())
        said.append(text.take(last=True))
        assert [piece for piece in said if piece] == pieces

"""A causal language model of `transformers`, on this machine, as an answerer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta
from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT, chat_messages, plain_transcript, without_system
from duplex.models.interaction.responders.thoughts import opens_thought
from duplex.models.transformers_library import check_transformers
from duplex.streaming.errors import EndpointError, ModelError
from duplex.streaming.pool import InferencePool

if TYPE_CHECKING:
    import torch

_CUT_BACK = frozenset(["DynamicLayer", "DynamicSlidingWindowLayer"])


class LocalLM:
    """Streams answers of the model `model`: a folder, a GGUF file, or an id on the Hugging Face hub (from the cache if
    offline). The weights of a GGUF file are unpacked.

    device: where torch runs it. dtype: None takes the checkpoint's own, but float32 for a float16 one on a CPU.
    max_new_tokens: at most in one reply. context_tokens: of prompt and reply together, less where the model has less;
    the oldest history is left out beyond it. temperature: 0 takes the likeliest token, so that the same request gives
    the same answer; None leaves sampling to the model's own generation settings. pool: where it runs; None makes one
    thread of its own. A reply is one step of the pool; when the iterator is closed it ends with its next token.

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
    ) -> None:
        self.name = model
        self.system_prompt = system_prompt
        self.max_new_tokens = max_new_tokens
        self.context_tokens = context_tokens
        self._sampling: dict[str, Any] = {}
        if temperature is not None:
            self._sampling = (
                {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
            )
        self._tokenizer, self._model = _load(model, device, dtype)
        self._pool = pool or InferencePool(workers=1)
        self._owns_pool = pool is None
        self._turn = threading.Lock()
        self._cache: Any = None
        self._cached: list[int] = []
        self._full = False
        """Whether the last reply ended at max_new_tokens."""

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        stop = threading.Event()
        prompt, markers = self._prompt(request)

        def emit(piece: str | None) -> None:
            if not stop.is_set():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def reply() -> None:
            try:
                with self._turn:
                    if not stop.is_set():
                        self._generate(prompt, emit, stop)
            finally:
                emit(None)

        running = asyncio.ensure_future(self._pool.run("language model", reply))
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        thinking = opens_thought(self._tokenizer.decode(prompt[-16:]))
        answer = AnswerText(self.max_new_tokens, markers, thinking=thinking)
        try:
            while not answer.done and (piece := await pieces.get()) is not None:
                if text := answer.push(Delta(piece)):
                    yield Say(text)
            if not answer.done:
                await running  # raises what generation raised
                answer.completion.finish = "length" if self._full else "stop"
            if text := answer.flush():
                yield Say(text)
            if not answer.spoke:
                cause, spoken = answer.completion.silence()
                raise EndpointError(f"{self.name}: {cause}", spoken=spoken)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ModelError(f"{self.name} failed while answering: {_first_line(error)}") from error
        finally:
            stop.set()

    async def close(self) -> None:
        if self._owns_pool:
            self._pool.close()

    def _prompt(self, request: Request) -> tuple[list[int], list[str]]:
        """(token ids, markers at which the reply ends); the oldest history goes until there is room for a reply."""
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or self.context_tokens
        most = min(most, self.context_tokens)
        characters = 12000
        while True:
            messages = chat_messages(request, self.system_prompt, most_characters=characters)
            ids, markers = self._encode(messages)
            if len(ids) + self.max_new_tokens <= most or characters == 0:
                return ids[-max(1, most - self.max_new_tokens) :], markers
            characters = characters // 2 if characters > 100 else 0

    def _encode(self, messages: list[dict[str, str]]) -> tuple[list[int], list[str]]:
        tokenizer = self._tokenizer
        if not getattr(tokenizer, "chat_template", None):
            text, markers = plain_transcript(messages)
            return tokenizer(text)["input_ids"], markers
        import jinja2

        def templated(turns: list[dict[str, str]]) -> str:
            return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

        try:
            text = templated(messages)
        except jinja2.TemplateError:  # some templates know no system role
            text = templated(without_system(messages))
        return tokenizer(text, add_special_tokens=False)["input_ids"], []

    def _generate(self, prompt: list[int], emit: Callable[[str | None], None], stop: threading.Event) -> None:
        """Runs on the pool: decodes token by token, handing on text as whole words."""
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer

        class Stop(StoppingCriteria):
            def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
                return torch.full((input_ids.shape[0],), stop.is_set(), dtype=torch.bool, device=input_ids.device)

        class Streamer(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                if text:
                    emit(text)

        ids = torch.tensor([prompt], device=self._model.device)
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                past_key_values=self._reusable(prompt),
                max_new_tokens=self.max_new_tokens,
                pad_token_id=self._pad,
                streamer=Streamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True),
                stopping_criteria=StoppingCriteriaList([Stop()]),
                return_dict_in_generate=True,
                **self._sampling,
            )
        self._cache = output.past_key_values
        self._cached = output.sequences[0].tolist()
        self._full = len(self._cached) - len(prompt) >= self.max_new_tokens

    @property
    def _pad(self) -> int:
        """A padding id, which one reply never uses but `generate` wants."""
        eos = self._model.generation_config.eos_token_id
        known = [self._tokenizer.pad_token_id, eos[0] if isinstance(eos, list) else eos, 0]
        return next(identity for identity in known if identity is not None)

    def _reusable(self, prompt: list[int]) -> Any:
        """The last turn's key-value cache as far as this prompt begins like it, so that a turn costs what is new in it.

        None for caches that cannot be cut back, such as recurrent ones.
        """
        cache, cached = self._cache, self._cached
        self._cache, self._cached = None, []
        layers = getattr(cache, "layers", None)
        if not layers or any(type(layer).__name__ not in _CUT_BACK for layer in layers):
            return None
        shared = next(
            (place for place, (old, new) in enumerate(zip(cached, prompt, strict=False)) if old != new),
            min(len(cached), len(prompt)),
        )
        surplus = cache.get_seq_length() - min(shared, len(prompt) - 1)
        try:
            if surplus > 0:
                cache.crop(-surplus)
        except (RuntimeError, ValueError):  # a sliding window that has moved on
            return None
        return cache if cache.get_seq_length() else None


def _load(model: str, device: str, dtype: torch.dtype | None) -> tuple[Any, Any]:
    """(tokenizer, model in evaluation mode)."""
    folder = Path(model).expanduser()
    if (model.startswith((".", "/", "~")) or model.count("/") > 1) and not folder.exists():
        raise ModelError(
            f"{model}: no such folder; give a folder with a transformers model, or an id such as Qwen/Qwen3-0.6B"
        )
    check_transformers()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, gguf = str(folder) if folder.is_dir() else model, {}
    if folder.is_file():
        source, gguf = str(folder.parent), {"gguf_file": folder.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **gguf)
        network = AutoModelForCausalLM.from_pretrained(source, **gguf)
    except ImportError as error:
        raise ModelError(f"{model}: needs a package that is not installed: {_first_line(error)}") from error
    except OSError as error:
        where = "the folder is incomplete" if folder.is_dir() else "it is not in the cache and cannot be downloaded"
        raise ModelError(f"{model}: {where}: {_first_line(error)}") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"{model}: not a causal language model that transformers can load: {_first_line(error)}"
        ) from error
    if dtype is None and network.dtype == torch.float16 and torch.device(device).type == "cpu":
        dtype = torch.float32  # half precision is emulated on CPUs
    try:
        return tokenizer, network.to(device=device, dtype=dtype or network.dtype).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"{model}: cannot run on {device!r}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]

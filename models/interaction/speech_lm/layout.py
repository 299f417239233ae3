"""How a conversation is laid out in tokens for a speech language model.

Two layouts. Audio Interaction's (arXiv 2606.05121, 3.1, and its released code): a control token after every block of
0.4 s says whether the model stays silent or speaks. The chat template of Qwen's speech models: they were taught no such
token, so who asks them decides when a turn is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duplex.models.interaction.responders.prompt import INTERRUPTED
from duplex.models.interaction.speech_lm.network import SpeechNetwork
from duplex.streaming.errors import ModelError

SHIFT = 151_600
USER, ASSISTANT, KEEP_SILENCE = SHIFT + 1, SHIFT + 2, SHIFT + 5
ONLINE, ENGLISH = SHIFT + 9, SHIFT + 11
EMOTIONS = frozenset(range(SHIFT + 14, SHIFT + 20))
CONTROLS = frozenset(range(SHIFT + 1, SHIFT + 20))
"""Rare tokens of Qwen's vocabulary that Audio Interaction gave another meaning: as text they would be rubbish."""
TEXT_END, TEXT_BEGIN, AUDIO_BEGIN = 151_643, 151_644, 151_647
"""From TEXT_END on Qwen's vocabulary has no text."""

SYSTEM_PROMPT = (
    "You are a helpful assistant. When there is no user text, if the audio contains a question, please answer it. "
    "If it is a sound effect, determine based on the sound whether help is needed."
)
"""What Audio Interaction was trained with: other words are strange to it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Token ids; a tuple may be empty.

    prefix: what a conversation begins with, which is never evicted. frames: log-mel frames of a block. before, after:
    around the embeddings of a block. silence: after a block at which nothing is said; respond: what stands in its place
    where something is. Without `respond` the model does not decide. open, close: around a reply. ends: the model's own
    end of a reply. tags: may come at the head of a reply, and are not said. masked: never said.
    interrupted: behind a reply that was not heard to its end.
    """

    prefix: tuple[int, ...]
    frames: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    silence: tuple[int, ...]
    respond: int | None
    open: tuple[int, ...]
    close: tuple[int, ...]
    ends: frozenset[int]
    tags: frozenset[int]
    masked: frozenset[int]
    interrupted: tuple[int, ...]
    encode: Callable[[str], list[int]]
    typed: Callable[[str], list[int]]
    """What somebody has written, to stand where a block would."""


def layout_of(network: SpeechNetwork, system_prompt: str | None = None) -> Layout:
    """The layout that the model was trained for. Raises ModelError if its vocabulary lacks the tokens of it."""
    return control_tokens(network) if network.released else chat_turns(network, system_prompt)


def control_tokens(network: SpeechNetwork) -> Layout:
    """Audio Interaction's. The system prompt is its own."""
    if network.vocabulary <= max(AUDIO_BEGIN, *CONTROLS):
        raise ModelError(
            f"{network.name}: its vocabulary of {network.vocabulary} tokens lacks the control tokens of Audio "
            f"Interaction, up to {AUDIO_BEGIN}: it cannot say when it speaks"
        )
    encode = _encoder(network.tokenizer)

    def typed(text: str) -> list[int]:
        return [USER, TEXT_BEGIN, *encode(text), TEXT_END, ASSISTANT]

    return Layout(
        prefix=(ONLINE, ENGLISH, TEXT_BEGIN, TEXT_BEGIN, *encode(SYSTEM_PROMPT), TEXT_END),
        frames=40,
        before=(AUDIO_BEGIN,),
        after=(ASSISTANT,),
        silence=(KEEP_SILENCE,),
        respond=TEXT_BEGIN,
        open=(TEXT_BEGIN,),
        close=(TEXT_END,),
        ends=frozenset((TEXT_END, TEXT_BEGIN)),
        tags=EMOTIONS,
        masked=(CONTROLS - EMOTIONS) | frozenset(range(TEXT_BEGIN + 1, network.vocabulary)),
        interrupted=(),
        encode=encode,
        typed=typed,
    )


def chat_turns(network: SpeechNetwork, system_prompt: str | None = None) -> Layout:
    """Qwen's chat template, with audio in the turns of the user. Raises ModelError where its tokens are missing."""
    tokenizer = network.tokenizer
    encode = _encoder(tokenizer)
    begin, end, audio, audio_end = (
        _token(network, *names)
        for names in (("<|im_start|>",), ("<|im_end|>",), ("<|audio_bos|>",), ("<|audio_eos|>",))
    )
    ends = {end} | {token for token in (tokenizer.eos_token_id,) if token is not None}
    user, assistant = (begin, *encode("user\n")), (begin, *encode("assistant\n"))
    line = encode("\n")
    prompt = system_prompt or SYSTEM_PROMPT
    return Layout(
        prefix=(begin, *encode(f"system\n{prompt}"), end, *line, *user),
        frames=200,
        before=(audio,),
        after=(audio_end,),
        silence=(),
        respond=None,
        open=(end, *line, *assistant),
        close=(end, *line, *user),
        ends=frozenset(ends),
        tags=frozenset(),
        masked=(frozenset(tokenizer.all_special_ids) | {begin, audio, audio_end}) - ends,
        interrupted=tuple(encode(INTERRUPTED)),
        encode=encode,
        typed=encode,
    )


def _encoder(tokenizer: Any) -> Callable[[str], list[int]]:
    def encode(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    return encode


def _token(network: SpeechNetwork, name: str) -> int:
    found = network.tokenizer.get_vocab().get(name)
    if found is None or found >= network.vocabulary:
        raise ModelError(f"{network.name}: its vocabulary lacks the token {name}, which a turn with audio needs")
    return int(found)

"""One conversation as a speech language model holds it: what was heard, what was said, and the cache of both.

Blocks of audio enter the cache as they come; after each the model decides. While a reply is being made or heard, blocks
wait in a queue and the reply stays at the end of the cache, so that what of it nobody hears can be cut off exactly.
The decision is then read on a fork, in which the reply is over and the waiting blocks follow it. When the reply has
been heard to its end that fork *is* the conversation; when it is interrupted, what was heard of it stays, and the
blocks that waited follow in one pass with one decision after them (drain on trigger: Audio Interaction, 3.3). In the
paper no decision is made before the reply is over, so nothing can interrupt it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from duplex.models.interaction.speech_lm.layout import Layout
from duplex.models.interaction.speech_lm.mel import MelState, StreamingLogMel
from duplex.models.interaction.speech_lm.network import FRAMES_PER_EMBEDDING, SpeechNetwork
from duplex.streaming.errors import ModelError, StageError
from duplex.streaming.lm.cache_policy import WholeBlocks
from duplex.streaming.lm.kv_cache import EMBEDDED, KVCache
from duplex.streaming.lm.sampling import Sampler

CONTEXT = 4096
"""Entries of the cache: Audio Interaction was trained with as many, two minutes of audio. Older blocks are evicted."""

WAITING = 150
"""Blocks that may wait behind a reply, a minute; the oldest are lost beyond it."""


@dataclass(slots=True)
class Reply:
    """The reply at the end of the cache. block: its number there. opened: entries before its first token.
    before: what the conversation ended with when it began. appended: tokens that are in the cache. complete: made to
    its end."""

    block: int
    opened: int
    before: Literal["start", "block", "reply"]
    tokens: list[int] = field(default_factory=list)
    appended: int = 0
    complete: bool = False


@dataclass(slots=True)
class Branch:
    """The conversation as if the reply were over after `tokens` of it, followed by the first `blocks` that wait."""

    cache: KVCache
    tokens: int
    blocks: int = 0


@dataclass(slots=True)
class Conversation:
    """The state. frames: heard and not yet a block. queue: blocks, as embeddings, that are not in the cache. tail: what
    the cache ends with."""

    mel: MelState
    frames: np.ndarray
    cache: KVCache = field(default_factory=KVCache)
    queue: list[Any] = field(default_factory=list)
    tail: Literal["start", "block", "reply"] = "start"
    reply: Reply | None = None
    branch: Branch | None = None


class SpeechLM:
    """Works on conversations with one set of weights; a conversation must not be used by two threads at once.

    context: entries of a cache. Steps raise ModelError for logits that are not numbers, and what torch raises.
    """

    def __init__(self, network: SpeechNetwork, layout: Layout, *, context: int = CONTEXT, temperature: float = 0.0):
        self.network = network
        self.layout = layout
        self.mel = StreamingLogMel(network.mels)
        context = min(context, network.longest)
        self.policy = WholeBlocks(prefix=len(layout.prefix), most=context)
        self._sampler = Sampler(network.generation, temperature)
        self._masked = sorted(layout.masked)
        self._masked_and_tags = sorted(layout.masked | layout.tags)

    def initial_state(self) -> Conversation:
        return Conversation(self.mel.initial_state(), np.zeros((0, self.network.mels), np.float32))

    def listen(self, state: Conversation, samples: np.ndarray) -> int:
        """samples: (n,) float32 at 16 kHz. Encodes the blocks that they complete; returns how many."""
        frames, state.mel = self.mel.step(samples, state.mel)
        state.frames = np.concatenate([state.frames, frames])
        size = self.layout.frames
        whole = len(state.frames) // size
        blocks = [state.frames[number * size : (number + 1) * size] for number in range(whole)]
        state.frames = state.frames[whole * size :]
        state.queue += self.network.encode(blocks)
        if (lost := len(state.queue) - WAITING) > 0:
            del state.queue[:lost]
            if state.branch is not None:
                state.branch.blocks = max(0, state.branch.blocks - lost)
        return whole

    def listen_out(self, state: Conversation) -> None:
        """Encodes what was heard and is no whole block."""
        if rest := len(state.frames) - len(state.frames) % FRAMES_PER_EMBEDDING:
            state.queue += self.network.encode([state.frames[:rest]])
            state.frames = state.frames[rest:]

    def decide(self, state: Conversation) -> float | None:
        """The probability with which the model would speak now, of speaking and silence; while there is a reply: would
        speak anew. None if no block has come since, or if the model does not decide."""
        if not state.queue or (state.reply is not None and self.layout.respond is None):
            return None
        if state.reply is None:
            self.drain(state)
            return self._read(state.cache)
        reply, branch = state.reply, state.branch
        if branch is None or (reply.complete and branch.tokens != len(reply.tokens)):
            if reply.complete:
                self._append_tokens(state.cache, reply)
            branch = state.branch = Branch(state.cache.fork(), reply.appended)
        if branch.blocks == len(state.queue):
            return None
        self._append_blocks(branch.cache, state.queue[branch.blocks :], "block" if branch.blocks else "reply")
        branch.blocks = len(state.queue)
        return self._read(branch.cache)

    def open_reply(self, state: Conversation) -> None:
        """The model is to speak now. Raises StageError if a reply is open."""
        if state.reply is not None:
            raise StageError("a reply is open already")
        if self.layout.respond is None:  # the turn ended within a block
            self.listen_out(state)
        self.drain(state)
        cache = state.cache
        ids = (self.layout.close if state.tail == "reply" else ()) + self.layout.open
        self._begin(cache)
        state.reply = Reply(cache.begin_block(), len(ids), state.tail)
        self.network.lm.append(cache, ids, self.policy)

    def next_token(self, state: Conversation) -> int | None:
        """The next token of the open reply; None at its end."""
        reply = state.reply
        if reply is None or reply.complete:
            raise StageError("no reply is being made")
        self._append_tokens(state.cache, reply)
        chosen = self.choose(state.cache, reply.tokens)
        if chosen in self.layout.ends:
            reply.complete = True
            return None
        reply.tokens.append(chosen)
        return chosen

    def choose(self, cache: KVCache, said: Sequence[int]) -> int:
        """The next token of a reply that says `said` so far."""
        logits = self._numbers(cache).float().clone()
        logits[self._masked if not said else self._masked_and_tags] = -np.inf
        return self._sampler.next(logits, np.asarray(said, np.int64))

    def settle(self, state: Conversation, heard: str) -> None:
        """The open reply is over; heard: what of it was, its text as it was spoken."""
        reply, branch = state.reply, state.branch
        if reply is None:
            raise StageError("no reply is open")
        state.reply = state.branch = None
        count = self._count(reply, heard)
        whole = count == len(reply.tokens) > 0
        if whole and branch is not None and branch.blocks and branch.tokens == count:
            state.cache, state.tail = branch.cache, "block"
            del state.queue[: branch.blocks]
            return
        cache = state.cache
        start = int(np.flatnonzero(cache.blocks == reply.block)[0])
        if not _letters(heard):
            cache.crop(start)
            state.tail = reply.before
            return
        if count is None:  # it was spoken in other words than it was written in
            cache.crop(start + reply.opened)
            self.network.lm.append(cache, self.layout.encode(heard), self.policy)
        else:
            cache.crop(start + reply.opened + min(count, reply.appended))
            if rest := reply.tokens[reply.appended : count]:
                self.network.lm.append(cache, rest, self.policy)
        if not whole and self.layout.interrupted:
            self.network.lm.append(cache, self.layout.interrupted, self.policy)
        state.tail = "reply"

    def said(self, state: Conversation, text: str) -> None:
        """The assistant was heard to say what this model did not: an announcement, the answer of a skill."""
        self._text(state, self.layout.open + tuple(self.layout.encode(text)), "reply")

    def typed(self, state: Conversation, text: str) -> None:
        """Somebody has written a text."""
        self._text(state, tuple(self.layout.typed(text)), "block")

    def text_of(self, tokens: list[int]) -> str:
        """What tokens of a reply say, without a tag at their head."""
        return str(self.network.tokenizer.decode(self._spoken(tokens), skip_special_tokens=True))

    def _text(self, state: Conversation, ids: tuple[int, ...], tail: Literal["block", "reply"]) -> None:
        self.drain(state)
        self._begin(state.cache)
        state.cache.begin_block()
        glue = self._glue(state.tail) if tail == "block" or state.tail == "reply" else ()
        self.network.lm.append(state.cache, glue + ids, self.policy)
        state.tail = tail

    def _spoken(self, tokens: list[int]) -> list[int]:
        return tokens[1:] if tokens and tokens[0] in self.layout.tags else tokens

    def _count(self, reply: Reply, heard: str) -> int | None:
        """How many tokens of the reply say `heard`; None if they do not begin with it."""
        letters = _letters(heard)
        if not _letters(self.text_of(reply.tokens)).startswith(letters):
            return None
        counts = range(len(reply.tokens) + 1)
        count = bisect_left(counts, len(letters), key=lambda count: len(_letters(self.text_of(reply.tokens[:count]))))
        # What follows the last word and is no word was heard with it.
        return len(reply.tokens) if letters == _letters(self.text_of(reply.tokens)) else count

    def drain(self, state: Conversation) -> None:
        """Append the blocks that wait."""
        blocks, state.queue = state.queue, []
        if blocks:
            self._append_blocks(state.cache, blocks, state.tail)
            state.tail = "block"

    def _append_blocks(self, cache: KVCache, blocks: list[Any], tail: str) -> None:
        """Several at once in one pass; between them the model was silent, and there the token of silence stands."""
        import torch

        self._begin(cache)
        layout = self.layout
        ids: list[int] = []
        numbers: list[int] = []
        for block in blocks:
            glue = self._glue(tail)
            numbers += [cache.block] * len(glue)  # it belongs to what came before
            around = [*layout.before, *[EMBEDDED] * len(block), *layout.after]
            numbers += [cache.begin_block()] * len(around)
            ids += [*glue, *around]
            tail = "block"
        slots = torch.as_tensor(np.asarray(ids) == EMBEDDED)
        embeddings = self.network.embed([max(token, 0) for token in ids])
        with torch.inference_mode():
            embeddings[slots.to(embeddings.device)] = torch.cat(blocks).to(embeddings.dtype)
        self.network.lm.append_embeddings(cache, embeddings, self.policy)
        kept = len(cache) - len(ids)
        cache.ids = np.concatenate([cache.ids[:kept], ids])
        cache.blocks = np.concatenate([cache.blocks[:kept], numbers])

    def _append_tokens(self, cache: KVCache, reply: Reply) -> None:
        if rest := reply.tokens[reply.appended :]:
            self.network.lm.append(cache, rest, self.policy)
            reply.appended = len(reply.tokens)

    def _begin(self, cache: KVCache) -> None:
        if not len(cache):
            self.network.lm.append(cache, self.layout.prefix)

    def _glue(self, tail: str) -> tuple[int, ...]:
        return {"start": (), "block": self.layout.silence, "reply": self.layout.close}[tail]

    def _read(self, cache: KVCache) -> float | None:
        if self.layout.respond is None:
            return None
        pair = self._numbers(cache)[[self.layout.silence[-1], self.layout.respond]].float()
        return float(pair.softmax(0)[1])

    def _numbers(self, cache: KVCache) -> Any:
        """The logits after the last entry. Raises ModelError if they are not numbers."""
        if bool(cache.logits.isnan().any()):
            raise ModelError(
                f"{self.network.name}: its logits are not numbers: its weights are damaged, or of another type"
            )
        return cache.logits


def _letters(text: str) -> str:
    """Letters and digits alone: what is spoken has other spaces and signs than what was written."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())

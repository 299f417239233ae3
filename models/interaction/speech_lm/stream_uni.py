"""StreamUni (arXiv 2507.07803): one speech language model hears, cuts speech into segments and translates it, in
stages.

Each step the model writes down what the open segment says; the policy of `streaming/policies/truncation` reads from
successive transcripts where the segment ends and how far the translation may go; the model then writes that much of it
behind "transcript <sep> translation so far". The authors compute all of it anew at every step. Here the audio stays in
the cache, to which new audio is appended, and only text is computed on a fork of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from duplex.models.interaction.responders.repetition import RepetitionGuard
from duplex.models.interaction.speech_lm.conversation import Conversation, SpeechLM
from duplex.models.interaction.speech_lm.layout import chat_turns
from duplex.models.interaction.speech_lm.network import SpeechNetwork
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.token_text import TokenText
from duplex.streaming.policies.simultaneous import Wanted, Written, advance
from duplex.streaming.policies.truncation import StreamUni

SEPARATOR = "<sep>"
FRAMES = 64
"""Log-mel frames of a step: 0.64 s, as in the paper."""
STEP = FRAMES / 100
LONGEST = 30.0
"""Seconds of a segment, after which it is cut in any case."""
BLANK = 3
"""Steps without a word after which the audio so far is given up."""
TOKENS_PER_SECOND = 5
TOKENS_PER_WORD = 5
SYSTEM = "You are a helpful assistant."
INSTRUCTION = "Transcribe the audio, then translate the transcript to {target}. Write {separator} between the two."


@dataclass(frozen=True, slots=True)
class TranslatedSegment:
    """A segment that is over. start, end: seconds of the stream, exact to a step. said, written: words."""

    start: float
    end: float
    said: tuple[str, ...]
    written: tuple[str, ...]


@dataclass(slots=True)
class Translating:
    """The state of one stream. done: words of the segments that are over, and `segments` these with their translations.
    begun: seconds at which the open segment begins. kept: its audio, in blocks. known: after each of its steps, how
    many blocks it had and what it said. blank: steps without a word."""

    hearing: Conversation
    policy: StreamUni
    done: tuple[str, ...] = ()
    segments: list[TranslatedSegment] = field(default_factory=list)
    begun: float = 0.0
    kept: list[object] = field(default_factory=list)
    known: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    blank: int = 0


class SpeechTranslator:
    """target: the language, by its English name. k: words that writing lags behind hearing; most: words of one step."""

    def __init__(self, network: SpeechNetwork, target: str, *, k: int = 5, most: int = 8) -> None:
        self.lm = SpeechLM(network, replace(chat_turns(network, SYSTEM), frames=FRAMES))
        self._k, self._most = k, most
        layout = self.lm.layout
        asked = layout.encode(INSTRUCTION.format(target=target, separator=SEPARATOR))
        self._ask = (*asked, *layout.open)

    def initial_state(self) -> Translating:
        return Translating(self.lm.initial_state(), StreamUni(k=self._k, most=self._most))

    def hear(self, state: Translating, samples: np.ndarray) -> Written | None:
        """samples: (n,) float32 at 16 kHz, any n. Returns all that is written so far, None if nothing is new.

        Raises ModelError, and what torch raises.
        """
        if not self.lm.listen(state.hearing, samples):
            return None
        return self._step(state, final=False)

    def finish(self, state: Translating) -> Written | None:
        """The stream is over: the rest is written."""
        self.lm.listen_out(state.hearing)
        return self._step(state, final=True)

    def transcript(self, state: Translating) -> tuple[str, ...]:
        """What the open segment says, in words."""
        if not state.kept:
            return ()
        most = math.ceil(TOKENS_PER_SECOND * STEP * len(state.kept)) + len(self.lm.layout.encode(SEPARATOR))
        text = self._written(state.hearing.cache, (), most, until=SEPARATOR)
        return tuple(text.partition(SEPARATOR)[0].split())

    def _step(self, state: Translating, *, final: bool) -> Written | None:
        hearing = state.hearing
        state.kept += hearing.queue
        self.lm.drain(hearing)
        words = self.transcript(state)
        state.blank = 0 if words else state.blank + 1
        if state.blank >= BLANK:
            self._drop(state, len(state.kept))
        if words:
            state.known.append((len(state.kept), words))
        before = len(state.policy.cuts)
        forced = len(state.kept) * STEP >= LONGEST
        state.policy.truncation.longest = len(words) if forced and words else type(state.policy.truncation)().longest
        written = advance(
            state.policy, (*state.done, *words), final, lambda wanted: (self._translated(state, wanted), ())
        )
        if len(state.policy.cuts) > before:
            cut = state.policy.cuts[-1] - len(state.done)
            blocks = next((blocks for blocks, said in state.known if len(said) >= cut), len(state.kept))
            told = sum(len(segment.written) for segment in state.segments)
            end = state.begun + blocks * STEP
            state.segments.append(TranslatedSegment(state.begun, end, words[:cut], state.policy.closed[told:]))
            state.done += words[:cut]
            self._drop(state, blocks)
        return written

    def _translated(self, state: Translating, wanted: Wanted) -> tuple[str, ...]:
        """The words of the translation that the policy wants, from its first."""
        begin = self.lm.layout.encode(" ".join((*wanted.source, SEPARATOR, *wanted.begin)))
        most = TOKENS_PER_WORD * (self._most if wanted.partial else len(wanted.source) + self._most)
        return (*wanted.begin, *self._written(state.hearing.cache, begin, most, whole=wanted.partial).split())

    def _written(
        self, cache: KVCache, begin: tuple[int, ...] | list[int], most: int, *, until: str = "", whole: bool = False
    ) -> str:
        """What the model writes behind the audio, the question and `begin`: at most `most` tokens, up to `until`, to
        its end or to where it begins to repeat itself. whole: without a last word that may not be complete."""
        lm, trial = self.lm, cache.fork()
        lm.network.lm.append(trial, (*self._ask, *begin), lm.policy)
        text, guard, out = TokenText(lm.network.tokenizer), RepetitionGuard(), ""
        said: list[int] = []
        for _ in range(most):
            token = lm.choose(trial, said)
            if token in lm.layout.ends:
                return out + guard.push(text.take(last=True))
            said.append(token)
            text.put(token)
            out += guard.push(text.take())
            if guard.done or (until and until in out):
                return out
            lm.network.lm.append(trial, [token], lm.policy)
        return out if whole else out + guard.push(text.take(last=True))

    def _drop(self, state: Translating, blocks: int) -> None:
        """The first blocks of the segment are over: what is left is appended anew, and not encoded again."""
        rest = state.kept[blocks:]
        state.begun += blocks * STEP
        state.kept, state.known, state.blank = list(rest), [], 0
        state.hearing.cache, state.hearing.tail, state.hearing.queue = KVCache(), "start", list(rest)
        self.lm.drain(state.hearing)

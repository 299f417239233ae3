"""A speech language model as an answerer that listens by itself, and as a gate that reads its control token."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.decider.contract import BLOCK, Situation, Verdict
from duplex.models.interaction.percepts import Percept
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta
from duplex.models.interaction.speech_lm.conversation import CONTEXT, Conversation, SpeechLM
from duplex.models.interaction.speech_lm.layout import layout_of
from duplex.models.interaction.speech_lm.mel import HALF, HOP
from duplex.models.interaction.speech_lm.network import SpeechNetwork
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import EndpointError, ModelError, StageError, first_line
from duplex.streaming.lm.token_text import TokenText

DIALOGUES = 8
"""Conversations that are kept; the longest unused is forgotten first."""

STANDS = 3
"""Blocks for which a decision to speak stands: the floor gives the turn a moment later."""

GATE = "listener"


@dataclass(slots=True)
class _Dialogue:
    """lock: one step at a time. notes: what was heard of the assistant, not worked in yet. making: the answer that is
    being made, by number. wish: blocks for which the model still wants to speak."""

    state: Conversation
    lock: threading.Lock = field(default_factory=threading.Lock)
    notes: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=32))
    making: int = 0
    answers: int = 0
    wish: int = 0
    blocks: int = 0
    verdict: Verdict | None = None


class SpeechAnswerer:
    """See contract.Answerer and contract.Listens. Steps of one conversation never run at once; those of several do.

    max_new_tokens: at most in one reply. context_tokens: of a conversation. temperature: 0 takes the likeliest token.
    """

    block = round(BLOCK * SAMPLE_RATE)
    ahead = HALF - HOP
    """The last frame of a block is centred on its last hop, and reaches beyond it."""

    def __init__(
        self,
        network: SpeechNetwork,
        *,
        system_prompt: str | None = None,
        max_new_tokens: int = 256,
        context_tokens: int = CONTEXT,
        temperature: float = 0.0,
    ) -> None:
        self.name = network.name
        self.max_new_tokens = max_new_tokens
        self.lm = SpeechLM(network, layout_of(network, system_prompt), context=context_tokens, temperature=temperature)
        self._dialogues: OrderedDict[str, _Dialogue] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def listener(self) -> SpeechAnswerer:
        return self

    def hear(self, dialogue: str, samples: np.ndarray, situation: Situation) -> Verdict | None:
        """See contract.Listens."""
        known = self._dialogue(dialogue)
        with known.lock, self._reported("listening"):
            self._work_in(known)
            state = known.state
            over = situation.speaking or situation.held or situation.answering
            if state.reply is not None and not known.making and not over:
                self.lm.settle(state, "")  # it was taken back before anything of it was heard
            if not self.lm.listen(state, samples):
                return None
            known.blocks += 1
            known.wish = max(0, known.wish - 1)
            replying = state.reply is not None
            score = self.lm.decide(state)
            if score is None:
                return None
            if score < 0.5:
                verdict = Verdict("silent", 1 - score, GATE)
            elif replying:
                verdict = Verdict("yield", score, GATE, "it would answer what it hears now")
            else:
                verdict = Verdict("respond", score, GATE)
                known.wish = STANDS
            known.verdict = verdict
            return verdict

    def heard(self, dialogue: str, text: str, answer: bool) -> None:
        """See contract.Listens."""
        self._dialogue(dialogue).notes.append((text, answer))

    def latest(self, dialogue: str) -> tuple[int, Verdict | None]:
        """How many times the model has listened, and what it decided last."""
        known = self._dialogue(dialogue)
        return known.blocks, known.verdict

    def gate(self, dialogue: str) -> ListenerGate:
        """See contract.Listens."""
        return ListenerGate(self, dialogue)

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        known = self._dialogue(request.dialogue)
        known.answers += 1
        ticket = known.answers
        answer, text = AnswerText(self.max_new_tokens), TokenText(self.lm.network.tokenizer)
        try:
            if not await request.run("respond", self._open, known, ticket, request):
                return
            answer.completion.finish = "length"
            for _ in range(self.max_new_tokens):
                ended = await request.run("respond", self._next, known, ticket, text)
                if (piece := text.take(last=ended)) and (said := answer.push(Delta(piece))):
                    yield Say(said)
                if ended or answer.done:
                    answer.completion.finish = "stop"
                    break
            if (rest := text.take(last=True)) and (said := answer.push(Delta(rest))):
                yield Say(said)
            if said := answer.flush():
                yield Say(said)
            if not answer.spoke:
                cause, spoken = answer.completion.silence()
                raise EndpointError(f"{self.name}: {cause}", spoken=spoken)
        finally:
            if known.making == ticket:
                known.making = 0

    def forget(self, dialogue: str) -> None:
        """The conversation is over."""
        with self._lock:
            self._dialogues.pop(dialogue, None)

    async def close(self) -> None:
        with self._lock:
            self._dialogues.clear()

    def _open(self, known: _Dialogue, ticket: int, request: Request) -> bool:
        """A step: begins a reply; False if the model has decided to stay silent. An older one is over by now."""
        with known.lock, self._reported("answering"):
            known.making = 0
            self._work_in(known)
            state = known.state
            if state.reply is not None:
                self.lm.settle(state, "")
            wanted = known.wish > 0
            if request.typed:
                self.lm.typed(state, request.text)
                wanted = True
            elif (score := self.lm.decide(state)) is not None:
                wanted = wanted or score >= 0.5
            if self.lm.layout.respond is not None and not wanted:
                return False
            known.wish = 0
            known.making = ticket
            self.lm.open_reply(state)
            return True

    def _next(self, known: _Dialogue, ticket: int, text: TokenText) -> bool:
        """A step: one token of the reply; returns whether it is over."""
        with known.lock, self._reported("answering"):
            state = known.state
            if known.making != ticket or state.reply is None:
                return True
            tagged = bool(state.reply.tokens)
            token = self.lm.next_token(state)
            if token is not None and (tagged or token not in self.lm.layout.tags):
                text.put(token)
            return token is None

    def _work_in(self, known: _Dialogue) -> None:
        """What was heard of the assistant since the last step; what was said into an open reply has to wait for it."""
        waiting = []
        while known.notes:
            text, answer = known.notes.popleft()
            if known.state.reply is None:
                if text:
                    self.lm.said(known.state, text)
            elif answer and not known.making:
                self.lm.settle(known.state, text)
            else:
                waiting.append((text, answer))
        known.notes.extend(waiting)

    def _dialogue(self, name: str) -> _Dialogue:
        with self._lock:
            known = self._dialogues.get(name)
            if known is None:
                known = self._dialogues[name] = _Dialogue(self.lm.initial_state())
                while len(self._dialogues) > DIALOGUES:
                    self._dialogues.popitem(last=False)
            self._dialogues.move_to_end(name)
            return known

    @contextmanager
    def _reported(self, doing: str) -> Iterator[None]:
        """What the model raises, as a ModelError of one line."""
        try:
            yield
        except MemoryError as error:
            raise self._out_of_memory(doing) from error
        except (RuntimeError, ValueError, IndexError, TypeError, StageError) as error:
            if "memory" in str(error).lower():
                raise self._out_of_memory(doing) from error
            raise ModelError(f"{self.name} failed while {doing}: {first_line(error)}") from error

    def _out_of_memory(self, doing: str) -> ModelError:
        return ModelError(
            f"{self.name} ran out of memory while {doing}: take a smaller model, or fewer context_tokens than "
            f"{self.lm.policy.most}"
        )


class ListenerGate:
    """A decider's gate: what a speech model's control token says of the latest block of a conversation."""

    name = GATE

    def __init__(self, answerer: SpeechAnswerer, dialogue: str) -> None:
        self._answerer = answerer
        self._dialogue = dialogue

    def initial_state(self) -> int:
        """The number of blocks that the verdict last read was about."""
        return 0

    def read(self, percepts: Sequence[Percept], situation: Situation, state: int) -> tuple[Verdict | None, int]:
        """See Gate. A verdict is given once."""
        blocks, verdict = self._answerer.latest(self._dialogue)
        return (None if blocks == state else verdict), blocks

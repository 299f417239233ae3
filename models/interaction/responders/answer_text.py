"""What of a model's streamed text is spoken: no thoughts, no calls of tools, no markup of turns, no endless loop."""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.interaction.responders.completion_events import Completion, Delta
from duplex.models.interaction.responders.repetition import RepetitionGuard
from duplex.models.interaction.responders.stream_filters import UntilMarker
from duplex.models.interaction.responders.thoughts import WithoutThoughts
from duplex.models.interaction.responders.tool_markup import WithoutToolCalls

TURN_ENDS = ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<start_of_turn>")
"""Tokens of chat templates that some servers pass on as text: what comes after them is another turn."""

CHARACTERS = 12
"""Of a token, at most, on average: a server that ignores the limit is cut there."""


class AnswerText:
    """One answer on its way from the model to speech.

    limit: tokens that were asked for; None if that is not known. markers: beside TURN_ENDS, what ends the answer.
    doubtful, thinking: as WithoutThoughts has them.
    """

    def __init__(
        self,
        limit: int | None,
        markers: Sequence[str] = (),
        *,
        doubtful: bool = False,
        thinking: bool = False,
    ) -> None:
        self.completion = Completion(limit)
        self.spoke = False
        """Whether anything is left to speak so far."""
        self._most = 1_000_000 if limit is None else limit
        self._events = 0
        self._guard = RepetitionGuard(CHARACTERS * self._most)
        self._until = UntilMarker((*TURN_ENDS, *markers))
        self._thoughts = WithoutThoughts(doubtful=doubtful, thinking=thinking)
        self._tools = WithoutToolCalls()

    @property
    def done(self) -> bool:
        """Whether nothing more will be spoken, whatever the model goes on to say."""
        return self._until.done or self._guard.done or self._events > 4 * self._most

    @property
    def unopened(self) -> bool:
        """Whether a thought was closed that nothing had opened."""
        return self._thoughts.unopened

    def push(self, delta: Delta) -> str:
        """What of the delta may be spoken now."""
        self._events += 1  # also those of a model that only reasons, without end
        self.completion.add(delta)
        if delta.reasoning:
            self._thoughts.trust()
        return self._out(self._tools.push(self._thoughts.push(self._until.push(self._guard.push(delta.text)))))

    def flush(self) -> str:
        """What is left when the answer is over."""
        if self.done and not self._until.done:
            self.completion.finish = "length"
        cut = self.completion.finish in ("length", "max_tokens")
        rest = self._thoughts.push(self._until.flush()) + self._thoughts.flush(cut=cut)
        text = self._out(self._tools.push(rest) + self._tools.flush())
        self.completion.reasoned = self.completion.reasoned or self._thoughts.hidden
        self.completion.tool = self.completion.tool or self._tools.tool
        return text

    def _out(self, text: str) -> str:
        text = text if self.spoke else text.lstrip()
        self.spoke = self.spoke or bool(text)
        return text

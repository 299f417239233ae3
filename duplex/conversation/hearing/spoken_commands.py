"""Short commands over a reply, heard by a spotter beside the recognizer: whichever hears one first ends the reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from duplex.conversation.hearing.segmenter import AsrChunk
from duplex.conversation.hearing.utterances import HypothesisListener, UtteranceRecognizer
from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import Steps


class CommandListener(HypothesisListener, Protocol):
    """Who is told of hypotheses and, besides, of commands."""

    @property
    def contested(self) -> bool:
        """Whether a reply is being given that a command would end."""
        ...

    def asks_for_floor(self, text: str) -> bool:
        """Whether the recognizer's text is a command itself."""
        ...

    def command(self, party: str, onset: int, base: int, command: Hypothesis) -> None: ...


class SpokenCommands:
    """One party's spotting: takes the pieces of utterances (`put`) and gives what the recognizer makes of them on.

    It is the listener of the party's recognizer. The transcript gets the words of the spotter where the recognizer
    made no command of the same burst and not much more of it either.
    """

    def __init__(
        self,
        party: str,
        listener: CommandListener,
        spotter: Recognizer[Any],
        steps: Steps,
        recognize: Callable[[AsrChunk], Any],
        after: Node[Any],
    ) -> None:
        self._listener = listener
        self._recognize = recognize
        self._spotted: tuple[int, Hypothesis] | None = None
        """Onset of the last utterance that was a command, and its words."""
        self._utterance: int | None = None
        self._spotting = False
        self._awaited: int | None = None
        """Onset of the utterance on which the spotter has not said its last word."""
        self._held: tuple[str, int, int, Hypothesis] | None = None
        """The recognizer's last words on that utterance: with them a burst would count as nothing, too early."""
        self.recognition = UtteranceRecognizer(
            party, _Spotted(self), spotter, steps, step="spot", capability="command spotting"
        )
        self.node: Node[AsrChunk] = Node(
            f"spot {party}",
            self.recognition.consume,
            finish=self.recognition.finish,
            capability="command spotting",
            after=[after],
        )

    def put(self, piece: AsrChunk) -> None:
        """A piece of an utterance: of one that begins over a reply the spotter gets it too."""
        if piece.utterance != self._utterance:
            self._utterance = piece.utterance
            self._spotting = self._listener.contested
            self._release()
            self._awaited = piece.onset if self._spotting else None
        if self._spotting:
            self.node.put(piece)
        self._recognize(piece)

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        """From the recognizer."""
        if self._spotted is not None and self._spotted[0] == onset:
            words = self._spotted[1].words
            more = len(hypothesis.words) > len(words) + 1 or self._listener.asks_for_floor(hypothesis.text)
            if not more and (hypothesis.final or not hypothesis.stable):
                hypothesis = replace(hypothesis, words=words, stable=len(words) if hypothesis.final else 0)
        if hypothesis.final and onset == self._awaited and not self._listener.asks_for_floor(hypothesis.text):
            self._held = party, onset, base, hypothesis
            return
        self._listener.hypothesis(party, onset, base, hypothesis)

    def spotted(self, party: str, onset: int, base: int, command: Hypothesis) -> None:
        """From the spotter."""
        if command.words:
            self._spotted = onset, command
            self._listener.command(party, onset, base, command)
        if command.final and onset == self._awaited:
            self._release()

    def _release(self) -> None:
        """The recognizer's last words need not wait any more."""
        held, self._held, self._awaited = self._held, None, None
        if held is not None:
            self.hypothesis(*held)

    def capability_lost(self, capability: str, reason: str) -> None:
        self._listener.capability_lost(capability, reason)

    def capability_restored(self, capability: str) -> None:
        self._listener.capability_restored(capability)


class _Spotted:
    """The listener of the spotter."""

    def __init__(self, commands: SpokenCommands) -> None:
        self.hypothesis = commands.spotted
        self.capability_lost = commands.capability_lost
        self.capability_restored = commands.capability_restored

"""What Duplex-nano would answer: a sentence or two, or calls of tools; the stream itself goes on without it.

The answer is written on a branch of the cache and forgotten there: what was really heard of it comes back as a percept.
A call is held to the tools that there are and to their schemas, token by token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from duplex.models.interaction.nano.graph import NanoGraph
from duplex.models.interaction.nano.spoken_arguments import as_called, spoken_schema
from duplex.models.interaction.nano.vocabulary import END, NUMBER, Vocabulary
from duplex.models.interaction.tools import json_prefix, token_mask

LONGEST = 64
"""Tokens of an answer."""
MOST_CALLS = 3
"""Calls in an answer."""
_SAY, _CALL, _RESPOND = NUMBER["<say>"], NUMBER["<call>"], NUMBER["<respond>"]


@dataclass(frozen=True, slots=True)
class Drafted:
    """text: to be spoken; calls: of tools, as names and arguments. complete: False if it has no end within LONGEST
    tokens, or says nothing. score: how probable it is that this is said or these tools are called, whatever the wording
    and the arguments; 0 to 1.
    """

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    complete: bool = True
    score: float = 1.0


class Drafter:
    """Writes answers with one set of weights, for any number of dialogues.

    tools: the schema of the arguments of each tool, by name; without any, no call is written.
    """

    def __init__(self, graph: NanoGraph, vocabulary: Vocabulary, tools: Mapping[str, Mapping[str, Any]]) -> None:
        self.vocabulary = vocabulary
        self.graph = graph
        self._tools = {name: spoken_schema(schema) for name, schema in tools.items()}

    @cached_property
    def _mask(self) -> token_mask.Vocabulary:
        return token_mask.Vocabulary(self.vocabulary.token_bytes())

    def draft(self, cache: np.ndarray, tokens: tuple[int, ...] = (), longest: int = LONGEST) -> Drafted:
        """The likeliest answer after a decision to respond. cache, tokens: what was before it; neither is changed."""
        logits, cache = self.graph.step([*tokens, _RESPOND], cache)
        kinds = _chances(logits[[_SAY, _CALL]])
        if not self._tools or kinds[0] >= kinds[1]:
            return self._text(cache, longest, float(kinds[0]) if self._tools else 1.0)
        return self._calls(cache, longest, float(kinds[1]))

    def _text(self, cache: np.ndarray, longest: int, score: float) -> Drafted:
        written: list[int] = []
        logits, cache = self.graph.step([_SAY], cache)
        while (token := int(logits.argmax())) != END:
            written.append(token)
            if len(written) >= longest:
                return Drafted(complete=False, score=score)
            logits, cache = self.graph.step([token], cache)
        text = self.vocabulary.decode(written)
        return Drafted(text, complete=bool(text), score=score)

    def _calls(self, cache: np.ndarray, longest: int, score: float) -> Drafted:
        calls: list[tuple[str, dict[str, Any]]] = []
        token, written = _CALL, 0
        while token == _CALL and len(calls) < MOST_CALLS:
            states = json_prefix.start_named(self._tools, b" ")
            piece: list[int] = []
            logits, cache = self.graph.step([_CALL], cache)
            while not json_prefix.only_complete(states):
                if written >= longest:
                    return Drafted(complete=False, score=score)
                possible = self._mask.allowed(states)
                token = int(np.where(possible, logits, -np.inf).argmax())
                if not self._named(piece):
                    score *= float(_chances(logits)[token])
                piece.append(token)
                written += 1
                states = json_prefix.accepted(states, self._mask.tokens[token] or b"")
                logits, cache = self.graph.step([token], cache)
            name, _, given = self.vocabulary.decode(piece).partition(" ")
            called = as_called(json.loads(given))
            if called is None:
                return Drafted(complete=False, score=score)
            calls.append((name, called))
            token = _CALL if logits[_CALL] > logits[END] else END
        return Drafted(calls=tuple(calls), score=score)

    def _named(self, piece: list[int]) -> bool:
        """Whether the name of the tool is complete."""
        return b"{" in b"".join(self._mask.tokens[token] or b"" for token in piece)


def _chances(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(raised / raised.sum())

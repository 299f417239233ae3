"""What Duplex-nano would answer: a sentence or two, or calls of tools; the stream itself goes on without it.

The answer is written on a branch of the state and forgotten there: what was really heard of it comes back as a percept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from duplex.models.interaction.nano.gate import NanoGate, NanoState
from duplex.models.interaction.nano.vocabulary import END, NUMBER

LONGEST = 64
"""Tokens of an answer."""
_SAY, _CALL, _RESPOND = NUMBER["<say>"], NUMBER["<call>"], NUMBER["<respond>"]


@dataclass(frozen=True, slots=True)
class Drafted:
    """text: to be spoken; calls: of tools, as names and arguments. complete: False if it has no end within LONGEST
    tokens, or is no answer: an unknown form, or arguments that are no JSON object.
    """

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    complete: bool = True


def draft(gate: NanoGate, state: NanoState, longest: int = LONGEST) -> Drafted:
    """The likeliest answer, token by token, after a decision to respond. `state` stays as it is."""
    graph, cache = gate.graph, state.cache
    logits, cache = graph.step([_RESPOND], cache)
    tokens = [_SAY if logits[_SAY] >= logits[_CALL] else _CALL]
    while len(tokens) < longest:
        logits, cache = graph.step(tokens[-1:], cache)
        token = int(logits.argmax())
        if token == END:
            return _read(gate, tokens)
        tokens.append(token)
    return Drafted(complete=False)


def _read(gate: NanoGate, tokens: list[int]) -> Drafted:
    if tokens[0] == _SAY:
        text = gate.vocabulary.decode(tokens[1:])
        return Drafted(text, complete=bool(text))
    pieces: list[list[int]] = []
    for token in tokens:
        if token == _CALL:
            pieces.append([])
        else:
            pieces[-1].append(token)
    calls = []
    for piece in pieces:
        name, _, given = gate.vocabulary.decode(piece).partition(" ")
        try:
            arguments = json.loads(given)
        except ValueError:
            return Drafted(complete=False)
        if not isinstance(arguments, dict):
            return Drafted(complete=False)
        calls.append((name, arguments))
    return Drafted(calls=tuple(calls))
